"""Reading of a request's head: its target, its framing and its offers to upgrade."""

import re
from collections.abc import Iterable
from typing import TypeAlias

import httptools

from app.server.early_response import (
    INVALID_WEBSOCKET_KEY,
    UNSUPPORTED_WEBSOCKET,
    EarlyResponse,
)

__all__ = [
    "RawHeaders",
    "for_websocket",
    "handshake_error",
    "has_body",
    "new_parser",
    "offers_websocket",
    "replace_host",
    "without_upgrade",
]

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]

_WEBSOCKET_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
_AUTHORITY = re.compile(rb"[a-z][a-z0-9+.-]*://([^/?#]*)", re.IGNORECASE)


def new_parser(protocol: object) -> httptools.HttpRequestParser:
    """Return a parser that calls the protocol."""
    parser = httptools.HttpRequestParser(protocol)
    # As uvicorn does, so that a request is answered after which the connection closes.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def replace_host(headers: RawHeaders, url: bytes) -> None:
    """Let the authority of an absolute URL replace Host (RFC 9112, section 3.2.2).

    A request without exactly one Host stays invalid.
    """
    absolute = _AUTHORITY.match(url)
    lines = [line for line, (name, _) in enumerate(headers) if name == b"host"]
    if absolute is not None and len(lines) == 1:
        headers[lines[0]] = (b"host", absolute[1])


def has_body(headers: RawHeaders) -> bool:
    """Return whether a request has content."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0 \t") != b"")
        for name, value in headers
    )


def offers_websocket(headers: RawHeaders) -> bool:
    """Return whether the protocols that a request offers include WebSocket."""
    return any(
        token.strip().lower() == b"websocket"
        for name, value in headers
        if name == b"upgrade"
        for token in value.split(b",")
    )


def handshake_error(headers: RawHeaders) -> EarlyResponse | None:
    """Return the response to an invalid WebSocket handshake (RFC 6455, section 4.2)."""
    versions = [value for name, value in headers if name == b"sec-websocket-version"]
    if versions != [b"13"]:
        return UNSUPPORTED_WEBSOCKET
    keys = [value for name, value in headers if name == b"sec-websocket-key"]
    if len(keys) != 1 or not _WEBSOCKET_KEY.fullmatch(keys[0]):
        return INVALID_WEBSOCKET_KEY
    return None


def for_websocket(headers: RawHeaders) -> RawHeaders:
    """Return the headers of a handshake as the websockets library expects them.

    It rejects a list of protocols, and the length of an empty body.
    """
    kept = [header for header in headers if header[0] not in {b"upgrade", b"content-length"}]
    return [*kept, (b"upgrade", b"websocket")]


def without_upgrade(method: str, url: bytes, version: str, headers: RawHeaders) -> bytes:
    """Return the head of a request without its offer to upgrade, which the server ignores."""
    return b"".join(_lines(method, url, version, headers))


def _lines(method: str, url: bytes, version: str, headers: RawHeaders) -> Iterable[bytes]:
    yield b"%b %b HTTP/%b\r\n" % (method.encode("ascii"), url, version.encode("ascii"))
    for name, value in headers:
        if name != b"upgrade":
            yield b"%b: %b\r\n" % (name, value)
    yield b"\r\n"
