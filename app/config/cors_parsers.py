"""Parsers of the settings of CORS: origins as browsers send them, and names of headers."""

import re
from ipaddress import IPv6Address

from app.config.setting_parsers import Parser

__all__ = ["header_names", "origins"]

_ORIGINS = (
    "origins separated by commas, like https://help.example.com or app://desk, without a path;"
    ' "*" and "null" are not allowed, because every page can have them'
)
_HEADER_NAMES = 'names of headers separated by commas, like X-Tenant, or "*" for all'
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[0-9a-f:.]+\]|[^\s\x00-\x20/?#@:\\\[\]\"'<>*]+)"
    r"(?::(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_MAX_PORT = 65_535


def _origin(text: str) -> str:
    """Return an origin in the form of the Origin header (RFC 6454, section 6.2)."""
    parts = _ORIGIN.fullmatch(text)
    if parts is None:
        raise ValueError(text)
    scheme, host = parts["scheme"].lower(), parts["host"]
    port = None if parts["port"] is None else int(parts["port"])
    if scheme in _DEFAULT_PORTS:
        host = _internet_host(host)
    if not host.isascii() or (port is not None and port > _MAX_PORT):
        raise ValueError(text)
    if port is None or port == _DEFAULT_PORTS.get(scheme):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}"


def _internet_host(host: str) -> str:
    """Return a host as browsers write it; raises ValueError."""
    if host.startswith("["):
        return f"[{IPv6Address(host[1:-1]).compressed}]"
    # Raises UnicodeError, a ValueError, for an empty label and for one that is too long.
    return host.encode("idna").decode("ascii").lower()


def _origins(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_origin(part) for part in _parts(value)))


def _header_names(value: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.lower() for part in _parts(value)))
    if any(not _NAME.fullmatch(name) for name in names) or ("*" in names and len(names) > 1):
        raise ValueError(value)
    return names


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


origins = Parser(_ORIGINS, _origins)
header_names = Parser(_HEADER_NAMES, _header_names)
