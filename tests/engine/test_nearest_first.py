"""Tests of pages of inverted conditions, which are first looked up among the nearest rows."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from engine.projection.reading import ParentKeys, for_parents, read
from engine.sql import statements
from engine.sql.expressions import ParentColumn, Sql, all_of, render
from engine.sql.ordering import Keyset
from engine.sql.paging import Window
from engine.sql.queries import Page
from engine.sql.statements import (
    PARENTS,
    expressions_statement,
    opposite_page_expression,
    page_statement,
    page_values,
)
from models import Ticket
from resolvers.context import Context
from resolvers.tables import NEWEST_TICKET_FIRST, TICKETS
from resolvers.tickets.filters import ticket_condition
from tests.engine import dataset
from tests.engine.comparison import serialized_data
from tests.engine.execution import execute_projected, execute_reference, prepare
from tests.engine.reference import Rows
from tests.feed.readers import connected

PAGE = """
query ($filter: TicketFilter, $order: TicketOrder, $first: Int, $last: Int,
       $after: String, $before: String) {
  tickets(
    filter: $filter, orderBy: $order, first: $first, last: $last, after: $after, before: $before
  ) {
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
  }
}
"""
FILTERS: list[dict[str, Any]] = [
    {"search": "subject"},
    {"search": "1"},
    {"search": "subject -1", "status": {"neq": "OPEN"}},
    {"metadata": {"contains": {}}},
    {
        "search": "subject",
        "createdAt": {"gt": "2026-01-31T08:15:00Z"},
        "status": {"in": ["PENDING", "CLOSED"]},
    },
    {
        "and": [{"search": "subject"}, {"updatedAt": {"gte": "2026-01-31T08:16:00Z"}}],
        "priority": {"eq": "LOW"},
    },
    {"or": [{"search": "2"}, {"metadata": {"contains": []}}]},
    {"not": {"search": "1"}},
]
CURSORS = {
    order: cursors for order, cursors in dataset.cursors().items() if order.startswith("tickets.")
}
# Newest first, one minute apart. All contain "common", and one in a thousand contains "rare".
MANY_TICKETS = """
INSERT INTO tickets (id, subject, description, customer_name, customer_email, metadata, created_at)
SELECT
    number::text, 'common' || CASE number % 1000 WHEN 999 THEN ' rare' ELSE '' END,
    repeat('long ', 200), 'N', 'n@example.com', jsonb_build_object('thousand', number / 1000),
    $2::timestamptz - number * INTERVAL '1 minute'
FROM generate_series(0, $1 - 1) AS number
"""
# With fewer rows PostgreSQL chooses another index.
MANY = 10_000
NEWEST = datetime(2026, 1, 1, tzinfo=UTC)


def windows(cursors: Sequence[str]) -> list[dict[str, Any]]:
    """Return pages from both ends, from cursors in the middle, and between two cursors."""
    here, there = cursors[4], cursors[-5]
    return [
        {"first": 2},
        {"last": 2},
        {"first": 3, "after": here},
        {"last": 3, "before": there},
        # In both orders, because their order in the list depends on the order of the list.
        {"first": 2, "after": here, "before": there},
        {"first": 2, "after": there, "before": here},
        {"last": 2, "after": here, "before": there},
        {"last": 2, "after": there, "before": here},
        {"first": 100},
    ]


@pytest.mark.parametrize("order", CURSORS)
@pytest.mark.parametrize("nearest", [1, 2, 100])
async def test_a_page_does_not_depend_on_the_number_of_nearest_rows(
    context: Context, rows: Rows, monkeypatch: pytest.MonkeyPatch, nearest: int, order: str
) -> None:
    monkeypatch.setattr(statements, "NEAREST_PER_ROW", nearest)
    document = prepare(PAGE)
    _, field, direction = order.upper().split(".")
    for filter_ in FILTERS:
        found = 0
        for window in windows(CURSORS[order]):
            variables = {
                "filter": filter_,
                "order": {"field": field, "direction": direction},
                **window,
            }
            answer = await execute_projected(document, variables, context)
            expected = await execute_reference(document, variables, context, rows)
            assert serialized_data(answer) == serialized_data(expected), variables
            assert answer.data is not None
            found += len(answer.data["tickets"]["edges"])
        assert found, filter_


@pytest.mark.usefixtures("context")
async def test_each_parent_has_its_own_page() -> None:
    same_customer = Sql('"customer_email" = $?', (ParentColumn("customer_email"),))
    where = all_of((same_customer, ticket_condition({"search": "subject"})))
    page = Page(TICKETS, NEWEST_TICKET_FIRST, Window(size=2), where)
    emails = ["customer2@example.com", "missing@example.com", "customer0@example.com"]
    parent_keys = ParentKeys(("customer_email",), [(email,) for email in emails])
    text, _ = render(for_parents(page_statement(page, "id"), parent_keys), outer=PARENTS)
    groups = await read(text, page_values(page), parent_keys)
    for email, group in zip(emails, groups, strict=True):
        newest = await Ticket.filter(customer_email=email).order_by("-created_at", "-id").limit(3)
        assert [record[0] for record in group] == [ticket.id for ticket in newest]


@pytest.mark.usefixtures("database")
async def test_the_index_is_used_only_if_nearest_rows_do_not_fill_the_page(
    database_url: str,
) -> None:
    def found_by(filter_: Any, *, after: int | None = None) -> Page:
        window = Window(size=20, after=None if after is None else keyset_of(after))
        return Page(TICKETS, NEWEST_TICKET_FIRST, window, ticket_condition(filter_))

    async with connected(database_url) as connection:
        await connection.execute(MANY_TICKETS, MANY, NEWEST)
        await connection.execute("VACUUM ANALYZE tickets")

        async def scans(index: str, statement: Sql) -> int:
            """Return the number of scans of an index, which must be part of the plan."""
            text, values = render(statement)
            plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", *values)
            nodes = list(nodes_of(orjson.loads(plan)[0]["Plan"]))
            # A bitmap scan of most of the table would be slow.
            assert ("tickets_by_created_at", "Bitmap Index Scan") not in [
                (node.get("Index Name"), node["Node Type"]) for node in nodes
            ]
            [scan] = [node for node in nodes if node.get("Index Name") == index]
            loops: int = scan["Actual Loops"]
            return loops

        async def searches(words: str, *, after: int | None = None, **others: Any) -> int:
            page = found_by({"search": words, **others}, after=after)
            return await scans("tickets_search", page_statement(page, "id"))

        assert await searches("common") == 0
        assert await searches("rare") == 1
        assert await searches("unknown") == 1
        assert await searches("rare", after=999) == 1
        # No rows follow the nearest ones.
        assert await searches("rare", after=MANY - 1_000) == 0
        # An ordered condition limits the walk to its rows.
        old = NEWEST - timedelta(minutes=MANY // 2)
        assert await searches("common", created_at={"lt": old}) == 0
        # With a condition without an index, more rows are walked.
        assert await searches("common", subject={"contains": "rare"}) == 0

        async def lookups(thousand: int) -> int:
            page = found_by({"metadata": {"contains": {"thousand": thousand}}})
            return await scans("tickets_metadata", page_statement(page, "id"))

        assert await lookups(0) == 0
        assert await lookups(9) == 1

        # The check for an opposite page walks as many rows as the page.
        page = found_by({"search": "rare"}, after=1_500)
        assert (
            await scans("tickets_search", expressions_statement([opposite_page_expression(page)]))
            == 0
        )


def keyset_of(number: int) -> Keyset:
    """Return the keyset of a ticket in the list of newest tickets."""
    return ((NEWEST - timedelta(minutes=number)).isoformat(), str(number))


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a node of a plan and all nodes below it."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes_of(part)
