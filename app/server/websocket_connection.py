"""WebSocket connections: uvicorn's, except that every handshake gets a response."""

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app.server.early_response import INVALID

__all__ = ["WebSocketConnection"]


class WebSocketConnection(WebSocketsSansIOProtocol):
    """Protocol of one WebSocket connection, from its handshake on."""

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
