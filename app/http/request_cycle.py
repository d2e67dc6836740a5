"""Request and response of one exchange over HTTP/1.1, faster than uvicorn's.

uvicorn writes the head of a response and its body separately: two system calls and two packets.
It also checks each header name and value with a regular expression of its own. This class writes a
complete response at once.
"""

import asyncio
from types import TracebackType
from typing import Any, Self, cast

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from app.http.raw_response import RawHeaders

__all__ = ["RequestCycle", "request_cycle_of"]

# Time that a request may continue after its client has disconnected. Most requests finish within
# it, which costs less than to cancel them. With the time for the cancellation, statements of such a
# request end within a second.
CANCEL_DELAY_S = 0.5

# Responses without a body, or with headers about the connection: `_write_response` leaves them to
# uvicorn.
_STATUSES_WITHOUT_BODY = frozenset({204, 304})
_CONNECTION_HEADERS = frozenset({b"connection", b"transfer-encoding"})


class RequestCycle(RequestResponseCycle):
    """One request and its response.

    As a context manager it cancels the task that entered it, with ClientDisconnect, a while
    after the client has disconnected.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._loop = loop
        # The start of the response, until the next message shows whether that is all of it.
        self._response_start: Message | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_cancelled = False

    def take_body(self) -> bytes | None:
        """Return the request's body if all of it has been received, else None; call it once."""
        if self.more_body:
            return None
        body, self.body = bytes(self.body), bytearray()
        self.flow.resume_reading()
        return body

    async def send(self, message: Any) -> None:
        """Send an ASGI message of the response, the start together with the next message."""
        if self.response_started:
            await super().send(message)
        elif message["type"] == "http.response.start":
            self._response_start = message
        else:
            start, self._response_start = self._response_start, None
            if start is None or not self._write_response(start, message):
                if start is not None:
                    await super().send(cast("Any", start))
                await super().send(message)

    def on_disconnect(self) -> None:
        """Cancel the task after a while; other code learns of the disconnect by `receive`."""
        self._loop.call_later(CANCEL_DELAY_S, self._cancel)

    def __enter__(self) -> Self:
        self._task = asyncio.current_task(self._loop)
        if self.disconnected:
            self.on_disconnect()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        task, self._task = self._task, None
        if self._is_cancelled and task is not None:
            task.uncancel()
            if exc_type is asyncio.CancelledError:
                raise ClientDisconnect from None

    def _cancel(self) -> None:
        if self._task is not None:
            self._is_cancelled = True
            self._task.cancel()

    def _write_response(self, start: Message, body_message: Message) -> bool:
        """Write a complete response in one system call, and finish the cycle.

        Return false, without having written anything, if uvicorn must write it: the body is
        streamed or must not be sent, the client does not read, or a header concerns the connection.
        """
        status = start["status"]
        is_streamed = body_message.get("more_body")
        if is_streamed or self.disconnected or self.flow.write_paused:
            return False
        if status in _STATUSES_WITHOUT_BODY or self.scope["method"] == "HEAD":
            return False
        body: bytes = body_message.get("body", b"")
        header_lines = self._header_lines(start["headers"], body)
        if header_lines is None:
            return False
        self.response_started = self.response_complete = True
        self.transport.writelines((STATUS_LINE[status], header_lines, b"\r\n\r\n", body))
        # Wakes code that waits in `receive` for a disconnect.
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True

    def _header_lines(self, response_headers: RawHeaders, body: bytes) -> bytes | None:
        """Return the encoded headers of a complete response; None if uvicorn must write it."""
        headers = [*self.default_headers, *response_headers]
        values = dict(headers)
        if not _CONNECTION_HEADERS.isdisjoint(values):
            return None
        length = b"%d" % len(body)
        declared_length = values.get(b"content-length")
        if declared_length is None:
            headers.append((b"content-length", length))
        elif declared_length != length:
            return None
        if not self.keep_alive:
            headers.append((b"connection", b"close"))
        lines = [*map(b": ".join, headers)]
        # Bytes that are not allowed in a header are not printable (RFC 9110, section 5.5). uvicorn
        # rejects such a response.
        if not b"".join(lines).decode("latin-1").isprintable():
            return None
        return b"\r\n".join(lines)


def request_cycle_of(receive: Receive) -> RequestCycle | None:
    """Return the cycle that a request is received from; None under another server.

    The cycle is not stored in the request's scope, because it refers to the scope: only the
    garbage collector could free such a reference cycle.
    """
    cycle = getattr(receive, "__self__", None)
    return cycle if isinstance(cycle, RequestCycle) else None
