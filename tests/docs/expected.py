"""Comparison of shown with real output, apart from ids, times and other values that change."""

import json
import re
from typing import Any

__all__ = ["json_values", "same_json", "same_text"]

# The values of these fields differ from run to run.
_CHANGING_FIELDS = {
    "checkedAt",
    "createdAt",
    "cursor",
    "deliveredAt",
    "durationMs",
    "endCursor",
    "request_id",
    "startCursor",
    "timestamp",
    "updatedAt",
}
_CHANGING_TEXT = (
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "ID"),
    (r"\b\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", "TIME"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?\b", "TIME"),
    (r"\bSIM-[0-9A-F]+-[0-9A-F]+\b", "REFERENCE"),
    (r"\bticketops_[\w-]{43}", "TOKEN"),
    (r"\b\d+(\.\d+)? ?(ms|s)\b", "DURATION"),
    (r"(\"cursor\": ?)\"[\w-]+\"", r"\1CURSOR"),
)
_ANYTHING = "..."


def json_values(text: str) -> list[Any]:
    """Return the JSON values that follow each other in a text."""
    values = []
    while text := text.strip():
        value, end = json.JSONDecoder().raw_decode(text)
        values.append(value)
        text = text[end:]
    return values


def same_json(shown: Any, real: Any) -> bool:
    """Whether two JSON values are the same.

    The string "..." equals any value. An object with the key "..." may have any other members.
    """
    if shown == _ANYTHING:
        return True
    match shown, real:
        case dict(), dict():
            if _ANYTHING in shown:
                shown = {name: value for name, value in shown.items() if name != _ANYTHING}
                real = {name: value for name, value in real.items() if name in shown}
            return shown.keys() == real.keys() and all(
                (name in _CHANGING_FIELDS and (value is None) == (real[name] is None))
                or same_json(value, real[name])
                for name, value in shown.items()
            )
        case list(), list():
            return len(shown) == len(real) and all(map(same_json, shown, real))
        case str(), str():
            return _lasting(shown) == _lasting(real)
        case _:
            return bool(shown == real)


def same_text(shown: str, real: str) -> bool:
    """Whether two texts have the same lines; "..." matches any text, of several lines too."""
    wanted = re.escape(_lasting(shown)).replace(re.escape(_ANYTHING), ".*")
    return re.fullmatch(wanted, _lasting(real), re.DOTALL) is not None


def _lasting(text: str) -> str:
    for pattern, placeholder in _CHANGING_TEXT:
        text = re.sub(pattern, placeholder, text)
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())
