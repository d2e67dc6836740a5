"""Request and response of one exchange over HTTP/1.1, faster than uvicorn's.

uvicorn writes the head of a response and its body separately: two system calls and two packets.
It also checks each header name and value with a regular expression of its own, sends chunks to
clients of HTTP/1.0, and closes a connection on which the client is still sending. This class writes
a complete response at once, and lets its connection decide how to close.
"""

import asyncio
from collections.abc import Sized
from enum import Enum, auto
from types import TracebackType
from typing import Any, Self

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from app.http.draining import DRAINING
from app.http.raw_response import RawHeaders
from app.http.received_input import HeldInput

__all__ = ["RequestCycle", "request_cycle_of"]

# Time that a request may continue after its client has disconnected. Most requests finish within
# it, which costs less than to cancel them. With the time for the cancellation, statements of such a
# request end within a second.
CANCEL_DELAY_S = 0.5

_STATUSES_WITHOUT_BODY = frozenset({204, 304})
_CONNECTION_CLOSE = (b"connection", b"close")


class _Framing(Enum):
    """How a client finds the end of a body (RFC 9112, section 6)."""

    NONE = auto()
    LENGTH = auto()
    CHUNKS = auto()
    # Only for HTTP/1.0, which does not support chunks.
    CLOSE = auto()


# In Python 3.11 a member of an enumeration is found ten times faster under a name of its own.
_NONE, _LENGTH, _CHUNKS, _CLOSE = _Framing


class RequestCycle(RequestResponseCycle):
    """One request and its response.

    As a context manager it cancels the task that entered it, with ClientDisconnect, a while
    after the client has disconnected.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, waiting: Sized = (), **kwargs: Any
    ) -> None:
        """Create the cycle; ``waiting`` has the requests of the connection after this one."""
        super().__init__(**kwargs)
        self._loop = loop
        self._waiting = waiting
        # The start of the response, until the next message shows whether that is all of it.
        self._response_start: Message | None = None
        self._framing = _NONE
        # Of a body that is framed by its length.
        self._remaining_bytes = 0
        self._task: asyncio.Task[Any] | None = None
        self._is_cancelled = False
        # Bytes of the body so far, and their place in the account; None if they are few.
        self.received_bytes = 0
        self.held_body: HeldInput | None = None

    def release_body(self) -> None:
        """Stop counting the body: it is read, or will not be read."""
        if self.held_body is not None:
            self.held_body.release()

    def take_body(self) -> bytes | None:
        """Return the request's body if all of it has been received, else None; call it once."""
        if self.more_body:
            return None
        body, self.body = bytes(self.body), bytearray()
        self.flow.resume_reading()
        return body

    async def send(self, message: Any) -> None:
        """Send an ASGI message of the response, the start together with the next message.

        `on_response` is called with this cycle after the last one.
        """
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.transport.is_closing():
            # uvloop reports a closed connection only in a later turn of the event loop.
            self.disconnected = True
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self._response_start = message
            return
        if self.response_complete:
            raise RuntimeError("The response is complete already.")
        start, self._response_start = self._response_start, None
        body, is_last = message.get("body", b""), not message.get("more_body", False)
        if start is None:
            if not self.response_started:
                raise RuntimeError("The body of a response precedes its start.")
            self.transport.write(self._framed(body, is_last=is_last))
        else:
            head = self._head(start, len(body) if is_last else None)
            self.transport.writelines((*head, self._framed(body, is_last=is_last)))
            self.response_started = True
        if is_last:
            self._finish()

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

    def _finish(self) -> None:
        if self._remaining_bytes:
            raise RuntimeError("The body of a response is shorter than its Content-Length.")
        self.response_complete = True
        # Wakes code that waits in `receive` for a disconnect.
        self.message_event.set()
        self.on_response(self)

    def _head(self, start: Message, length: int | None) -> tuple[bytes, bytes, bytes]:
        """Return the status line and the headers of a response, and decide how it is framed.

        ``length`` is the size of a complete body; None if more of it follows.
        """
        status = start["status"]
        headers = [*self.default_headers, *start["headers"]]
        values = dict(headers)
        if self.scope["method"] == "HEAD" or status in _STATUSES_WITHOUT_BODY:
            self._framing = _NONE
        else:
            self._framing = self._frame(headers, values.get(b"content-length"), length)
        if self.more_body and self.waiting_for_100_continue:
            # The client may omit the body, so what it sends next is ambiguous.
            self.keep_alive = False
        self.waiting_for_100_continue = False
        if DRAINING.has_begun and not self._waiting:
            self.keep_alive = False
        if b"connection" in values:
            self.keep_alive = self.keep_alive and b"close" not in values[b"connection"].lower()
        elif not self.keep_alive:
            headers.append(_CONNECTION_CLOSE)
        elif self.scope["http_version"] == "1.0":
            headers.append((b"connection", b"keep-alive"))
        lines = [*map(b": ".join, headers)]
        # Bytes that are not allowed in a header are not printable (RFC 9110, section 5.5).
        if not b"".join(lines).decode("latin-1").isprintable():
            raise RuntimeError("A header of a response has invalid characters.")
        return STATUS_LINE[status], b"\r\n".join(lines), b"\r\n\r\n"

    def _frame(
        self, headers: RawHeaders, content_length: bytes | None, length: int | None
    ) -> _Framing:
        """Return how to frame a body, and add the header of the framing."""
        if content_length is not None:
            self._remaining_bytes = int(content_length)
            return _LENGTH
        if length is not None:
            self._remaining_bytes = length
            headers.append((b"content-length", b"%d" % length))
            return _LENGTH
        if self.scope["http_version"] == "1.1":
            headers.append((b"transfer-encoding", b"chunked"))
            return _CHUNKS
        self.keep_alive = False
        return _CLOSE

    def _framed(self, body: bytes, *, is_last: bool) -> bytes:
        """Return a part of the body with its framing."""
        framing = self._framing
        if framing is _LENGTH:
            self._remaining_bytes -= len(body)
            if self._remaining_bytes < 0:
                raise RuntimeError("The body of a response is longer than its Content-Length.")
            return body
        if framing is _CHUNKS:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return chunk + b"0\r\n\r\n" if is_last else chunk
        return body if framing is _CLOSE else b""


def request_cycle_of(receive: Receive) -> RequestCycle | None:
    """Return the cycle that a request is received from; None under another server.

    The cycle is not stored in the request's scope, because it refers to the scope: only the
    garbage collector could free such a reference cycle.
    """
    cycle = getattr(receive, "__self__", None)
    return cycle if isinstance(cycle, RequestCycle) else None
