"""The outbox: the table of deliveries of tickets to OPS."""

from tortoise import fields
from tortoise.indexes import Index, PartialIndex
from tortoise.models import Model

from models.columns import enum_column, id_column, json_column, new_id, text_column, time_column
from models.enums import OpsRemoteStatus, OpsState
from models.log_entry import ACTOR_MAX_LENGTH, REQUEST_ID_MAX_LENGTH

REFERENCE_MAX_LENGTH = 200
LAST_ERROR_MAX_LENGTH = 2_000


class OpsDelivery(Model):
    """One delivery of a ticket to OPS, with all its attempts.

    Its id is the idempotency key of every attempt. A claim increments ``attempts`` and sets
    ``lease_until``. An outcome changes the delivery only while both still have the values of
    the claim (the fence), so the outcome of a process that has lost its lease is ignored.
    """

    id = id_column(primary_key=True, default=new_id)
    ticket_id = id_column()
    # The ticket at the time of the request: every attempt sends the same payload.
    payload = json_column()
    state = enum_column(OpsState, default=OpsState.PENDING)
    attempts = fields.IntField(default=0, db_default=0)
    # Number of attempts before the last manual retry: they do not count against
    # OPS_MAX_ATTEMPTS.
    attempts_forgiven = fields.IntField(default=0, db_default=0)
    reference = text_column(REFERENCE_MAX_LENGTH, null=True)
    remote_status = enum_column(OpsRemoteStatus, null=True)
    last_error = text_column(LAST_ERROR_MAX_LENGTH, null=True)
    requested_by = text_column(ACTOR_MAX_LENGTH, null=True)
    request_id = text_column(REQUEST_ID_MAX_LENGTH, null=True)
    created_at = time_column()
    # When the next attempt is due; null unless pending. While an attempt is running it is
    # the end of the lease, when another process may take over.
    next_attempt_at = fields.DatetimeField(null=True)
    # End of the lease of the running attempt; null if there is none.
    lease_until = fields.DatetimeField(null=True)
    delivered_at = fields.DatetimeField(null=True)

    class Meta:
        table = "ops_deliveries"
        indexes = (
            Index(fields=("created_at", "id"), name="ops_deliveries_by_created_at"),
            Index(fields=("ticket_id", "created_at", "id"), name="ops_deliveries_of_ticket"),
            PartialIndex(
                fields=("created_at", "id"),
                name="ops_deliveries_pending",
                condition={"state": OpsState.PENDING.value},
            ),
            PartialIndex(
                fields=("created_at", "id"),
                name="ops_deliveries_failed",
                condition={"state": OpsState.FAILED.value},
            ),
        )
