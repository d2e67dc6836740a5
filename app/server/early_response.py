"""Responses to invalid or incomplete requests, which never reach the application."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

import orjson

from app.config.log_line_limit import UNAUTHENTICATED_LINES
from app.http.security_headers import with_security_headers
from app.server.input_scheduler import MAX_WAITING_BYTES

__all__ = [
    "INVALID",
    "INVALID_WEBSOCKET_KEY",
    "OVERLOADED",
    "PATH_TOO_LONG",
    "TIMED_OUT",
    "TOO_LARGE",
    "TOO_MUCH_INPUT",
    "UNIMPLEMENTED",
    "UNSUPPORTED_VERSION",
    "UNSUPPORTED_WEBSOCKET",
    "EarlyResponse",
]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EarlyResponse:
    """A problem document (RFC 9457) without request id; the connection closes after it."""

    status: HTTPStatus
    code: str
    detail: str
    # Further headers, in addition to those of every response.
    headers: tuple[tuple[bytes, bytes], ...] = ((b"connection", b"close"),)
    # Whether each one is logged; else the limit logs them together.
    is_logged: bool = True

    def encode(
        self, headers: Iterable[tuple[bytes, bytes]], client: tuple[str, int] | None
    ) -> bytes:
        """Return the whole response with additional headers, and log it.

        The log lines of a client's address are limited.
        """
        if self.is_logged:
            fields = {"status": self.status, "code": self.code}
            address = client[0] if client else ""
            UNAUTHENTICATED_LINES.log(
                _logger,
                logging.INFO,
                "request rejected",
                fields,
                address=address,
            )
        document = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        body = orjson.dumps(document)
        all_headers = with_security_headers(
            [
                *headers,
                (b"content-type", b"application/problem+json"),
                (b"content-length", b"%d" % len(body)),
                *self.headers,
            ]
        )
        status_line = b"HTTP/1.1 %d %s\r\n" % (self.status, self.status.phrase.encode("ascii"))
        header_lines = b"".join(b"%b: %b\r\n" % header for header in all_headers)
        return status_line + header_lines + b"\r\n" + body


INVALID = EarlyResponse(
    HTTPStatus.BAD_REQUEST, "BAD_REQUEST", "The server did not receive a valid HTTP/1.1 request."
)
OVERLOADED = EarlyResponse(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "SERVICE_UNAVAILABLE",
    "The server is receiving too many large requests, of all callers or of this one."
    " Send fewer at a time.",
    ((b"connection", b"close"), (b"retry-after", b"1")),
)
TOO_MUCH_INPUT = EarlyResponse(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "SERVICE_UNAVAILABLE",
    f"More than {MAX_WAITING_BYTES:,} bytes of received input wait to be parsed, which is a fixed"
    " limit, and much of it is from this sender. Send less at a time.",
    ((b"connection", b"close"), (b"retry-after", b"1")),
    is_logged=False,
)
PATH_TOO_LONG = EarlyResponse(
    HTTPStatus.REQUEST_URI_TOO_LONG,
    "URI_TOO_LONG",
    "The path of the request is longer than 1024 bytes, which is a fixed limit."
    " Send a shorter path.",
)
TIMED_OUT = EarlyResponse(
    HTTPStatus.REQUEST_TIMEOUT,
    "TIMEOUT",
    "The head of the request was not received in time. Try again.",
)
TOO_LARGE = EarlyResponse(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "HEADERS_TOO_LARGE",
    "The head of the request is larger than 65536 bytes or has more than 100 headers."
    " Send a shorter URL or fewer headers.",
)
UNIMPLEMENTED = EarlyResponse(
    HTTPStatus.NOT_IMPLEMENTED,
    "NOT_IMPLEMENTED",
    "The server implements neither CONNECT nor transfer codings other than chunked.",
)
UNSUPPORTED_VERSION = EarlyResponse(
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
    "HTTP_VERSION_NOT_SUPPORTED",
    "The server supports HTTP/1.1 and HTTP/1.0. For HTTP/2, put a proxy in front of it.",
)
UNSUPPORTED_WEBSOCKET = EarlyResponse(
    HTTPStatus.UPGRADE_REQUIRED,
    "BAD_REQUEST",
    "The server supports WebSocket version 13 (RFC 6455). Send exactly one Sec-WebSocket-Version.",
    (
        (b"connection", b"close, upgrade"),
        (b"upgrade", b"websocket"),
        (b"sec-websocket-version", b"13"),
    ),
)
INVALID_WEBSOCKET_KEY = EarlyResponse(
    HTTPStatus.BAD_REQUEST,
    "BAD_REQUEST",
    "A WebSocket handshake must have exactly one Sec-WebSocket-Key: 16 bytes in base64.",
)
