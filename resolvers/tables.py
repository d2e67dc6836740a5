"""The one door to rows: every table that the API reads, with the orders it is listed in."""

from engine.sql.paging import Kind, Order, Term, cursor_encoder
from engine.sql.tables import Computed, table_of
from models import LogEntry, OpsDelivery, Ticket, TicketEvent
from models.ticket import PRIORITY_RANK, STATUS_RANK

_KEY = Term('"id"', Kind.TEXT)

# The order of the feed; newest first it is the order of the history. Both have the
# same cursors, so that a reader of the history can go on with the feed.
EVENT_ORDER = Order(
    "events", (Term('"transaction"', Kind.INTEGER), Term('"sequence"', Kind.INTEGER))
)
NEWEST_EVENT_FIRST = Order(EVENT_ORDER.name, EVENT_ORDER.terms, descending=True)


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

NEWEST_LOG_ENTRY_FIRST = Order(
    "log_entries", (Term('"timestamp"', Kind.TIME), _KEY), descending=True
)
NEWEST_DELIVERY_FIRST = Order(
    "deliveries", (Term('"created_at"', Kind.TIME), _KEY), descending=True
)


# What tickets can be ordered by: the expression has an index together with the id.
_TICKET_TERMS = {
    "created_at": Term('"created_at"', Kind.TIME),
    "updated_at": Term('"updated_at"', Kind.TIME),
    "priority": Term(PRIORITY_RANK, Kind.INTEGER),
    "status": Term(STATUS_RANK, Kind.INTEGER),
    "subject": Term('"subject"', Kind.TEXT),
}
TICKET_ORDERS = {
    (name, descending): Order(
        f"tickets.{name}.{'desc' if descending else 'asc'}", (term, _KEY), descending=descending
    )
    for name, term in _TICKET_TERMS.items()
    for descending in (False, True)
}
NEWEST_TICKET_FIRST = TICKET_ORDERS["created_at", True]
