"""Validation of JSON values: only values that PostgreSQL stores and returns unchanged."""

import math
from typing import TypeAlias

import orjson

from resolvers.errors import ErrorCode, InvalidInput
from resolvers.text_validation import checked_text

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

MAX_DEPTH = 64
_INTEGER_LIMIT = 2**63


def json_text(value: object, *path: str) -> str:
    """Return a JSON value as text; raises InvalidInput for a value that cannot be stored exactly.

    Equal values have equal texts: the members of an object are sorted.
    """
    _check(value, path, depth=0)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _check(value: object, path: tuple[str, ...], *, depth: int) -> None:
    """Check a value nested in ``depth`` others."""
    if depth >= MAX_DEPTH and isinstance(value, (dict, list)):
        raise _invalid(path, f"must not be nested more than {MAX_DEPTH} levels deep")
    match value:
        case str():
            checked_text(value, *path)
        case dict():
            for key, item in value.items():
                checked_text(key, *path)
                _check(item, path, depth=depth + 1)
        case list():
            for item in value:
                _check(item, path, depth=depth + 1)
        case None | bool():
            pass
        case int() if not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
            raise _invalid(path, "contains an integer of more than 64 bits: send it as a string")
        case float() if not math.isfinite(value):
            raise _invalid(path, "must not contain a number outside the range of 64 bits")


def _invalid(path: tuple[str, ...], rule: str) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID, f"{path[-1]} {rule}.", *path)
