"""The plainest answer: its status, headers and body are bytes already."""

from typing import TypeAlias

from starlette.types import Receive, Scope, Send

__all__ = ["PlainAnswer", "RawHeaders"]

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]


class PlainAnswer:
    """An ASGI application that answers just this; a third of what a `Response` costs."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: RawHeaders, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's signature
        """Send it."""
        length = (b"content-length", b"%d" % len(self.body))
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [*self.headers, length],
            }
        )
        await send({"type": "http.response.body", "body": self.body})
