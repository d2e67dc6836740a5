"""One setting: its default, how its text becomes a value, and what it means.

A reader of text raises ValueError with what is allowed; the name and the bad value
are added by whoever knows them, and knows whether the value is a secret.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import MISSING, Field, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

HIDDEN = "********"
LONGEST_QUOTED = 80
_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")


def setting(
    default: Any, read: Callable[[str], Any], meaning: str, *, unset: str = "", secret: bool = False
) -> Any:
    """Return a dataclass field for a setting; ``unset`` says what holds where it is not set."""
    metadata = {"read": read, "meaning": meaning, "unset": unset, "secret": secret}
    return field(default=default, metadata=metadata)


def name_of(own: Field[Any]) -> str:
    """Return the name of a setting in the environment."""
    return own.name.upper()


def default_of(own: Field[Any]) -> str:
    """Return the text of a setting's default: nothing where it has none, or one that depends."""
    return "" if own.metadata["unset"] or own.default is MISSING else as_text(own.default)


def meaning_of(own: Field[Any]) -> str:
    """Return what a setting means, and what holds without it."""
    meaning, unset = own.metadata["meaning"], own.metadata["unset"]
    return f"{meaning} ({unset})" if unset else str(meaning)


def as_text(value: Any) -> str:
    """Return a value as one would write it into the environment."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def quoted(own: Field[Any], value: str) -> str:
    """Return a bad value as one can see what is wrong with it, in one line."""
    text = shown(own, value)
    short = text if len(text) <= LONGEST_QUOTED else text[:LONGEST_QUOTED] + "..."
    return f'"{short}"' if short.isprintable() else ascii(short)


def shown(own: Field[Any], value: Any) -> str:
    """Return a value as anybody may see it."""
    text = as_text(value)
    if own.metadata["secret"]:
        return HIDDEN if text else ""
    return without_password(text)


def without_password(url: str) -> str:
    """Return a URL with its password, if it has one, hidden."""
    if "://" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    user, at, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    if not password and "pass" not in parts.query.lower():
        return url
    user = f"{name}:{HIDDEN}" if password else user
    query = [
        (key, HIDDEN if "pass" in key.lower() else value)
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    parts = parts._replace(netloc=f"{user}{at}{place}", query=urlencode(query, safe="/*:,"))
    return urlunsplit(parts)


def text(value: str) -> str:
    """Read any text."""
    return value


def path(value: str) -> Path:
    """Read a path; ``~`` is the home of the user."""
    return Path(value).expanduser()


def flag(value: str) -> bool:
    """Read a yes or a no."""
    lowered = value.lower()
    if lowered not in _TRUE + _FALSE:
        raise ValueError("true or false")
    return lowered in _TRUE


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return a reader of whole numbers in a range."""

    def read(value: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", value) or not least <= int(value) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(value)

    return read


def share(value: str) -> float:
    """Read a share of a whole."""
    if not re.fullmatch(r"0|1|[01]?\.[0-9]{1,9}", value) or not 0 <= float(value) <= 1:
        raise ValueError("a number from 0 to 1, like 0.2")
    return float(value)


def one_of(*allowed: str) -> Callable[[str], str]:
    """Return a reader of one word among several."""

    def read(value: str) -> str:
        if value.lower() not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return value.lower()

    return read


def url(*schemes: str) -> Callable[[str], str]:
    """Return a reader of absolute URLs with one of the schemes."""
    allowed = " or ".join(f"{scheme}://..." for scheme in schemes)

    def read(value: str) -> str:
        scheme = _split(value, allowed).scheme
        if scheme not in schemes or not value.lower().startswith(f"{scheme}://"):
            raise ValueError(f"a URL like {allowed}")
        return value

    return read


def origins(value: str) -> tuple[str, ...]:
    """Read origins (RFC 6454), separated by commas."""
    allowed = "origins separated by commas, like https://help.example.com"
    found = tuple(part.strip() for part in value.split(",") if part.strip())
    for origin in found:
        parts = _split(origin, allowed)
        bare = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme not in {"http", "https"} or not parts.hostname or bare != origin:
            raise ValueError(allowed)
    return found


def rate(value: str) -> str:
    """Read a number of requests in a time."""
    if not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", value):
        raise ValueError("a number of requests in a second, minute, hour or day, like 6000/minute")
    return value


def secret_of(least_bytes: int) -> Callable[[str], str]:
    """Return a reader of secrets that are long enough."""

    def read(value: str) -> str:
        if len(value.encode()) < least_bytes:
            raise ValueError(f"at least {least_bytes} bytes long")
        return value

    return read


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a host to listen on."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def url_host(host: str) -> str:
    """Return a host as it stands in a URL (RFC 3986, section 3.2.2)."""
    return f"[{quote(host, safe=':')}]" if ":" in host else host


def _split(value: str, allowed: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError(f"a URL like {allowed}") from None
    return parts
