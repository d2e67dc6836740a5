"""The table of changes: audit trail, history and feed at once."""

from tortoise import fields
from tortoise.fields.db_defaults import SqlDefault
from tortoise.models import Model

from models.columns import id_column, json_column, new_id, time_column
from models.enums import TicketEventType
from models.log_entry import ACTOR_MAX_LENGTH, REQUEST_ID_MAX_LENGTH


class TicketEvent(Model):
    """One change of a ticket, written in the transaction of that change.

    The order is (transaction, sequence). Transactions commit out of order, so a
    reader of the feed goes only up to the oldest running one
    (``txid_snapshot_xmin``), never by the highest sequence seen. A writer takes
    the ticket's advisory lock before its transaction has a number, so that for
    one ticket this order is the order of commits.
    """

    id = id_column(primary_key=True, default=new_id)
    ticket_id = id_column()
    type = fields.CharEnumField(TicketEventType, max_length=20)
    at = time_column()
    actor = fields.CharField(max_length=ACTOR_MAX_LENGTH, null=True)
    request_id = fields.CharField(max_length=REQUEST_ID_MAX_LENGTH, null=True)
    # A list of {"field": GraphQL name, "before": value, "after": value}.
    changes = json_column()
    transaction = fields.BigIntField(db_default=SqlDefault("txid_current()"))
    sequence = fields.BigIntField(db_default=SqlDefault("nextval('ticket_events_sequence')"))

    class Meta:
        table = "ticket_events"
