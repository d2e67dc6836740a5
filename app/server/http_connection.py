"""HTTP/1.1 connections: uvicorn's, with limits for the head of a request.

uvicorn accepts a head of any size and waits for it forever, before any authentication. The limits
for the rest of a request are applied where it is read. docs/explanation/http-connection.md shows
the states of a connection.
"""

import asyncio
from functools import partial
from typing import Any, cast

from starlette.types import Scope

from app.http.connection_slot import ConnectionSlot
from app.http.request_cycle import RequestCycle
from app.http.request_record import limits_key_of
from app.server.client_close import has_closed
from app.server.early_response import TIMED_OUT, TOO_LARGE, TOO_MUCH_INPUT, EarlyResponse
from app.server.input_scheduler import READ_UNITS, InputScheduler
from app.server.open_connections import OpenConnections
from app.server.request_parser import RequestParser
from app.server.request_scheduler import RequestScheduler
from app.server.timeouts import ConnectionTimeouts
from app.server.unread_responses import UnreadResponses
from engine.database.timeouts import Timeouts

__all__ = ["HttpConnection"]

# Input that is parsed at once: at most 3 ms, for chunks of one byte.
PART_BYTES = 16_384


class HttpConnection(RequestParser):
    """Protocol of one HTTP/1.1 connection."""

    def __init__(
        self,
        *args: Any,
        timeouts: ConnectionTimeouts,
        connections: OpenConnections,
        scheduler: InputScheduler,
        unread: UnreadResponses,
        requests: RequestScheduler,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._unread = unread
        self._requests = requests
        self._timeouts = timeouts
        self._open_connections = connections
        self._scheduler = scheduler
        self._slot: ConnectionSlot | None = None
        # Received bytes that wait for `parse_part`, from the offset on.
        self._unparsed = b""
        self._offset = 0
        self._is_upgraded = False
        # The time limit that is running, and when it expires.
        self._timeout: Timeouts | None = None
        self.ends_at = 0.0
        # Whether a response was finished since the idle limit started.
        self._has_responded = False
        # Whether the connection ignores all further input, and closes.
        self._is_rejected = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Start serving a connection, or close it at once if there are too many."""
        super().connection_made(transport)
        self._scheduler.backlog.add()
        address = self.client[0] if self.client else ""
        descriptor = transport.get_extra_info("socket").fileno()
        self._slot = self._open_connections.open(self, address, descriptor=descriptor)
        if self._slot is None:
            self.abort()
            return
        # uvicorn copies it into the state of each request, and hands it to a WebSocket.
        self.app_state = {**self.app_state, "slot": self._slot}
        self._set_timeout(self._timeouts.idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time limit, and cancel the running request after a while."""
        self._set_timeout(None)
        self._unread.remove(self.transport)
        self._scheduler.leave(self)
        self._clear_pipeline()
        if self._slot is not None:
            self._open_connections.close(self._slot)
        super().connection_lost(exc)
        if self._is_responding():
            self.cycle.on_disconnect()

    def pause_writing(self) -> None:
        """Count the response that the client does not read."""
        super().pause_writing()
        self._unread.add(self.transport, limits_key_of(cast("Scope", self.scope), self.client))

    def resume_writing(self) -> None:
        """Stop counting: the client has read most of the response."""
        super().resume_writing()
        self._unread.remove(self.transport)

    @property
    def group(self) -> str:
        """The caller, or the address of an unknown one, for the rotation of InputScheduler."""
        slot = self._slot
        if slot is None:
            return ""
        return slot.caller or f"unknown {slot.address}"

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return not self._is_responding()

    @property
    def is_new(self) -> bool:
        """Whether no request has been received."""
        return self.cycle is None

    def abort(self) -> None:
        """Close the connection at once."""
        self._is_rejected = True
        self.transport.abort()

    def refuse_input(self) -> None:
        """Respond that too much input waits, unless a complete request is being answered."""
        self._unparsed, self._offset = b"", 0
        self._reject(TOO_MUCH_INPUT)

    def data_received(self, data: bytes) -> None:
        """Parse received bytes, all at once if there are few, and else in later turns."""
        size = len(data)
        if self._is_rejected:
            if not self._discarded.add(size):
                self.transport.pause_reading()
            return
        if not self._unparsed and size <= PART_BYTES and self._scheduler.admits(size):
            self._receive(data)
            return
        self._unparsed = self._unparsed[self._offset :] + data
        self._offset = 0
        self.transport.pause_reading()
        self._scheduler.wait(self, len(self._unparsed))

    def parse_part(self) -> bool:
        """Parse a part of the bytes that wait; return whether more of them remain."""
        if has_closed(self.transport):
            self.abort()
            return False
        end = self._offset + PART_BYTES
        part = self._unparsed[self._offset : end]
        self._offset = end
        self._receive(part)
        is_over = self._is_rejected or self._is_upgraded or self.transport.is_closing()
        if end < len(self._unparsed) and not is_over:
            return True
        self._unparsed, self._offset = b"", 0
        if not self.transport.is_closing() and not self.flow.read_paused:
            self.transport.resume_reading()
        return False

    def _receive(self, data: bytes) -> None:
        """Parse bytes, and apply the limits of the head that they may be part of.

        After each call the header limit is running exactly if a head is incomplete.
        """
        self._pending_bytes += len(data)
        rejection = self._parse(data)
        if self.pipeline:
            self._scheduler.count(len(self.pipeline) * READ_UNITS)
        if rejection is None and not self._made_progress and self._is_head_too_large():
            rejection = TOO_LARGE
        if rejection is not None:
            self._reject(rejection)
            return
        header_timeout = self._timeouts.header
        if self._made_progress:
            # If these bytes begin the next head, `on_headers_complete` measures it.
            self._made_progress = False
            self._pending_bytes = 0
            if self._timeout is header_timeout:
                self._set_timeout(self._timeouts.idle)
        slot = self._slot
        if self._is_in_head():
            if self._timeout is not header_timeout:
                self._set_timeout(header_timeout)
            if slot is not None:
                self._open_connections.hold(slot, self, self._pending_bytes)
        elif slot is not None and slot.held_bytes:
            self._open_connections.hold(slot, self, 0)

    def on_message_complete(self) -> None:
        """Receive the end of a request, and stop to linger for it."""
        super().on_message_complete()
        if self._timeout is self._timeouts.linger:
            self._set_timeout(self._timeouts.idle)

    def _on_response(self, cycle: RequestCycle) -> None:
        """Do as uvicorn's `on_response_complete`, and discard the rest of the body."""
        self._has_responded = True
        self.server_state.total_requests += 1
        if cycle.held_body is not None:
            self._memory.release_body(cycle)
        if self.transport.is_closing():
            return
        if not cycle.keep_alive:
            if cycle.more_body or self._unparsed or self.pipeline or self._is_rejected:
                self._linger()
            else:
                self.transport.close()
            return
        self.flow.resume_reading()
        if cycle.more_body:
            self._start_linger_timeout()
        elif self.pipeline:
            next_cycle, app = self.pipeline.pop()
            self._memory.dequeue()
            # A later turn, in which the server has noticed if the client is closed.
            self._requests.wait(self.group, partial(self._start, next_cycle, app))

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over to WebSocketConnection."""
        self._set_timeout(None)
        self._is_upgraded = True
        super().handle_websocket_upgrade()
        # It refers to this connection, which will not learn that the connection is lost.
        self.parser = None  # type: ignore[assignment]  # as uvicorn does when it is lost

    def expire(self) -> None:
        """Close the connection, or send a response first, because its time limit has expired."""
        timeout, self._timeout = self._timeout, None
        if timeout is self._timeouts.header:
            self._reject(TIMED_OUT)
        elif timeout is self._timeouts.idle and (self._has_responded or self._is_responding()):
            # The connection was in use, so the idle limit starts again.
            self._has_responded = False
            self._set_timeout(timeout)
        elif timeout is self._timeouts.linger and self._discarded.may_continue(self.loop.time()):
            self._set_timeout(timeout)
        elif self.transport.get_write_buffer_size():
            # To close it would wait until the client has read all.
            self.transport.abort()
        else:
            self.transport.close()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Start a request, in a later turn of the event loop if many start in this one."""
        if self._requests.admits():
            self._start(cycle, app)
        else:
            self._requests.wait(self.group, partial(self._start, cycle, app))

    def _start(self, cycle: Any, app: Any) -> None:
        if not self.transport.is_closing():
            super()._start_asgi_task(cycle, app)

    def _set_timeout(self, timeout: Timeouts | None) -> None:
        """Start a time limit in place of the running one."""
        if self._timeout is not None:
            self._timeout.end(self)
        self._timeout = timeout
        if timeout is not None:
            timeout.begin(self)

    def _reject(self, response: EarlyResponse) -> None:
        """Stop reading, and close the connection after the responses to complete requests."""
        self._is_rejected = True
        self._set_timeout(None)
        if self._slot is not None:
            self._open_connections.hold(self._slot, self, 0)
        if self._is_responding():
            cycle = self.cycle
            if not cycle.more_body:
                # It gets its own response, and the invalid input after it gets none.
                cycle.keep_alive = False
                return
            # The body of this request is invalid: code that reads it must see a disconnect.
            cycle.disconnected = True
            cycle.body = bytearray()
            cycle.release_body()
            cycle.waiting_for_100_continue = False
            cycle.message_event.set()
            if cycle.response_started or self.pipeline:
                self.transport.close()
                return
        self.transport.write(response.encode(self.server_state.default_headers, self.client))
        self._linger()

    def _linger(self) -> None:
        """Close this side, and discard input until the client has read the response."""
        self._is_rejected = True
        self._scheduler.leave(self)
        self._unparsed, self._offset = b"", 0
        self._clear_pipeline()
        self.transport.write_eof()
        self.flow.resume_reading()
        self.transport.resume_reading()
        self._start_linger_timeout()

    def _start_linger_timeout(self) -> None:
        self._discarded.start(self.loop.time())
        self._set_timeout(self._timeouts.linger)
