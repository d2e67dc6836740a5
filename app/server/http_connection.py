"""A connection with one client: uvicorn's, which has no end of patience, with one.

There a head of a request may be of any length, and whoever sends half of one, or nothing at
all, stays for ever. All of that comes before any credential. What comes after the head has
its limits where it is read.
"""

import asyncio
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http.request_cycle import RequestCycle
from app.server.early_response import INVALID, TOO_LARGE, TOO_LATE, EarlyResponse
from app.server.timeouts import ConnectionTimeouts
from engine.database.timeouts import Timeouts

__all__ = ["MAX_HEAD_BYTES", "MAX_PIPELINED", "HttpConnection"]

MAX_HEAD_BYTES = 65_536
# Requests that wait while another one is answered.
MAX_PIPELINED = 100


class _HeadTooLarge(Exception):
    """A head is complete, but too large; goes through the parser."""


class _TooManyWaiting(Exception):
    """Another request would wait; whoever sent it sends it again, after the answers."""


class HttpConnection(HttpToolsProtocol):
    """Speaks HTTP/1.1 with one client."""

    cycle: RequestCycle

    def __init__(self, *given: Any, patience: ConnectionTimeouts, **named: Any) -> None:
        super().__init__(*given, **named)
        self._patience = patience
        # The time limit that is running, and when it is over.
        self._limit: Timeouts | None = None
        self.ends_at = 0.0
        # Whether anything has been answered since that began.
        self._has_answered = False
        self._is_refused = False
        # What came since the last head or piece of a body: a head that is not complete, or
        # trailers, or line breaks.
        self._loose_bytes = 0
        # Whether the bytes that are being parsed have completed a head, or are of a body.
        self._got_on = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin to serve a connection."""
        super().connection_made(transport)
        self._limit_by(self._patience.quiet)

    def connection_lost(self, exc: Exception | None) -> None:
        """End it."""
        self._limit_by(None)
        super().connection_lost(exc)
        if self._is_answering():
            self.cycle.on_disconnect()

    def data_received(self, data: bytes) -> None:
        """Take what has come: requests, parts of them, or what is none."""
        if self._is_refused:
            return
        self._loose_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._unsupported_upgrade_warning()
        except httptools.HttpParserError as error:
            is_large = isinstance(error.__context__, _HeadTooLarge)
            self._refuse(TOO_LARGE if is_large else INVALID)
            return
        if self._got_on:
            # What of the bytes is of the next head is not known: they are counted from the
            # next ones on, and by themselves when the head is complete.
            self._got_on = False
            self._loose_bytes = 0
            if self._limit is self._patience.head:
                self._limit_by(self._patience.quiet)
        elif self._loose_bytes > MAX_HEAD_BYTES:
            self._refuse(TOO_LARGE)
            return
        if self._is_in_head() and self._limit is not self._patience.head:
            self._limit_by(self._patience.head)

    def on_headers_complete(self) -> None:
        """Have a request answered, now or after those before it."""
        # As uvicorn does, but for the exchange, and what we have not set: a root path, and a
        # limit of connections.
        if self._loose_bytes > MAX_HEAD_BYTES and self._head_bytes() > MAX_HEAD_BYTES:
            raise _HeadTooLarge
        if len(self.pipeline) >= MAX_PIPELINED:
            raise _TooManyWaiting
        self._got_on = True
        parser, scope = self.parser, self.scope
        version = parser.get_http_version()
        scope["method"] = parser.get_method().decode("ascii")
        scope["http_version"] = version
        if parser.should_upgrade() and self._should_upgrade():
            return
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = url.path
        scope["query_string"] = url.query or b""
        is_busy = self._is_answering()
        self.cycle = exchange = RequestCycle(
            self.loop,
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if is_busy:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))
        else:
            self._start_asgi_task(exchange, self.app)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._got_on = True
        super().on_body(body)

    def on_response_complete(self) -> None:
        """Answer the next request that waits, or wait for one."""
        # As uvicorn does, but for its timer for each request.
        self._has_answered = True
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over."""
        self._limit_by(None)
        super().handle_websocket_upgrade()

    def expire(self) -> None:
        """End what has been waited for long enough."""
        limit, self._limit = self._limit, None
        if limit is self._patience.head:
            self._refuse(TOO_LATE)
        elif limit is self._patience.quiet and (self._has_answered or self._is_answering()):
            self._has_answered = False
            self._limit_by(limit)
        else:
            self.transport.close()

    def _limit_by(self, limit: Timeouts | None) -> None:
        """Begin with a time limit, in place of the one that is running."""
        if self._limit is not None:
            self._limit.end(self)
        self._limit = limit
        if limit is not None:
            limit.begin(self)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    def _is_in_head(self) -> bool:
        # A scope is begun with the first byte, and gets its method where the head ends.
        return self.scope is not None and "method" not in self.scope  # type: ignore[redundant-expr]  # None at first

    def _head_bytes(self) -> int:
        # Two signs between name and value, and two at the end of each line.
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse(self, refusal: EarlyResponse) -> None:
        """Take nothing more, and end the connection once all is answered."""
        self._is_refused = True
        self._limit_by(None)
        if self._is_answering():
            cycle = self.cycle
            if not cycle.more_body:
                # It is whole, and must not take this answer for its own.
                cycle.keep_alive = False
                return
            # It is itself what is broken: who reads its body must hear of it.
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started or self.pipeline:
                self.transport.close()
                return
        self.transport.write(refusal.answer(self.server_state.default_headers))
        self.transport.write_eof()
        self._limit_by(self._patience.farewell)
