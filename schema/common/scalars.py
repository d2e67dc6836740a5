"""The scalars that GraphQL itself does not have."""

import re
from datetime import UTC, datetime
from typing import NewType

import orjson
import strawberry
from graphql import ValueNode, value_from_ast_untyped
from strawberry.types.scalar import ScalarDefinition

# On the way out a JSON value is JSON text, just as the database gave it; on the way
# in it is what the text stands for.
JSON = NewType("JSON", object)

# RFC 3339, section 5.6: an offset is required, and so is no year of five digits.
_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def parse_date_time(value: object) -> datetime:
    """Return the moment in UTC; raises ValueError for what is no RFC 3339 date-time with offset."""
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
    """Return the whole seconds, the fraction with its point, and the offset."""
    whole, rest = text[:19], text[19:]
    at = 0
    if rest.startswith("."):
        at = 1
        while rest[at].isdigit():
            at += 1
    return whole, rest[:at], rest[at:]


def _parse_json_literal(node: ValueNode, variables: dict[str, object] | None = None) -> object:
    return value_from_ast_untyped(node, variables)


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An RFC 3339 date-time with offset; always answered in UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        # The encoder writes it: in UTC, with microseconds where there are any.
        serialize=lambda moment: moment,
        parse_value=parse_date_time,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value. Stored as jsonb; answered exactly as stored.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=orjson.Fragment,
        parse_value=lambda value: value,
        parse_literal=_parse_json_literal,
    ),
}
