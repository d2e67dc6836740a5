"""The plainest answer: its status, headers and body are bytes already."""

from typing import TypeAlias

from starlette.types import Receive, Scope, Send

from app.http.compression import LARGE_BYTES, gzipped

__all__ = ["RawHeaders", "RawResponse"]

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]


_VARY = (b"vary", b"Accept-Encoding")
_ENCODING = (b"content-encoding", b"gzip")


class RawResponse:
    """An ASGI application that answers just this, compressed where that is worth it.

    For the answers that are sent most; it costs less than a `Response`.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: RawHeaders, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's signature
        """Send it."""
        body, headers = self.body, self.headers
        if len(body) >= LARGE_BYTES:
            headers = [*headers, _VARY]
            shorter = None if _has_strong_tag(headers) else await gzipped(scope, body)
            if shorter is not None:
                body = shorter
                headers.append(_ENCODING)
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
    """Tell whether a tag says that the body has just these bytes (RFC 9110, section 8.8.3.3)."""
    return any(name == b"etag" and not value.startswith(b"W/") for name, value in headers)
