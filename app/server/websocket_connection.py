"""WebSocket connections: uvicorn's, with limits for what they receive and send, and for closing.

`message_reader` limits what they receive. uvicorn waits forever for a client that does not read,
or that does not complete the closing handshake.
"""

import logging
from collections.abc import Coroutine
from typing import Any, cast

from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected
from websockets.frames import CloseCode, Frame

from app.config.log_line_limit import UNAUTHENTICATED_LINES
from app.http.request_record import limits_key_of
from app.server.message_reader import MessageReader
from app.server.timeouts import WEBSOCKET_LINGER_S
from app.server.unread_responses import UnreadResponses

__all__ = ["WebSocketConnection"]

_logger = logging.getLogger(__name__)


class WebSocketConnection(MessageReader):
    """Protocol of one WebSocket connection, from its handshake on."""

    def __init__(self, *args: Any, unread: UnreadResponses, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unread = unread

    def expire(self) -> None:
        """Close the connection, because its message or closing handshake takes too long."""
        if self._has_begun_close:
            self.transport.abort()
        elif self._unparsed or not self._may_parse:
            # The server has not parsed what the client has sent, maybe the end of the message.
            self._timeouts.message.begin(self)
        else:
            self._has_message_timeout = False
            limit_s = self._timeouts.message.timeout_s
            self._fail(
                CloseCode.POLICY_VIOLATION,
                f"A message must be complete within {limit_s:g} s (REQUEST_TIMEOUT_MS).",
            )

    def connection_lost(self, exc: Exception | None) -> None:
        """Release what the connection holds."""
        self._timeouts.close.end(self)
        self._release_input()
        self._unread.remove(self.transport)
        self._scheduler.leave(self)
        self._open_connections.close(self._slot)
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """Close the connection, in bounded time if the client does not read either."""
        self._begin_close()

    def _fail(self, code: CloseCode, reason: str, *, is_logged: bool = True) -> None:
        if is_logged:
            UNAUTHENTICATED_LINES.log(
                _logger,
                logging.INFO,
                "websocket rejected",
                {"reason": reason},
                address=self.client[0] if self.client else "",
            )
        self.conn.fail(code, reason)
        self.handle_parser_exception()

    def handle_parser_exception(self) -> None:
        """Send the close frame of a failed connection, and linger until the client has read it."""
        self._has_failed = True
        self._bytes = 0
        self._release_input()
        close = self.conn.close_sent
        if close is None:
            # Frames that preceded the response to the handshake.
            self.transport.abort()
            return
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": close.code, "reason": close.reason}
        )
        self.stop_keepalive()
        self.close_sent = True
        if self.transport.is_closing():
            return
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.close_timer is not None:
            self.close_timer.cancel()
        # uvicorn keeps a connection with this timer open when the application ends.
        self.close_timer = self.loop.call_later(WEBSOCKET_LINGER_S, self.transport.abort)

    def handle_close(self, event: Frame) -> None:
        """Complete the closing handshake."""
        super().handle_close(event)
        self._begin_close()

    def keepalive_timeout(self) -> None:
        """Close the connection, because the client has not answered a ping."""
        super().keepalive_timeout()
        self._begin_close()

    def shutdown(self) -> None:
        """Close the connection, because the server stops."""
        super().shutdown()
        self._begin_close()

    def _begin_close(self) -> None:
        """Start the time limit of the closing handshake."""
        if not self._has_begun_close and not self.disconnected:
            self._has_begun_close = True
            self._set_message_timeout(is_running=False)
            self._timeouts.close.begin(self)

    def pause_writing(self) -> None:
        """Count the messages that the client does not read."""
        super().pause_writing()
        self._unread.add(self.transport, limits_key_of(cast("Scope", self.scope), self.client))

    def resume_writing(self) -> None:
        """Stop counting, and resume reading: the client has read most of the messages."""
        super().resume_writing()
        self._unread.remove(self.transport)
        if not self.read_paused:
            self._resume_reading()

    def send(self, message: Any) -> Coroutine[Any, Any, None]:
        """Send an ASGI message."""
        if self._has_failed:
            # uvicorn would take it for a fault of the application.
            raise ClientDisconnected
        if message["type"] == "websocket.close":
            return self._send_close(message)
        return super().send(message)

    async def _send_close(self, message: Message) -> None:
        self._begin_close()
        await super().send(message)  # type: ignore[arg-type]  # ASGI messages of uvicorn
        if self._unparsed and not self._has_failed:
            # The close frame of the client may be among them.
            self._resume_reading()

    async def run_asgi(self) -> None:
        """Run the application."""
        app = self.app

        async def app_completing_handshake(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, send)
            # A response that rejects the handshake completes it, too. uvicorn would log an error.
            self.handshake_complete = self.handshake_complete or self.close_sent

        self.app = app_completing_handshake
        try:
            await super().run_asgi()
        finally:
            # The function refers to this connection.
            self.app = app
        self._begin_close()
