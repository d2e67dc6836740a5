"""Responses to invalid or incomplete requests, which never reach the application."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

import orjson

from app.http.security_headers import with_security_headers

__all__ = ["INVALID", "TIMED_OUT", "TOO_LARGE", "EarlyResponse"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EarlyResponse:
    """A problem document (RFC 9457) without request id; the connection closes after it."""

    status: HTTPStatus
    code: str
    detail: str

    def encode(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the whole response with additional headers, and log it."""
        fields = {"status": self.status, "code": self.code}
        _logger.info("request rejected", extra={"fields": fields})
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
                (b"connection", b"close"),
            ]
        )
        status_line = b"HTTP/1.1 %d %s\r\n" % (self.status, self.status.phrase.encode("ascii"))
        header_lines = b"".join(b"%b: %b\r\n" % header for header in all_headers)
        return status_line + header_lines + b"\r\n" + body


INVALID = EarlyResponse(
    HTTPStatus.BAD_REQUEST, "BAD_REQUEST", "The server did not receive a valid HTTP/1.1 request."
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
