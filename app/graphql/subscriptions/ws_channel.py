"""Sending side of one WebSocket: its messages, its close frame, and its tasks."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Message, Scope, Send

from app.http.failure import report_failure
from app.http.request_record import record_of, unknown_address

__all__ = ["TRY_LATER", "CloseSocket", "SocketChannel"]

# A control frame has at most 125 bytes, of which the code takes two (RFC 6455, section 5.5).
MAX_REASON_BYTES = 123
# Close codes with their reasons.
TRY_LATER = (1013, "Try again later")
_INTERNAL_ERROR = (4500, "Internal server error")


class CloseSocket(Exception):
    """The WebSocket must be closed with a code and reason of the protocol."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class SocketChannel:
    """Sends to one WebSocket until it is closed, and runs tasks that end with it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._asgi_send = send
        self.is_closed = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, message: Message) -> None:
        """Send an ASGI message; raises ClientDisconnect if the client has disconnected."""
        try:
            await self._asgi_send(message)
        except OSError:
            # ASGI reports a disconnect by OSError. Other code can raise OSError for other reasons.
            raise ClientDisconnect from None

    async def send_text(self, text: str) -> None:
        """Send a message of the protocol, unless the WebSocket is closed."""
        if not self.is_closed:
            await self.send({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str) -> None:
        """Close the WebSocket, unless it is closed."""
        if not self.is_closed:
            self.is_closed = True
            short_reason = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
            await self.send({"type": "websocket.close", "code": code, "reason": short_reason})

    async def fail(self, error: BaseException) -> None:
        """Close the WebSocket after a failure of the server or of the database."""
        failure = report_failure(
            error,
            request_id=record_of(self._scope).request_id,
            unknown_address=unknown_address(self._scope),
        )
        is_temporary = failure.code == "SERVICE_UNAVAILABLE"
        await self.close(*(TRY_LATER if is_temporary else _INTERNAL_ERROR))

    def start_task(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine until `stop`; the WebSocket is closed if it fails."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)
        return task

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        # Code that receives messages notices a disconnect, too.
        if error is not None and not isinstance(error, ClientDisconnect):
            # The WebSocket must not continue without the task, especially not without the check
            # of the client's access.
            self.start_task(self.fail(error))

    async def stop(self) -> None:
        """Cancel all tasks, and wait for them; those that end now send nothing."""
        self.is_closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
