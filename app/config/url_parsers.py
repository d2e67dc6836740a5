"""Parsers of the URLs and the credentials of the services that this one uses."""

import re
from urllib.parse import SplitResult, urlsplit

from app.config.setting_parsers import WITH_CREDENTIALS, Parser

__all__ = ["bearer_token", "http_base_url", "http_url", "postgres_url", "postgres_urls"]

_MAX_TOKEN_LENGTH = 8192
# Characters that no URL contains unencoded (RFC 3986, section 2), except those of IRIs.
_NOT_IN_URL = re.compile(r'[\s\x00-\x20\x7f<>"\\^`{|}]')


def _http_url(value: str) -> str:
    parts = _split(value)
    if parts.scheme not in {"http", "https"} or "#" in value:
        raise ValueError(value)
    return value


def _http_base_url(value: str) -> str:
    parts = _split(value)
    if parts.scheme not in {"http", "https"} or "#" in value or "?" in value:
        raise ValueError(value)
    return value


def _split(value: str) -> SplitResult:
    parts = urlsplit(value)
    is_complete = value[len(parts.scheme) :].startswith("://") and parts.hostname
    # The property raises ValueError for a port that is not a number up to 65535.
    if not is_complete or parts.port == 0 or _NOT_IN_URL.search(value) or "@" in parts.path:
        raise ValueError(value)
    # Raises UnicodeError, a ValueError, for an empty label and for one that is too long.
    (parts.hostname or "").encode("idna")
    return parts


def _postgres_url(value: str) -> str:
    """Return a URL of PostgreSQL; `engine.database.dsn` reads its hosts and parameters."""
    scheme, separator, rest = value.partition("://")
    path = rest.partition("?")[0].partition("/")[2]
    if not separator or scheme.lower() not in {"postgresql", "postgres"}:
        raise ValueError(value)
    # The parts are not the intended ones if a password contains one of these characters.
    if "#" in value or "@" in path:
        raise ValueError(value)
    return value


def _postgres_urls(value: str) -> tuple[str, ...]:
    # A URL can contain commas too.
    urls = re.split(r",(?=\s*postgres(?:ql)?://)", value, flags=re.IGNORECASE)
    return tuple(_postgres_url(one.strip()) for one in urls)


def _bearer_token(value: str) -> str:
    # RFC 6750 allows less, but services use more. A header allows no other characters.
    if not re.fullmatch(rf"[\x21-\x7e]{{1,{_MAX_TOKEN_LENGTH}}}", value):
        raise ValueError(value)
    return value


http_url = Parser(f"a URL like https://host/path; {WITH_CREDENTIALS}", _http_url, is_url=True)
http_base_url = Parser(
    f"a URL like https://host/path without query; {WITH_CREDENTIALS}",
    _http_base_url,
    is_url=True,
)
postgres_url = Parser(
    f"a URL like postgresql://... or postgres://...; {WITH_CREDENTIALS}",
    _postgres_url,
    is_url=True,
)
postgres_urls = Parser(
    f"URLs like postgresql://... separated by commas; {WITH_CREDENTIALS}",
    _postgres_urls,
    is_url=True,
)
bearer_token = Parser(
    f"ASCII characters without spaces, at most {_MAX_TOKEN_LENGTH}", _bearer_token
)
