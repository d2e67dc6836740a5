"""Answers to what is not yet a request, or none: bytes at once, for no application sees it."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

import orjson

from app.http.security_headers import with_security_headers

__all__ = ["INVALID", "TOO_LARGE", "TOO_LATE", "EarlyResponse"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EarlyResponse:
    """A problem document (RFC 9457) without the id of a request, after which nothing comes."""

    status: HTTPStatus
    code: str
    detail: str

    def answer(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the whole answer with further headers, and leave a line in the log."""
        _logger.info("no request", extra={"fields": {"status": self.status, "code": self.code}})
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
        head = b"HTTP/1.1 %d %s\r\n" % (self.status, self.status.phrase.encode("ascii"))
        return head + b"".join(b"%b: %b\r\n" % header for header in all_headers) + b"\r\n" + body


INVALID = EarlyResponse(HTTPStatus.BAD_REQUEST, "BAD_REQUEST", "This is no request of HTTP/1.1.")
TOO_LATE = EarlyResponse(
    HTTPStatus.REQUEST_TIMEOUT, "TIMEOUT", "The head of the request did not come in its time."
)
TOO_LARGE = EarlyResponse(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "HEADERS_TOO_LARGE",
    "The head of the request is larger than 65536 bytes.",
)
