"""The log of communications with OPS."""

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
from models.enums import LogAction, LogStatus

ACTOR_MAX_LENGTH = 200
REQUEST_ID_MAX_LENGTH = 128


class LogEntry(Model):
    """One communication with OPS.

    The service never deletes log entries, not even those of deleted tickets, so ``ticket_id``
    is not a foreign key. The feed is ordered by (transaction, sequence), as for
    `TicketEvent`.
    """

    id = id_column(primary_key=True, default=new_id)
    ticket_id = id_column()
    delivery_id = id_column(null=True)
    action = enum_column(LogAction)
    status = enum_column(LogStatus)
    timestamp = time_column()
    response = json_column(null=True)
    attempt = fields.IntField(null=True)
    duration_ms = fields.IntField(null=True)
    actor = text_column(ACTOR_MAX_LENGTH, null=True)
    request_id = text_column(REQUEST_ID_MAX_LENGTH, null=True)
    transaction = fields.BigIntField(db_default=TRANSACTION)
    sequence = fields.BigIntField(db_default=next_in_feed("log_entries_sequence"))

    class Meta:
        table = "log_entries"
        indexes = (
            Index(fields=("transaction", "sequence"), name="log_entries_in_order"),
            Index(fields=("timestamp", "id"), name="log_entries_by_timestamp"),
            Index(fields=("ticket_id", "timestamp", "id"), name="log_entries_of_ticket"),
            Index(fields=("delivery_id", "timestamp", "id"), name="log_entries_of_delivery"),
            Index(fields=("status", "action", "timestamp", "id"), name="log_entries_of_result"),
        )
