"""Parsers of setting values: each converts text and describes the values that it allows."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

__all__ = [
    "WITH_CREDENTIALS",
    "Parser",
    "boolean",
    "choice",
    "integer",
    "path",
    "ratio",
    "request_rate",
    "secret",
    "text",
    "url",
]

# Reserved characters (RFC 3986, section 2.2) that end a password and the part that contains it.
WITH_CREDENTIALS = "percent-encode : / ? # [ ] @ in its user and password"
_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")
_REQUEST_RATE = "a number of requests per second, minute, hour or day, like 6000/minute"


@dataclass(frozen=True, slots=True)
class Parser:
    """Converts the text of a setting; raises ValueError with the allowed values."""

    # Completes the sentence "PORT must be ...".
    allowed: str
    convert: Callable[[str], Any]
    # A URL can contain credentials.
    is_url: bool = False

    def __call__(self, value: str) -> Any:
        """Return the value of the text."""
        try:
            return self.convert(value)
        # A path raises RuntimeError if it begins with ~ and the user is unknown.
        except (ValueError, RuntimeError):
            raise ValueError(self.allowed) from None


def integer(minimum: int, maximum: int) -> Parser:
    """Return a parser of whole numbers in a range."""

    def convert(value: str) -> int:
        # The length is limited because `int` takes quadratic time.
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", value) or not minimum <= int(value) <= maximum:
            raise ValueError(value)
        return int(value)

    return Parser(f"a whole number from {minimum} to {maximum}", convert)


def choice(*words: str) -> Parser:
    """Return a parser of one word among several, in either case."""

    def convert(value: str) -> str:
        if value.lower() not in words:
            raise ValueError(value)
        return value.lower()

    return Parser(f"one of {', '.join(words)}", convert)


def url(*schemes: str) -> Parser:
    """Return a parser of absolute URLs with one of these schemes."""

    def convert(value: str) -> str:
        parts = _split_url(value)
        scheme = parts.scheme
        if scheme not in schemes or not value.lower().startswith(f"{scheme}://"):
            raise ValueError(value)
        # The parts are not the intended ones if a password contains one of these characters.
        if "#" in value or "@" in parts.path:
            raise ValueError(value)
        return value

    example = " or ".join(f"{scheme}://..." for scheme in schemes)
    allowed = f"a URL like {example}; {WITH_CREDENTIALS}"
    return Parser(allowed, convert, is_url=True)


def secret(min_bytes: int) -> Parser:
    """Return a parser of secrets with a minimum length."""

    def convert(value: str) -> str:
        if len(value.encode()) < min_bytes:
            raise ValueError(value)
        return value

    return Parser(f"at least {min_bytes} bytes long", convert)


def _path(value: str) -> Path:
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError(value)
    return Path(value).expanduser()


def _boolean(value: str) -> bool:
    lowered = value.lower()
    if lowered not in _TRUE + _FALSE:
        raise ValueError(value)
    return lowered in _TRUE


def _ratio(value: str) -> float:
    if not re.fullmatch(r"0|1|[01]?\.[0-9]{1,9}", value) or not 0 <= float(value) <= 1:
        raise ValueError(value)
    return float(value)


def _request_rate(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", value):
        raise ValueError(value)
    return value


def _split_url(value: str) -> SplitResult:
    parts = urlsplit(value)
    # Raises ValueError for an invalid port.
    _ = parts.port
    return parts


text = Parser("text", str)
path = Parser("a path without control characters; ~ is the home directory", _path)
boolean = Parser("true or false", _boolean)
ratio = Parser("a number from 0 to 1, like 0.2", _ratio)
request_rate = Parser(_REQUEST_RATE, _request_rate)
