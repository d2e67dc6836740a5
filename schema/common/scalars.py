"""Custom scalars: DateTime and JSON."""

import re
from datetime import UTC, datetime
from typing import NewType

import orjson
import strawberry
from graphql import ValueNode, value_from_ast_untyped
from strawberry.types.scalar import ScalarDefinition

from engine.arguments.fast_resolvers import ColumnKind

# A result holds JSON text exactly as the database returned it; an input holds the parsed value.
JSON = NewType("JSON", object)

# RFC 3339, section 5.6: the offset is required and the year has four digits.
_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def parse_date_time(value: object) -> datetime:
    """Return the time in UTC; raises ValueError for anything but an RFC 3339 date-time."""
    if isinstance(value, str) and _DATE_TIME.fullmatch(value):
        whole, fraction, offset = _split(value.upper())
        try:
            return datetime.fromisoformat(whole + fraction[:7] + offset).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    message = (
        "DateTime must be an RFC 3339 date-time with offset, in the years 1 to 9999,"
        " like 2026-01-31T08:15:00Z."
    )
    raise ValueError(message)


def _split(text: str) -> tuple[str, str, str]:
    """Return the date and time up to the second, the fraction with its point, and the offset."""
    whole, rest = text[:19], text[19:]
    at = 0
    if rest.startswith("."):
        at = 1
        while rest[at].isdigit():
            at += 1
    return whole, rest[:at], rest[at:]


def _parse_json_literal(node: ValueNode, variables: dict[str, object] | None = None) -> object:
    return value_from_ast_untyped(node, variables)


# Scalars that send the values of a kind of columns as they are stored.
COLUMN_KINDS: dict[str, ColumnKind] = {"DateTime": "time", "JSON": "json"}

SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="RFC 3339 date-time with offset, such as 2026-01-31T08:15:00Z. Results are in"
        " UTC, with microseconds unless they are zero.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        # The JSON encoder formats it.
        serialize=lambda moment: moment,
        parse_value=parse_date_time,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value. Stored as jsonb and returned exactly as stored.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=orjson.Fragment,
        parse_value=lambda value: value,
        parse_literal=_parse_json_literal,
    ),
}
