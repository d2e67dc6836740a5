"""The table of communications with OPS."""

from tortoise import fields
from tortoise.models import Model

from models.columns import id_column, json_column, new_id, time_column
from models.enums import LogAction, LogStatus

ACTOR_MAX_LENGTH = 200
REQUEST_ID_MAX_LENGTH = 128


class LogEntry(Model):
    """One communication with OPS, kept for good: ticket_id has no foreign key, for logs outlive tickets."""

    id = id_column(primary_key=True, default=new_id)
    ticket_id = id_column()
    delivery_id = id_column(null=True)
    action = fields.CharEnumField(LogAction, max_length=20)
    status = fields.CharEnumField(LogStatus, max_length=20)
    timestamp = time_column()
    response = json_column(null=True)
    attempt = fields.IntField(null=True)
    duration_ms = fields.IntField(null=True)
    actor = fields.CharField(max_length=ACTOR_MAX_LENGTH, null=True)
    request_id = fields.CharField(max_length=REQUEST_ID_MAX_LENGTH, null=True)

    class Meta:
        table = "log_entries"
