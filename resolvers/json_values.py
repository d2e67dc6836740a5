"""JSON values from a caller that can be stored and answered exactly as they are."""

import math
from typing import TypeAlias

import orjson

from resolvers.problems import ErrorCode, InvalidInput
from resolvers.texts import checked_text

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

MAX_DEPTH = 64
_INTEGER_LIMIT = 2**63


def json_text(value: object, *path: str) -> str:
    """Return a JSON value as text; raises InvalidInput for what cannot be stored exactly."""
    _check(value, path, depth=0)
    return orjson.dumps(value).decode()


def _check(value: object, path: tuple[str, ...], *, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _invalid(path, f"must not be nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, str):
        checked_text(value, *path)
    elif value is None or isinstance(value, bool):
        pass
    elif isinstance(value, int):
        if not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
            raise _invalid(path, "has an integer of more than 64 bits; give it as a string")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _invalid(path, "must not contain NaN or Infinity")
    elif isinstance(value, list):
        for item in value:
            _check(item, path, depth=depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise _invalid(path, "must have strings as the keys of its objects")
            checked_text(key, *path)
            _check(item, path, depth=depth + 1)
    else:
        raise _invalid(path, "must be a JSON value")


def _invalid(path: tuple[str, ...], rule: str) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID, f"{path[-1]} {rule}.", *path)
