"""uvicorn's protocol for WebSockets, but every handshake comes to an end, and a quiet one."""

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app.server.early_response import INVALID

__all__ = ["WebSocket"]


class WebSocket(WebSocketsSansIOProtocol):
    """Speaks WebSocket with one client, from its handshake on."""

    def data_received(self, data: bytes) -> None:
        """Take what has come; the first time it is the whole handshake."""
        super().data_received(data)
        if not self.handshake_initiated:
            # It has more headers than the library takes, or longer ones: it says nothing,
            # and uvicorn would wait for ever.
            self.transport.write(INVALID.answer(self.default_headers))
            self.transport.close()

    async def run_asgi(self) -> None:
        """Serve it."""
        app = self.app

        async def answered(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, send)
            # An answer that refuses a handshake completes it, too. uvicorn would log a fault.
            self.handshake_complete = self.handshake_complete or self.close_sent

        self.app = answered
        await super().run_asgi()
