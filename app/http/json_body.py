"""Parse JSON from a request (RFC 8259) without changing any value.

orjson is fast and strict, but turns integers above 64 bits into floats. If the text has a run of
digits that long, the standard library parses it again with exact integers. Numbers with a
fraction or an exponent are floats.
"""

import json
from typing import Any

import orjson

__all__ = ["InvalidJson", "parse_json"]

# orjson writes at most 254 levels, and a response wraps the value in further ones.
MAX_DEPTH = 200
# More arrays and objects than any valid request has, even if a description consists of brackets
# only. Building more takes longer than rejecting them.
MAX_CONTAINERS = 100_000
# The shortest integers above 64 bits have 19 digits. Mapping all digits to one and searching for
# a run takes a third of the time of a regular expression.
_ONE_DIGIT = bytes(ord("0") if chr(byte).isdecimal() else 0 for byte in range(256))
_LONG_RUN = b"0" * 19
_TOO_MANY = f"The body has more than {MAX_CONTAINERS} arrays and objects."
_TOO_DEEP = f"The body is nested more than {MAX_DEPTH} levels deep."


class InvalidJson(ValueError):
    """The text is not acceptable JSON; ``reason`` explains it to the client."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_json(text: bytes, *, is_trusted: bool = False) -> Any:
    """Return the value of a JSON text in UTF-8; raises InvalidJson.

    MAX_CONTAINERS does not apply to trusted texts.
    """
    if (
        len(text) > MAX_CONTAINERS
        and not is_trusted
        and text.count(b"[") + text.count(b"{") > MAX_CONTAINERS
    ):
        raise InvalidJson(_TOO_MANY)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidJson(_reason(text, error)) from None
    # The number of brackets is an upper bound of the depth, and cheap to determine.
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise InvalidJson(_TOO_DEEP)
    if _LONG_RUN in text.translate(_ONE_DIGIT):
        # The text is valid and shallow here, and its integers are in the range of floats.
        return json.loads(text.decode())
    return value


def _is_deeper(value: Any, depth: int) -> bool:
    containers = [value]
    for _ in range(depth):
        containers = [
            child
            for parent in containers
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, (dict, list))
        ]
        if not containers:
            return False
    return True


def _reason(text: bytes, error: orjson.JSONDecodeError) -> str:
    if not text.strip():
        return "The body is empty; it must be JSON."
    message = error.msg
    if "depth" in message:
        return _TOO_DEEP
    if "infinity" in message:
        return (
            "The body has a number out of range: numbers must be in the range of a 64-bit float "
            f"(line {error.lineno}, column {error.colno})."
        )
    if "UTF-8" in message and "BOM" not in message:
        return "The body is not valid UTF-8."
    return f"The body is not valid JSON: {message} (line {error.lineno}, column {error.colno})."
