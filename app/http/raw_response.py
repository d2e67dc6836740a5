"""A fast response for the hot paths: status, headers and body are encoded already."""

from typing import TypeAlias

from starlette.types import Receive, Scope, Send

from app.http.compression import MIN_BYTES, compress

__all__ = ["RawHeaders", "RawResponse"]

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]


_VARY = (b"vary", b"Accept-Encoding")
_CONTENT_ENCODING = (b"content-encoding", b"gzip")


class RawResponse:
    """ASGI application that sends a response, and compresses a large body.

    It costs less than Starlette's `Response`.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: RawHeaders, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's signature
        """Send the response."""
        body, headers = self.body, self.headers
        if len(body) >= MIN_BYTES:
            headers = [*headers, _VARY]
            compressed = None if _has_strong_tag(headers) else await compress(scope, body)
            if compressed is not None:
                body = compressed
                headers.append(_CONTENT_ENCODING)
        length = (b"content-length", b"%d" % len(body))
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [*headers, length],
            }
        )
        await send({"type": "http.response.body", "body": body})


def _has_strong_tag(headers: RawHeaders) -> bool:
    """Return whether an entity tag identifies the exact bytes (RFC 9110, section 8.8.3.3)."""
    return any(name == b"etag" and not value.startswith(b"W/") for name, value in headers)
