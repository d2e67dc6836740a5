"""Validation of JSON values: only values that PostgreSQL stores and returns unchanged."""

import math
import sys
from typing import Any, TypeAlias

from engine.exact_json import ExactFloat, ExactInteger, dumps, plain_digits
from resolvers.errors import ErrorCode, InvalidInput
from resolvers.text_validation import check_texts

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

MAX_DEPTH = 64
# Digits of a number before and after the decimal point: PostgreSQL's limits of numeric.
MAX_WHOLE_DIGITS = 131_072
MAX_FRACTION_DIGITS = 16_383
MAX_NUMBER = sys.float_info.max


def json_text(value: object, *path: str) -> str:
    """Return a JSON value as text; raises InvalidInput for a value that cannot be stored exactly.

    Equal values have equal texts: the members of an object are sorted.
    """
    _check(value, path)
    return dumps(value, sort_keys=True).decode()


def new_json_text(value: object, *path: str, max_bytes: int) -> str:
    """Return a new JSON value as text; raises InvalidInput also for one that clients cannot read.

    Most clients read numbers as 64-bit floats. ``max_bytes`` limits the text as PostgreSQL prints
    it, which is longer if numbers have exponents.
    """
    digits = _check(value, path, is_new=True)
    text = dumps(value, sort_keys=True).decode()
    if len(text) + digits > max_bytes or len(text.encode()) > max_bytes:
        raise too_many_bytes(max_bytes, *path)
    return text


def too_many_bytes(max_bytes: int, *path: str) -> InvalidInput:
    """Return the error for a value that PostgreSQL would print with too many bytes."""
    message = f"{path[-1]} must have at most {max_bytes} bytes as JSON text."
    return InvalidInput(ErrorCode.TOO_LONG, message, *path)


def _check(value: object, path: tuple[str, ...], *, is_new: bool = False) -> int:
    """Raise InvalidInput, or return how many digits more than now PostgreSQL prints."""
    texts, numbers = _texts_and_numbers(value, path)
    if texts:
        check_texts(texts, *path)
    if not numbers:
        return 0
    digits = _check_digits(numbers, path)
    if is_new and max(map(abs, numbers)) > MAX_NUMBER:
        raise _invalid(path, "must not contain a number beyond the range of 64-bit floats")
    return digits


def _texts_and_numbers(
    value: object, path: tuple[str, ...]
) -> tuple[list[str], list[ExactInteger | ExactFloat]]:
    """Return the texts, and the numbers that have a text, in a value; raises InvalidInput."""
    texts: list[str] = []
    numbers: list[ExactInteger | ExactFloat] = []
    # The values of one depth after the other.
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        deeper: list[Any] = []
        has_containers = False
        for item in level:
            kind = type(item)
            if kind is str:
                texts.append(item)
            elif kind is dict:
                has_containers = True
                texts += item
                deeper += item.values()
            elif kind is list:
                has_containers = True
                deeper += item
            elif kind is ExactInteger or kind is ExactFloat:
                numbers.append(item)
            elif kind is float and not math.isfinite(item):
                raise _invalid(path, "must not contain NaN or Infinity")
        if not has_containers:
            return texts, numbers
        level = deeper
    raise _invalid(path, f"must not be nested more than {MAX_DEPTH} levels deep")


def _may_have_many_digits(text: str) -> bool:
    return len(text) > MAX_FRACTION_DIGITS or "e" in text or "E" in text


def _check_digits(numbers: list[ExactInteger | ExactFloat], path: tuple[str, ...]) -> int:
    """Return how many digits more than in their text the numbers have without exponents."""
    more = 0
    for value in numbers:
        if _may_have_many_digits(value.text):
            whole, fraction = plain_digits(value)
            if whole > MAX_WHOLE_DIGITS or fraction > MAX_FRACTION_DIGITS:
                rule = (
                    f"must not contain a number with more than {MAX_WHOLE_DIGITS:,} digits before"
                    f" or {MAX_FRACTION_DIGITS:,} after the decimal point"
                )
                raise _invalid(path, rule)
            more += max(0, int(whole + fraction) - len(value.text))
    return more


def _invalid(path: tuple[str, ...], rule: str) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID, f"{path[-1]} {rule}.", *path)
