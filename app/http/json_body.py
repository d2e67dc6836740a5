"""Parse JSON from a request (RFC 8259) without changing any value."""

from typing import Any

import orjson

from engine.exact_json import loads

__all__ = ["InvalidJson", "TooManyValues", "parse_json"]

# orjson writes at most 254 levels, and a response wraps the value in further ones.
MAX_DEPTH = 200
_STRUCTURE = b'",:[]{}'
_SPACE = b" \t\n\r"
_NOT_STRUCTURE = bytes(set(range(256)) - set(_STRUCTURE))
# Maps all that is not structure to one byte.
_TO_STRUCTURE = bytes(byte if byte in _STRUCTURE else ord("0") for byte in range(256))
# Parts of a text that are split at once. The pieces of a part stay in the processor's cache.
_PART_BYTES = 16_384
_TOO_DEEP = f"The body is nested more than {MAX_DEPTH} levels deep, which is a fixed limit."


class InvalidJson(ValueError):
    """The text is not acceptable JSON; ``reason`` explains it to the client."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooManyValues(InvalidJson):
    """The text has more values than MAX_JSON_VALUES allows."""

    def __init__(self, count: int, max_values: int) -> None:
        super().__init__(
            f"The body has {count:,} values; at most {max_values:,} are allowed (MAX_JSON_VALUES)."
            " Send fewer."
        )


def parse_json(text: bytes, *, max_values: int | None = None) -> Any:
    """Return the value of a JSON text in UTF-8; raises InvalidJson.

    The values of the text, nested ones included, are counted before any of them is built.
    """
    # Every value but the last takes two bytes at least: a digit and a comma.
    if max_values is not None and len(text) > 2 * max_values:
        _check_count(text, max_values)
    try:
        value = loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidJson(_reason(text, error)) from None
    except RecursionError:
        raise InvalidJson(_TOO_DEEP) from None
    # The number of brackets is an upper bound of the depth, and cheap to determine.
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise InvalidJson(_TOO_DEEP)
    return value


def _check_count(text: bytes, max_values: int) -> None:
    """Raise TooManyValues if a text has more values; a few passes in C, for any bytes."""
    if _commas_and_containers(text) < max_values:
        return
    if b"\\" in text:
        text = text.replace(rb"\\", b"").replace(rb"\"", b"")
    # Strings can contain the characters that are counted, but few do.
    structure = text.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    if b'"' in structure:
        text = structure = _without_strings(text.translate(_TO_STRUCTURE, _SPACE))
    elif b"[]" in structure or b"{}" in structure:
        # Only the whole text shows whether they are empty.
        text = text.translate(None, _SPACE)
    # A container has one value more than commas, unless it is empty.
    empty = text.count(b"[]") + text.count(b"{}")
    count = 1 + _commas_and_containers(structure) - empty
    if count > max_values:
        raise TooManyValues(count, max_values)


def _commas_and_containers(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _without_strings(text: bytes) -> bytes:
    """Return a text without escaped quotes with "0" in place of each string."""
    kept: list[bytes] = []
    is_in_string = False
    for start in range(0, len(text), _PART_BYTES):
        pieces = text[start : start + _PART_BYTES].split(b'"')
        kept.append(b"0".join(pieces[is_in_string::2]))
        if len(pieces) % 2 == 0:
            is_in_string = not is_in_string
        if is_in_string:
            kept.append(b"0")
    return b"".join(kept)


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
    # The library's message distinguishes the cases, but is not for clients.
    message = error.msg
    if "depth" in message:
        return _TOO_DEEP
    if "BOM" in message:
        return "The body is not valid JSON: it begins with a byte order mark. Remove it."
    if "UTF-8" in message:
        return "The body is not valid UTF-8."
    place = f"line {error.lineno}, column {error.colno}"
    if "surrogate" in message:
        return f"The body is not valid JSON: it has a lone surrogate ({place})."
    return f"The body is not valid JSON ({place})."
