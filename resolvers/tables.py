"""The one door to rows: every table that the API reads, with the orders it is listed in."""

from engine.sql.cursors import cursor_encoder
from engine.sql.ordering import OrderTerm, RowOrder, TermKind
from engine.sql.tables import Computed, table_of
from models import LogEntry, OpsDelivery, Ticket, TicketEvent
from models.ticket import PRIORITY_RANK, STATUS_RANK

_KEY = OrderTerm('"id"', TermKind.TEXT)

# The order of the feed; newest first it is the order of the history. Both have the
# same cursors, so that a reader of the history can go on with the feed.
EVENT_ORDER = RowOrder(
    "events",
    (OrderTerm('"transaction"', TermKind.INTEGER), OrderTerm('"sequence"', TermKind.INTEGER)),
)
NEWEST_EVENT_FIRST = RowOrder(EVENT_ORDER.name, EVENT_ORDER.terms, descending=True)


_encode_event = cursor_encoder(EVENT_ORDER, (0, 1))


def event_cursor(transaction: int, sequence: int) -> str:
    """Return the place of an event in the feed."""
    return _encode_event([(transaction, sequence)])[0]


TICKETS = table_of(Ticket)
LOG_ENTRIES = table_of(LogEntry)
DELIVERIES = table_of(OpsDelivery)
EVENTS = table_of(
    TicketEvent, computed={"cursor": Computed(("transaction", "sequence"), event_cursor)}
)

# Where `node` looks for an id, in this order.
NODE_TABLES = (TICKETS, DELIVERIES, LOG_ENTRIES, EVENTS)

NEWEST_LOG_ENTRY_FIRST = RowOrder(
    "log_entries", (OrderTerm('"timestamp"', TermKind.TIME), _KEY), descending=True
)
NEWEST_DELIVERY_FIRST = RowOrder(
    "deliveries", (OrderTerm('"created_at"', TermKind.TIME), _KEY), descending=True
)


# What tickets can be ordered by: the expression has an index together with the id.
_TICKET_TERMS = {
    "created_at": OrderTerm('"created_at"', TermKind.TIME),
    "updated_at": OrderTerm('"updated_at"', TermKind.TIME),
    "priority": OrderTerm(PRIORITY_RANK, TermKind.INTEGER),
    "status": OrderTerm(STATUS_RANK, TermKind.INTEGER),
    "subject": OrderTerm('"subject"', TermKind.TEXT),
}
TICKET_ORDERS = {
    (name, descending): RowOrder(
        f"tickets.{name}.{'desc' if descending else 'asc'}", (term, _KEY), descending=descending
    )
    for name, term in _TICKET_TERMS.items()
    for descending in (False, True)
}
NEWEST_TICKET_FIRST = TICKET_ORDERS["created_at", True]
