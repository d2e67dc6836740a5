"""The outbox: the table of orders to bring a ticket to OPS."""

from tortoise import fields
from tortoise.models import Model

from models.columns import id_column, json_column, new_id, time_column
from models.enums import OpsRemoteStatus, OpsState
from models.log_entry import ACTOR_MAX_LENGTH, REQUEST_ID_MAX_LENGTH

REFERENCE_MAX_LENGTH = 200
LAST_ERROR_MAX_LENGTH = 2_000


class OpsDelivery(Model):
    """One order to bring a ticket to OPS, with all its attempts; its id is the idempotency key that OPS sees.

    It is claimed by raising ``attempts`` and setting ``lease_until``; whoever
    records an outcome does so only while ``attempts`` is still the number that it
    claimed (the fence), so that one who lost its lease changes nothing.
    """

    id = id_column(primary_key=True, default=new_id)
    ticket_id = id_column()
    # The ticket as it was when the order was given: every attempt sends the same.
    payload = json_column()
    state = fields.CharEnumField(OpsState, max_length=20, default=OpsState.PENDING)
    attempts = fields.IntField(default=0, db_default=0)
    reference = fields.CharField(max_length=REFERENCE_MAX_LENGTH, null=True)
    remote_status = fields.CharEnumField(OpsRemoteStatus, max_length=20, null=True)
    last_error = fields.CharField(max_length=LAST_ERROR_MAX_LENGTH, null=True)
    requested_by = fields.CharField(max_length=ACTOR_MAX_LENGTH, null=True)
    request_id = fields.CharField(max_length=REQUEST_ID_MAX_LENGTH, null=True)
    created_at = time_column()
    # When the next attempt is due; null unless pending.
    next_attempt_at = fields.DatetimeField(null=True)
    # Until when the attempt under way may take; null when none is.
    lease_until = fields.DatetimeField(null=True)
    delivered_at = fields.DatetimeField(null=True)

    class Meta:
        table = "ops_deliveries"
