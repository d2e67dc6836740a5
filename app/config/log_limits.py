"""Limits of the text in a log line, because clients can cause events that quote their input."""

import json
import traceback
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, TypeAlias

__all__ = ["MAX_TEXT_BYTES", "exception_text", "limited_fields", "limited_text"]

# Of each message, field and exception, as JSON or on a terminal.
MAX_TEXT_BYTES = 1024

_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]


def limited_text(text: str, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """Return the start of a text, so that it is short however the log escapes it."""
    if len(text) * 12 < max_bytes:
        return text
    short = text[:max_bytes]
    # All escapes that the log uses are at most as long as these.
    while (size := len(json.dumps(short))) > max_bytes:
        short = short[: min(len(short) * max_bytes // size, len(short) - 1)]
    return text if len(short) == len(text) else short[:-1] + "…"


def limited_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an event, with long values cut."""
    return {name: _limited(value) for name, value in fields.items()}


def exception_text(exc_info: _ExcInfo) -> str:
    """Return a traceback, with long messages of the exceptions cut."""
    remaining = MAX_TEXT_BYTES
    parts = []
    for part in _lines(traceback.format_exception(*exc_info)):
        # Frames are text of this program. In a group they are indented.
        if not part.lstrip(" |+-").startswith('File "'):
            part = limited_text(part.rstrip("\n"), remaining) + "\n"  # noqa: PLW2901  # the short part
            remaining = max(remaining - len(json.dumps(part)), 12)
        parts.append(part)
    return "".join(parts).rstrip()


def _limited(value: Any) -> Any:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, str):
        return limited_text(value)
    try:
        text = str(value)
    except ValueError:
        return "an integer of more than 4,300 digits"
    short = limited_text(text)
    return value if short is text else short


def _lines(parts: Iterable[str]) -> Iterable[str]:
    """Return the parts without separators, which are constant."""
    return (part for part in parts if part.strip())
