"""Conversion of timestamps from PostgreSQL to responses, without a datetime in between.

PostgreSQL writes timestamps into JSON almost in the format of the API. Decoding them into
datetimes and encoding those again costs four times as much.
"""

import re
from datetime import UTC, datetime

__all__ = [
    "as_json",
    "format_timestamp",
    "is_cursor_timestamp",
    "parse_timestamp",
    "response_expression",
]

# The end of a JSON string with six fractional digits in UTC, and the length of what precedes it.
_UTC_END = '+00:00"'
_UTC_START_LENGTH = len('"2026-01-31T08:15:00.000000')
# The datetimes that the driver decodes for these values, with a time zone.
_INFINITE = {
    '"-infinity"': datetime.min.replace(tzinfo=UTC),
    '"infinity"': datetime.max.replace(tzinfo=UTC),
}
_IN_CURSOR = re.compile(
    # Hours up to 23: some versions of Python accept 24:00, and others do not.
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,6})?[+-](?:0\d|1[0-4]):[0-5]\d",
    re.ASCII,
)


def as_json(expression: str) -> str:
    """Return the SQL expression of a timestamp as a JSON string."""
    return f"to_json({expression})"


def response_expression(name: str) -> str:
    """Return a Python expression that converts the JSON string in the variable ``name``.

    Its result encodes to the same JSON as the datetime would. It calls ``parse_timestamp``.
    """
    # Nine out of ten strings have six fractional digits. PostgreSQL omits trailing zeros.
    has_six_digits = f"{name}[{_UTC_START_LENGTH}:] == {_UTC_END!r}"
    return f"{name}[1:{_UTC_START_LENGTH}] + 'Z' if {has_six_digits} else parse_timestamp({name})"


def parse_timestamp(text: str) -> datetime:
    """Return the UTC datetime of a timestamp that PostgreSQL wrote as a JSON string."""
    return _INFINITE.get(text) or datetime.fromisoformat(text[1:-1]).astimezone(UTC)


def format_timestamp(value: datetime) -> str:
    """Return a datetime as PostgreSQL writes it into JSON in a UTC session."""
    text = value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return f'"{text.rstrip("0").removesuffix(".")}+00:00"'


def is_cursor_timestamp(text: str) -> bool:
    """Return whether a text is a valid timestamp in a cursor."""
    if f'"{text}"' in _INFINITE:
        return True
    try:
        return bool(_IN_CURSOR.fullmatch(text) and datetime.fromisoformat(text))
    except ValueError:
        return False
