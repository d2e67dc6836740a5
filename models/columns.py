"""Column types of the tables.

Text columns have the type ``text``. CHECK constraints limit their length and list the values of
enumerations, because ``varchar(n)`` truncates trailing blanks without an error, and its
error does not name the column.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar, cast

import uuid_utils
from tortoise import fields
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.models import Model

ID_MAX_LENGTH = 64

_ORIGIN = (
    "((hashint8extended((extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,"
    " pg_backend_pid()) & 4194303) << 40)"
)

E = TypeVar("E", bound=StrEnum)


def new_id() -> str:
    """Return a new UUIDv7 (RFC 9562, section 5.7), which sorts by its time of creation."""
    return str(uuid_utils.uuid7())


# The number of the transaction that writes a row of a feed. After a restore on a server with lower
# numbers, the function returns what they lack (`models.feed_offset`).
TRANSACTION = SqlDefault("(txid_current() + feed_transaction_offset())")


def next_in_feed(sequence: str) -> SqlDefault:
    """Return the default of the column ``sequence`` of a feed: the next number of a sequence.

    The 22 bits above the lowest 40 come from the start of the server and the process of the
    session. After a failover or a restore, PostgreSQL can assign the numbers of lost transactions
    and those of a sequence again; a new row then still differs from each lost one. The order of
    the rows of a transaction is kept, because one process writes them.
    """
    return SqlDefault(f"(nextval('{sequence}') + {_ORIGIN})")


class TextColumn(fields.CharField[str]):
    """Text of a bounded length, in characters."""

    SQL_TYPE = "TEXT"


class EnumColumn(CharEnumFieldInstance):
    """A value of an enumeration, stored as its text."""

    SQL_TYPE = "TEXT"


class IntegerColumn(fields.IntField[int]):
    """An integer from ``minimum`` to ``maximum``, within the 32 bits of GraphQL's Int."""

    def __init__(self, minimum: int, maximum: int, **options: Any) -> None:
        super().__init__(**options)
        self.minimum = minimum
        self.maximum = maximum


def text_column(max_length: int, **options: Any) -> fields.CharField[str]:
    """Return a text column of limited length, in characters."""
    return TextColumn(max_length, **options)


def enum_column(enum: type[E], **options: Any) -> fields.Field[E]:
    """Return a column for the values of an enumeration."""
    # An empty description keeps Tortoise from writing the values into a comment of the column.
    return EnumColumn(enum, description="", **options)


def integer_column(minimum: int, maximum: int, **options: Any) -> fields.Field[int]:
    """Return a column for integers from ``minimum`` to ``maximum``."""
    return IntegerColumn(minimum, maximum, **options)


def boolean_column(**options: Any) -> fields.Field[bool]:
    """Return a column for true and false."""
    return fields.BooleanField(**options)


def id_column(**options: Any) -> fields.CharField[str]:
    """Return a column for an id, generated or chosen by a client: 1 to 64 characters."""
    return text_column(ID_MAX_LENGTH, **options)


def time_column(**options: Any) -> fields.DatetimeField[Any]:
    """Return a timestamp column, filled by the clock of the database by default."""
    return fields.DatetimeField(db_default=Now(), **options)


def json_column(**options: Any) -> fields.JSONField[str]:
    """Return a jsonb column. Its Python value is JSON text, to keep numbers exact."""
    return fields.JSONField(decoder=_as_text, **options)


def columns_of(model: type[Model]) -> Mapping[str, fields.Field[Any]]:
    """Return the columns of a model by name, in the order of their declaration."""
    fields_map: Mapping[str, fields.Field[Any]] = model._meta.fields_map  # noqa: SLF001  # Tortoise offers no public access to its Field objects
    return fields_map


def enum_of(column: fields.Field[Any]) -> type[StrEnum] | None:
    """Return the enumeration of a column, or None for a column of another type."""
    return cast("type[StrEnum]", column.enum_type) if isinstance(column, EnumColumn) else None


def _as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()
