"""Moments on their way from PostgreSQL to an answer, without a datetime in between.

PostgreSQL writes a moment into JSON nearly as the API answers it. The driver would make
a datetime of it, of which the encoder makes a text again: at four times the cost.
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

# How a JSON string ends that has six digits after the point, in UTC; what comes before is
# as long as in all of them.
_END = '+00:00"'
_LENGTH = len('"2026-01-31T08:15:00.000000')
# What the driver makes of them, but for the zone.
_INFINITE = {
    '"-infinity"': datetime.min.replace(tzinfo=UTC),
    '"infinity"': datetime.max.replace(tzinfo=UTC),
}
_IN_CURSOR = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?[+-](?:0\d|1[0-4]):[0-5]\d", re.ASCII
)


def as_json(expression: str) -> str:
    """Return the expression of SQL for a moment as a JSON string."""
    return f"to_json({expression})"


def response_expression(name: str) -> str:
    """Return the expression of Python for such a string as the encoder would write the moment.

    It refers to ``parse_timestamp``.
    """
    # Nine of ten. Others end in zeros, which PostgreSQL leaves out.
    is_whole = f"{name}[{_LENGTH}:] == {_END!r}"
    return f"{name}[1:{_LENGTH}] + 'Z' if {is_whole} else parse_timestamp({name})"


def parse_timestamp(text: str) -> datetime:
    """Return the moment in UTC of a JSON string of PostgreSQL's."""
    return _INFINITE.get(text) or datetime.fromisoformat(text[1:-1]).astimezone(UTC)


def format_timestamp(moment: datetime) -> str:
    """Return a moment as PostgreSQL writes it into JSON, where the zone is UTC."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return f'"{text.rstrip("0").removesuffix(".")}+00:00"'


def is_cursor_timestamp(text: str) -> bool:
    """Tell whether the content of a JSON string is a moment."""
    if f'"{text}"' in _INFINITE:
        return True
    try:
        return bool(_IN_CURSOR.fullmatch(text) and datetime.fromisoformat(text))
    except ValueError:
        return False
