"""JSON with exact numbers (RFC 8259, section 6).

orjson is fast and strict, but reads a number with a fraction or an exponent, and an integer above
64 bits, as a float. PostgreSQL stores the digits that it receives, and answers with all of them. A
number that orjson would write differently becomes an `ExactFloat` or an `ExactInteger` here, whose
text `dumps` writes unchanged.

`loads` lets orjson parse the text and looks for such numbers with a few passes in C. Only a text
that may have some is parsed by the standard library, which offers their digits.
"""

import json
import re
from math import inf
from typing import Any

import orjson

__all__ = [
    "ExactFloat",
    "ExactInteger",
    "dumps",
    "float_of",
    "integer_of",
    "is_exact",
    "loads",
    "plain_digits",
]

# The interpreter refuses to convert longer texts to integers, unless it is configured otherwise.
_MAX_INTEGER_DIGITS = 1_000
_BITS_64 = range(-(2**63), 2**64)

# A float is exact up to 15 digits. All digits are mapped to one, and the letters of exponents.
_CLASSES = bytes(
    ord("0") if chr(byte).isdecimal() else ord("e") if chr(byte) in "eE" else 0
    for byte in range(256)
)
_LONG_RUN = b"0" * 16
# Such characters in a string are found too, which costs time but changes nothing.
_EXPONENT = re.compile(rb"[\[:,\s]-?[0-9]+(?:\.[0-9]+)?[eE]|^-?[0-9]+(?:\.[0-9]+)?[eE]")
_TRAILING_ZERO = re.compile(rb"\.[0-9]+0(?![0-9])")
# The quantifiers are possessive, so that the search takes linear time.
_STRING_OR_NUMBER = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?',
    re.DOTALL,
)
# The values of a text that is not longer are examined in less time than the text.
_SMALL_BYTES = 4096
# A longer text has more than the 17 digits that tell floats apart.
_MAX_FLOAT_LENGTH = 20
# A text that is not longer has at most 15 digits, of which a float keeps all.
_EXACT_FLOAT_LENGTH = 16


class ExactInteger(int):
    """An integer that exceeds 64 bits, with its text.

    Its value is exact up to 1,000 digits; a longer one has the value 10**1000 with its sign.
    """

    text: str

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(self.text, "" if spec == "d" else spec)


class ExactFloat(float):
    """A number with a fraction or an exponent, with its text; its value may be rounded."""

    __slots__ = ("text",)
    text: str

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__


def integer_of(text: str) -> int:
    """Return the integer of a valid JSON text."""
    is_long = len(text) > _MAX_INTEGER_DIGITS
    value = 10**_MAX_INTEGER_DIGITS * (-1 if text[0] == "-" else 1) if is_long else int(text)
    if value in _BITS_64:
        return value
    integer = ExactInteger(value)
    integer.text = text
    return integer


def float_of(text: str) -> float:
    """Return the number of a valid JSON text with a fraction or an exponent."""
    # PostgreSQL writes a number with an exponent at its full length.
    if "e" not in text and "E" not in text and not _has_more_digits(text):
        value = float(text)
        # A small number may be written with an exponent.
        if len(text) <= _EXACT_FLOAT_LENGTH and "0.0000" not in text:
            return value
        if orjson.dumps(value) == text.encode():
            return value
    number = ExactFloat(text)
    number.text = text
    return number


def _has_more_digits(text: str) -> bool:
    """Return whether a number without an exponent obviously has more digits than a float."""
    if text[-1] == "0" and text[-2] != ".":
        return True
    return len(text) > _MAX_FLOAT_LENGTH and text.lstrip("-")[0] != "0"


def plain_digits(number: ExactInteger | ExactFloat) -> tuple[float, float]:
    """Return how many digits a number has before and after its point, without an exponent."""
    mantissa, _, exponent = number.text.lower().lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    # A longer exponent could not be converted, and is out of every range.
    shift = int(exponent or "0") if len(exponent) <= _MAX_INTEGER_DIGITS else inf
    if exponent.startswith("-"):
        shift = -abs(shift)
    return max(1, len(whole) + shift), max(0, len(fraction) - shift)


def is_exact(text: bytes) -> bool:
    """Return whether orjson reads the numbers of a valid text so that it writes them unchanged.

    Can return false for other texts too.
    """
    classes = text.translate(_CLASSES, b".")
    return not (
        _LONG_RUN in classes
        or (b"0e" in classes and _EXPONENT.search(text))
        or _TRAILING_ZERO.search(text)
    )


def loads(text: bytes) -> Any:
    """Return the value of a JSON text in UTF-8; raises orjson.JSONDecodeError.

    A text that is nested more than a few hundred levels deep raises RecursionError.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        # orjson rejects numbers above the range of floats, and nothing before the first of them.
        if "infinity" not in error.msg:
            raise
        value = _parse(text)
        # With zeros in place of all numbers, orjson rejects what only the standard library accepts.
        orjson.loads(_STRING_OR_NUMBER.sub(_without_number, text))
        return value
    if len(text) <= _SMALL_BYTES and not _has_float(value):
        return value
    return value if is_exact(text) else _parse(text)


def _has_float(value: Any) -> bool:
    """Return whether a value contains a float, as orjson reads each number that it may change."""
    pending = [value]
    for item in pending:
        kind = type(item)
        if kind is float:
            return True
        if kind is dict:
            pending += item.values()
        elif kind is list:
            pending += item
    return False


def _parse(text: bytes) -> Any:
    try:
        return json.loads(text.decode(), parse_int=integer_of, parse_float=float_of)
    except json.JSONDecodeError as error:
        raise orjson.JSONDecodeError(error.msg, error.doc, error.pos) from None


def dumps(value: Any, *, sort_keys: bool = False) -> bytes:
    """Return the JSON text of a value; raises TypeError if it has none."""
    option = orjson.OPT_PASSTHROUGH_SUBCLASS | (orjson.OPT_SORT_KEYS if sort_keys else 0)
    return orjson.dumps(value, default=_text_of, option=option)


def _text_of(value: object) -> orjson.Fragment:
    if isinstance(value, (ExactInteger, ExactFloat)):
        return orjson.Fragment(value.text)
    message = f"not a JSON value: {type(value).__name__}"
    raise TypeError(message)


def _without_number(match: re.Match[bytes]) -> bytes:
    found = match[0]
    return found if found.startswith(b'"') else b"0".ljust(len(found))
