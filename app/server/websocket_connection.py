"""WebSocket connections: uvicorn's, except that every handshake gets a response."""

from typing import Any, cast

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app.http.request_record import limits_key_of
from app.server.early_response import INVALID
from app.server.unread_responses import UnreadResponses

__all__ = ["WebSocketConnection"]


class WebSocketConnection(WebSocketsSansIOProtocol):
    """Protocol of one WebSocket connection, from its handshake on."""

    def __init__(self, *args: Any, unread: UnreadResponses, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unread = unread

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to count unread messages."""
        self._unread.remove(self.transport)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Count the messages that the client does not read."""
        super().pause_writing()
        self._unread.add(self.transport, limits_key_of(cast("Scope", self.scope), self.client))

    def resume_writing(self) -> None:
        """Stop to count: the client has read most of the messages."""
        super().resume_writing()
        self._unread.remove(self.transport)

    def data_received(self, data: bytes) -> None:
        """Parse received bytes; the first call has the complete handshake."""
        super().data_received(data)
        if not self.handshake_initiated:
            # The headers exceed the limits of the websockets library, which reports nothing.
            # uvicorn would keep the connection open forever.
            self.transport.write(INVALID.encode(self.default_headers))
            self.transport.close()

    async def run_asgi(self) -> None:
        """Run the application."""
        app = self.app

        async def app_completing_handshake(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, send)
            # A response that rejects the handshake completes it, too. uvicorn would log an error.
            self.handshake_complete = self.handshake_complete or self.close_sent

        self.app = app_completing_handshake
        await super().run_asgi()
