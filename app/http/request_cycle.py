"""One request and its answer: uvicorn's, for less, and with more to tell.

uvicorn writes the head of an answer and its body one after the other: two system calls
and two packets; and it searches each name and each value by itself for what may not be in
them. Here an answer that comes whole is put together and written at once.
"""

import asyncio
from types import TracebackType
from typing import Any, Self, cast

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

__all__ = ["RequestCycle", "request_cycle_of"]

# A query that has not ended so long after its client has gone is ended: nobody would read
# the answer. To end one that is nearly done would cost more than it does.
GRACE_S = 1.0

# What of an answer is left to uvicorn: these have no body, or say how it is sent.
_BODILESS = frozenset({204, 304})
_OF_THE_CONNECTION = frozenset({b"connection", b"transfer-encoding"})


class RequestCycle(RequestResponseCycle):
    """One request and its answer.

    As a context, it ends the task that has entered it, by ClientDisconnect, where the client
    has been gone for a while.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, **given: Any) -> None:
        super().__init__(**given)
        self._loop = loop
        self._beginning: Message | None = None
        self._working: asyncio.Task[Any] | None = None
        self._is_abandoned = False

    def take_body(self) -> bytes | None:
        """Return the body where all of it has come, for one taker; None where it has not."""
        if self.more_body:
            return None
        body, self.body = bytes(self.body), bytearray()
        self.flow.resume_reading()
        return body

    async def send(self, message: Any) -> None:
        """Take a part of the answer, as ASGI has them; its beginning waits for what comes next."""
        if self.response_started:
            await super().send(message)
        elif message["type"] == "http.response.start":
            self._beginning = message
        else:
            beginning, self._beginning = self._beginning, None
            if beginning is None or not self._write_whole(beginning, message):
                if beginning is not None:
                    await super().send(cast("Any", beginning))
                await super().send(message)

    def client_has_gone(self) -> None:
        """End what is done for it alone, after a while; others hear of it by `receive`."""
        self._loop.call_later(GRACE_S, self._abandon)

    def __enter__(self) -> Self:
        self._working = asyncio.current_task(self._loop)
        if self.disconnected:
            self.client_has_gone()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        working, self._working = self._working, None
        if self._is_abandoned and working is not None:
            working.uncancel()
            if exc_type is asyncio.CancelledError:
                raise ClientDisconnect from None

    def _abandon(self) -> None:
        if self._working is not None:
            self._is_abandoned = True
            self._working.cancel()

    def _write_whole(self, beginning: Message, message: Message) -> bool:
        """Write an answer that is whole; false, with nothing done, where it is no plain one."""
        status = beginning["status"]
        if (
            message.get("more_body")
            or self.disconnected
            or self.flow.write_paused
            or status in _BODILESS
            or self.scope["method"] == "HEAD"
        ):
            return False
        body: bytes = message.get("body", b"")
        length = b"%d" % len(body)
        headers = [*self.default_headers, *beginning["headers"]]
        given = dict(headers)
        if b"content-length" not in given:
            headers.append((b"content-length", length))
        elif given[b"content-length"] != length:
            return False
        if not _OF_THE_CONNECTION.isdisjoint(given):
            return False
        if not self.keep_alive:
            headers.append((b"connection", b"close"))
        lines = [*map(b": ".join, headers)]
        # What may not be in a header is not printable (RFC 9110, section 5.5).
        if not b"".join(lines).decode("latin-1").isprintable():
            return False
        self.response_started = self.response_complete = True
        self.transport.writelines((STATUS_LINE[status], b"\r\n".join(lines), b"\r\n\r\n", body))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True


def request_cycle_of(receive: Receive) -> RequestCycle | None:
    """Return the exchange that a request is received from; None without a server of ours.

    It is not kept in the request's scope, which it has itself: such a circle would stay in
    memory until the collector comes by.
    """
    exchange = getattr(receive, "__self__", None)
    return exchange if isinstance(exchange, RequestCycle) else None
