"""The columns that several tables share.

All text is PostgreSQL's ``text``: how long a value may be, and which values an
enumeration has, is a CHECK of the database. (A ``varchar(n)`` would silently cut
blanks off, and its error names no column.)
"""

from enum import StrEnum
from typing import Any, TypeVar

import uuid_utils
from tortoise import fields
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.fields.db_defaults import Now

ID_MAX_LENGTH = 64

E = TypeVar("E", bound=StrEnum)


def new_id() -> str:
    """Return a new UUIDv7 (RFC 9562, section 5.7), so that ids sort by the time of their making."""
    return str(uuid_utils.uuid7())


class TextColumn(fields.CharField[str]):
    """Text of a bounded length, in characters."""

    SQL_TYPE = "TEXT"


class EnumColumn(CharEnumFieldInstance):
    """A value of an enumeration, stored as its text."""

    SQL_TYPE = "TEXT"


def text_column(max_length: int, **options: Any) -> fields.CharField[str]:
    """Return a column for at most so many characters of text."""
    return TextColumn(max_length, **options)


def enum_column(enum: type[E], **options: Any) -> fields.Field[E]:
    """Return a column for a value of an enumeration."""
    # Without a description Tortoise would write the values into a comment of the database.
    return EnumColumn(enum, description="", **options)


def id_column(**options: Any) -> fields.CharField[str]:
    """Return a column for an id of ours or of a caller: 1 to 64 characters of text."""
    return text_column(ID_MAX_LENGTH, **options)


def time_column(**options: Any) -> fields.DatetimeField[Any]:
    """Return a column for a moment; the database's clock fills it where nobody else does."""
    return fields.DatetimeField(db_default=Now(), **options)


def json_column(**options: Any) -> fields.JSONField[str]:
    """Return a jsonb column whose Python value is the JSON text: parsing could lose something."""
    return fields.JSONField(decoder=_as_text, **options)


def _as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()
