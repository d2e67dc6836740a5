"""The columns that several tables share."""

from typing import Any

import uuid_utils
from tortoise import fields
from tortoise.fields.db_defaults import Now

ID_MAX_LENGTH = 64


def new_id() -> str:
    """Return a new UUIDv7 (RFC 9562, section 5.7), so that ids sort by the time of their making."""
    return str(uuid_utils.uuid7())


def id_column(**options: Any) -> fields.CharField[str]:
    """Return a column for an id of ours or of a caller: 1 to 64 characters of text."""
    return fields.CharField(max_length=ID_MAX_LENGTH, **options)


def time_column(**options: Any) -> fields.DatetimeField[Any]:
    """Return a column for a moment; the database's clock fills it where nobody else does."""
    return fields.DatetimeField(db_default=Now(), **options)


def json_column(**options: Any) -> fields.JSONField[str]:
    """Return a jsonb column whose Python value is the JSON text, so that nothing is lost by parsing."""
    return fields.JSONField(decoder=_as_text, **options)


def _as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()
