"""Moments on their way from PostgreSQL to an answer, without a datetime in between.

PostgreSQL writes a moment into JSON nearly as the API answers it. The driver would make
a datetime of it, of which the encoder makes a text again: at four times the cost.
"""

import re
from datetime import UTC, datetime

import orjson

__all__ = ["as_json", "in_answer", "in_cursor", "is_in_cursor"]

_IN_CURSOR = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)

# How a JSON string ends that has six digits after the point, in UTC; what comes before is
# as long as in all of them.
_END = '+00:00"'
_LENGTH = len('"2026-01-31T08:15:00.000000')
# As the driver has them, but for the zone.
_INFINITE = {
    '"-infinity"': datetime.min.replace(tzinfo=UTC),
    '"infinity"': datetime.max.replace(tzinfo=UTC),
}


def as_json(expression: str) -> str:
    """Return the expression of SQL for a moment as a JSON string."""
    return f"to_json({expression})"


def in_answer(text: str) -> orjson.Fragment | datetime:
    """Return a moment for the encoder, which writes both in UTC and in the same way."""
    # Nine of ten. Others end in zeros, which PostgreSQL leaves out.
    if text[_LENGTH:] == _END:
        return orjson.Fragment(f'{text[:_LENGTH]}Z"')
    return _moment(text)


def in_cursor(moment: str | datetime) -> str:
    """Return a moment as cursors have it: in UTC, with six digits after the point."""
    if isinstance(moment, str):
        if moment[_LENGTH:] == _END:
            return f"{moment[1:_LENGTH]}Z"
        moment = _moment(moment)
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds')}Z"


def is_in_cursor(text: str) -> bool:
    """Tell whether a text is a moment as cursors have it."""
    try:
        return bool(_IN_CURSOR.fullmatch(text) and datetime.fromisoformat(text))
    except ValueError:
        return False


def _moment(text: str) -> datetime:
    return _INFINITE.get(text) or datetime.fromisoformat(text[1:-1]).astimezone(UTC)
