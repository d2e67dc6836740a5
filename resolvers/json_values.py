"""Validation of JSON values: only values that PostgreSQL stores and returns unchanged."""

import math
from itertools import chain
from typing import Any, TypeAlias

import orjson

from resolvers.errors import ErrorCode, InvalidInput
from resolvers.text_validation import check_texts

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

MAX_DEPTH = 64
_INTEGER_LIMIT = 2**63


def json_text(value: object, *path: str) -> str:
    """Return a JSON value as text; raises InvalidInput for a value that cannot be stored exactly.

    Equal values have equal texts: the members of an object are sorted.
    """
    _check(value, path)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _check(value: object, path: tuple[str, ...]) -> None:
    """Check all values of one depth together, which is faster than each alone."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        kinds = set(map(type, level))
        if str in kinds:
            check_texts([item for item in level if isinstance(item, str)], *path)
        if int in kinds:
            integers = [item for item in level if isinstance(item, int)]
            if min(integers) < -_INTEGER_LIMIT or max(integers) >= _INTEGER_LIMIT:
                raise _invalid(
                    path, "contains an integer of more than 64 bits: send it as a string"
                )
        if float in kinds and not all(
            math.isfinite(item) for item in level if isinstance(item, float)
        ):
            raise _invalid(path, "must not contain a number outside the range of 64 bits")
        if kinds.isdisjoint({dict, list}):
            return
        objects = [item for item in level if isinstance(item, dict)]
        check_texts(chain.from_iterable(objects), *path)
        members = [each.values() for each in objects]
        lists = [item for item in level if isinstance(item, list)]
        level = [*chain.from_iterable(members), *chain.from_iterable(lists)]
    raise _invalid(path, f"must not be nested more than {MAX_DEPTH} levels deep")


def _invalid(path: tuple[str, ...], rule: str) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID, f"{path[-1]} {rule}.", *path)
