"""Which conditions an index answers."""

from datetime import UTC, datetime
from typing import Any

from engine.sql.expressions import Access
from models import TicketStatus
from resolvers.tables import TICKETS
from resolvers.tickets.filters import LARGE, ticket_condition


def _value_of(name: str) -> Any:
    column = TICKETS.columns[name]
    if column.enum_names is not None:
        return TicketStatus.OPEN
    if column.is_time:
        return datetime(2026, 1, 1, tzinfo=UTC)
    return 1 if column.plain_type is int else "text"


def test_a_search_is_limited_by_the_columns_with_an_index_but_not_by_the_subject() -> None:
    indexed = {
        name
        for name, column in TICKETS.columns.items()
        if not column.is_json
        and ticket_condition({name: {"eq": _value_of(name)}}).access is Access.ORDERED
    }
    expected = {"id", "status", "assigned_to", "created_at", "updated_at"}
    expected |= {"customer_email", "customer_name"}
    assert indexed == expected
    with_search = ticket_condition({"search": "printer", "subject": {"eq": "Printer"}})
    assert with_search.has_scanned_part


def test_a_large_filter_is_compiled_once_for_all_fields_with_its_variable() -> None:
    def numbered(first: str) -> dict[str, Any]:
        return {"or": [{"category": {"eq": value}} for value in (first, *map(str, range(LARGE)))]}

    one, other = numbered("a"), numbered("b")
    condition = ticket_condition(one)
    assert ticket_condition(one) is condition
    assert ticket_condition(other).values[0] == "b"
    assert ticket_condition(one).values == condition.values
