"""Every table that the API reads, and the orders in which its rows are listed."""

from collections.abc import Iterable, Mapping
from typing import Any

from tortoise import fields
from tortoise.models import Model

from engine.sql.cursors import cursor_encoder
from engine.sql.ordering import OrderTerm, RowOrder, TermKind
from engine.sql.tables import Computed, Table, table_of
from models import NODE_MODELS, LogEntry, OpsDelivery, Ticket, TicketEvent
from models.columns import enum_of
from models.ticket import TICKET_COLUMNS, rank

_KEY = OrderTerm('"id"', TermKind.TEXT)

# The order of the feed. Its reverse is the order of the history, with the same cursors, so
# that a client can read the history and then continue with the feed.
EVENT_ORDER = RowOrder(
    "events",
    (OrderTerm('"transaction"', TermKind.BIGINT), OrderTerm('"sequence"', TermKind.BIGINT)),
)
NEWEST_EVENT_FIRST = RowOrder(EVENT_ORDER.name, EVENT_ORDER.terms, descending=True)

_encode_event = cursor_encoder(EVENT_ORDER, (0, 1))


def event_cursor(transaction: int, sequence: int) -> str:
    """Return the cursor of an event in the feed."""
    return _encode_event([(transaction, sequence)])[0]


_COMPUTED: Mapping[type[Model], Mapping[str, Computed]] = {
    TicketEvent: {"cursor": Computed(("transaction", "sequence"), event_cursor)}
}
TABLES: Mapping[type[Model], Table] = {
    model: table_of(model, computed=_COMPUTED.get(model)) for model in NODE_MODELS
}
TICKETS = TABLES[Ticket]
LOG_ENTRIES = TABLES[LogEntry]
DELIVERIES = TABLES[OpsDelivery]
EVENTS = TABLES[TicketEvent]

NEWEST_LOG_ENTRY_FIRST = RowOrder(
    "log_entries", (OrderTerm('"timestamp"', TermKind.TIME), _KEY), descending=True
)
NEWEST_DELIVERY_FIRST = RowOrder(
    "deliveries", (OrderTerm('"created_at"', TermKind.TIME), _KEY), descending=True
)


def _ticket_term(name: str, column: fields.Field[Any]) -> OrderTerm:
    """Return the sort key of a column: an enumeration sorts by position, all else by value."""
    if (enum := enum_of(column)) is not None:
        return OrderTerm(rank(name, enum), TermKind.INTEGER)
    if isinstance(column, fields.DatetimeField):
        return OrderTerm(f'"{name}"', TermKind.TIME)
    if isinstance(column, fields.BigIntField):
        return OrderTerm(f'"{name}"', TermKind.BIGINT)
    if isinstance(column, fields.IntField):
        return OrderTerm(f'"{name}"', TermKind.INTEGER)
    return OrderTerm(f'"{name}"', TermKind.TEXT)


# By column and direction. Columns that may be null are not included, because a cursor cannot
# hold null. `TicketOrderField` in the schema lists the columns that clients may sort by: each
# needs an index on (column, id).
TICKET_ORDERS = {
    (name, descending): RowOrder(
        f"tickets.{name}.{'desc' if descending else 'asc'}",
        (_ticket_term(name, column), _KEY),
        descending=descending,
    )
    for name, column in TICKET_COLUMNS.items()
    if not column.null
    for descending in (False, True)
}
NEWEST_TICKET_FIRST = TICKET_ORDERS["created_at", True]


def check_sort_keys(names: Iterable[str]) -> None:
    """Raise TypeError if tickets cannot be sorted by one of these columns."""
    for name in names:
        if name not in TICKET_COLUMNS:
            raise TypeError(
                f"TicketOrderField has {name!r}, which is not a column of Ticket. Correct"
                " TicketOrderField in schema/tickets/filters.py."
            )
        if (name, False) not in TICKET_ORDERS:
            raise TypeError(
                f"Tickets cannot be sorted by {name!r}, because this column may be null, which a"
                " cursor cannot hold. Give the column a default instead of null=True in"
                " models/ticket.py, or delete it from TicketOrderField in"
                " schema/tickets/filters.py."
            )


def graphql_name(column: str) -> str:
    """Return the GraphQL name of a column: its name in camel case."""
    first, *others = column.split("_")
    return first + "".join(word.capitalize() for word in others)
