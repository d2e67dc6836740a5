"""Filters evaluated in Python, as the reference for the database.

A missing value matches only `neq`, `nin` and `isNull: true`.
"""

import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]
Filter: TypeAlias = Mapping[str, Any]

PRIORITIES = ["LOW", "MEDIUM", "HIGH"]
# Marks a column that is null; a JSON null is None.
ABSENT = object()


def matches(row: Row, filter_: Filter) -> bool:
    """Return whether a row matches a filter."""
    return all(_matches_field(row, name, value) for name, value in filter_.items())


def _matches_field(row: Row, name: str, value: Any) -> bool:
    match name:
        case "and":
            # An empty list matches nothing.
            return bool(value) and all(matches(row, one) for one in value)
        case "or":
            return any(matches(row, one) for one in value)
        case "not":
            return not matches(row, value)
    return all(_compare(name, row[name], *operator) for operator in value.items())


def _compare(field: str, stored: Any, operator: str, given: Any) -> bool:
    if field not in {"id", "metadata"}:
        stored, given = _normalized(stored), _normalized(given)
    match operator:
        case "isNull":
            return given is (stored is ABSENT or stored is None)
        case "neq":
            return bool(stored is ABSENT or stored != given)
        case "nin":
            return stored is ABSENT or stored not in given
    if stored is ABSENT:
        return False
    if field == "metadata":
        return _contains(stored, given) if operator == "contains" else _has_key(stored, given)
    if field == "priority" and operator in {"gte", "lte"}:
        stored, given = PRIORITIES.index(stored), PRIORITIES.index(given)
    elif field in {"createdAt", "updatedAt"}:
        stored, given = datetime.fromisoformat(stored), datetime.fromisoformat(given)
    return OPERATORS[operator](stored, given)


def _normalized(value: Any) -> Any:
    """Return a text, or the texts of a list, in NFC."""
    if isinstance(value, list):
        return [_normalized(item) for item in value]
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def _folded(text: str) -> str:
    folded = text.lower().replace("i\u0307", "i").translate(_SAME_CAPITAL)
    return unicodedata.normalize("NFC", folded)


# Small letters that share their capital: the dotless i, the final sigma, and the sharp s.
_SAME_CAPITAL = str.maketrans({"\u0131": "i", "\u03c2": "\u03c3", "\u00df": "ss"})
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda stored, given: stored == given,
    "in": lambda stored, given: stored in given,
    "gt": lambda stored, given: stored > given,
    "gte": lambda stored, given: stored >= given,
    "lt": lambda stored, given: stored < given,
    "lte": lambda stored, given: stored <= given,
    "contains": lambda stored, given: given in stored,
    "containsIgnoreCase": lambda stored, given: _folded(given) in _folded(stored),
    "startsWith": lambda stored, given: stored.startswith(given),
}


def _contains(stored: Any, given: Any, *, outermost: bool = True) -> bool:
    """Return whether a JSON value contains another (PostgreSQL, 8.14.3 jsonb Containment)."""
    if isinstance(stored, dict):
        return isinstance(given, dict) and all(
            key in stored and _contains(stored[key], value, outermost=False)
            for key, value in given.items()
        )
    if isinstance(stored, list):
        if isinstance(given, list):
            return all(
                any(_contains(item, value, outermost=False) for item in stored) for value in given
            )
        # An array may contain a primitive value, but only at the top level.
        return outermost and not isinstance(given, dict) and _is_among(given, stored)
    return not isinstance(given, (dict, list)) and _is_among(given, [stored])


def _is_among(given: Any, values: list[Any]) -> bool:
    # In Python True == 1, but in JSON they differ.
    return any(
        given == value and isinstance(given, bool) == isinstance(value, bool) for value in values
    )


def _has_key(stored: Any, key: str) -> bool:
    if isinstance(stored, dict):
        return key in stored
    return key in stored if isinstance(stored, list) else key == stored
