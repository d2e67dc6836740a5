"""The table of idempotency keys."""

from tortoise import fields
from tortoise.models import Model

from models.columns import id_column, text_column, time_column
from models.log_entry import ACTOR_MAX_LENGTH

KEY_MAX_LENGTH = 255


class IdempotencyKey(Model):
    """An idempotency key that a caller sent with a mutation, and the id of the result."""

    id = fields.BigIntField(primary_key=True, generated=True)
    # Name of the caller; empty for an anonymous caller. If another caller of the same name uses
    # the same key, its identity.
    caller = text_column(ACTOR_MAX_LENGTH)
    key = text_column(KEY_MAX_LENGTH)
    # Hexadecimal SHA-256 of the mutation's name and input.
    fingerprint = text_column(64)
    result_id = id_column()
    created_at = time_column()
    # Hexadecimal SHA-256 of the caller's identity; null in rows of older versions.
    caller_identity = text_column(64, null=True)

    class Meta:
        table = "idempotency_keys"
        unique_together = (("caller", "key"),)
