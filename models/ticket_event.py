"""The table of ticket events: audit trail, history and event feed in one."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.columns import (
    TRANSACTION,
    enum_column,
    id_column,
    json_column,
    new_id,
    next_in_feed,
    text_column,
    time_column,
)
from models.enums import TicketEventType
from models.log_entry import ACTOR_MAX_LENGTH, REQUEST_ID_MAX_LENGTH


class TicketEvent(Model):
    """One change of a ticket, written in the transaction of that change.

    Events are ordered by (transaction, sequence). Transactions commit out of order, so
    a reader of the feed stops at the oldest running transaction (``txid_snapshot_xmin``)
    and never at the highest sequence seen. A writer acquires the ticket's lock
    (`models.ticket_lock`) before its transaction has a number, so for one ticket this
    order is the order of commits.
    """

    id = id_column(primary_key=True, default=new_id)
    ticket_id = id_column()
    type = enum_column(TicketEventType)
    at = time_column()
    actor = text_column(ACTOR_MAX_LENGTH, null=True)
    request_id = text_column(REQUEST_ID_MAX_LENGTH, null=True)
    # A list of {"field": GraphQL name, "before": value, "after": value}.
    changes = json_column()
    transaction = fields.BigIntField(db_default=TRANSACTION)
    sequence = fields.BigIntField(db_default=next_in_feed("ticket_events_sequence"))

    class Meta:
        table = "ticket_events"
        indexes = (
            Index(fields=("transaction", "sequence"), name="ticket_events_in_order"),
            Index(fields=("ticket_id", "transaction", "sequence"), name="ticket_events_of_ticket"),
        )
