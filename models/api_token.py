"""The table of API tokens."""

from tortoise import fields
from tortoise.models import Model

from models.columns import id_column, json_column, new_id, text_column, time_column

NAME_MAX_LENGTH = 200


class ApiToken(Model):
    """A credential of a named caller. Only the SHA-256 of the secret is stored."""

    id = id_column(primary_key=True, default=new_id)
    name = text_column(NAME_MAX_LENGTH, unique=True)
    digest = text_column(64, unique=True)
    # A list of scope names.
    scopes = json_column()
    created_at = time_column()
    expires_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "api_tokens"
