"""Parsing of requests: where each begins and ends, and what it offers to upgrade to.

uvicorn parses with httptools, which ends a request that offers an upgrade with its head, appends
trailers to the headers, and accepts heads of any size.
"""

import asyncio
from collections.abc import Collection
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http.received_input import UNCOUNTED_BYTES, ReceivedInput
from app.http.request_cycle import RequestCycle
from app.server.discarded_input import DiscardedInput
from app.server.early_response import (
    INVALID,
    OVERLOADED,
    PATH_TOO_LONG,
    TOO_LARGE,
    UNIMPLEMENTED,
    UNSUPPORTED_VERSION,
    EarlyResponse,
)
from app.server.request_head import (
    RawHeaders,
    for_websocket,
    handshake_error,
    has_body,
    new_parser,
    offers_websocket,
    replace_host,
    without_upgrade,
)
from app.server.request_memory import RequestMemory
from app.server.request_scheduler import HEADER_BYTES, REQUEST_BYTES, WaitingRequests

__all__ = [
    "MAX_HEADERS",
    "MAX_HEAD_BYTES",
    "MAX_PATH_BYTES",
    "MAX_PIPELINED",
    "RequestParser",
]

MAX_HEAD_BYTES = 65_536
# The path of a ticket with the longest id takes 780. To decode 64 KiB takes 20 ms, and the heads of
# many connections can be complete in the same turn of the event loop.
MAX_PATH_BYTES = 1024
# Each takes 200 bytes of memory, however short it is.
MAX_HEADERS = 100
# Requests that may wait for the response to an earlier one. Browsers and HTTP libraries send none.
# The garbage collector goes through all that wait.
MAX_PIPELINED = 16
_VERSIONS = frozenset({"1.0", "1.1"})


class _Rejected(Exception):
    """A request is rejected with this response; raised through the parser."""

    def __init__(self, response: EarlyResponse) -> None:
        super().__init__(response.detail)
        self.response = response


class RequestParser(HttpToolsProtocol):
    """Protocol that parses requests and starts them; `HttpConnection` extends it."""

    cycle: RequestCycle

    def __init__(
        self,
        *args: Any,
        websocket_paths: Collection[str],
        received: ReceivedInput,
        waiting: WaitingRequests,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._memory = RequestMemory(received=received, waiting=waiting)
        self._websocket_paths = websocket_paths
        # The rest of a request that has its response.
        self._discarded = DiscardedInput()
        # Bytes received since the last complete head or part of a body: an incomplete head,
        # trailers or line breaks.
        self._pending_bytes = 0
        # Whether the bytes that are being parsed completed a head or belong to a body.
        self._made_progress = False

    def _parse(self, data: bytes) -> EarlyResponse | None:
        """Feed the parser, which calls `on_...`; return a response if the input is invalid."""
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if self._is_websocket_handshake():
                    response = handshake_error(self.headers)
                    if response is None:
                        self.handle_websocket_upgrade()
                    return response
                # The parser ends a request that offers an upgrade with its head. Parse the head
                # again without the offer, so that the body belongs to the request.
                [head_end] = upgrade.args
                scope = self.scope
                head = without_upgrade(
                    scope["method"], self.url, scope["http_version"], self.headers
                )
                data = head + data[head_end:]
                # The parser would ignore what follows if the connection closes after the request.
                self.parser = new_parser(self)
            except httptools.HttpParserError as error:
                # The parser wraps the exceptions of its callbacks.
                cause = error.__context__
                if isinstance(cause, _Rejected):
                    return cause.response
                is_http_2 = self.parser.get_method() == b"PRI"
                return UNSUPPORTED_VERSION if is_http_2 else INVALID
            else:
                return None

    def on_header(self, name: bytes, value: bytes) -> None:
        """Receive a header, or a trailer, which `on_headers_complete` has separated."""
        name = name.lower()
        if name == b"expect":
            self.expect_100_continue |= value.lower() == b"100-continue"
        elif name == b"transfer-encoding" and value.lower() != b"chunked":
            # The body would be delivered with its coding.
            raise _Rejected(UNIMPLEMENTED)
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Start a request, or queue it until the earlier ones have their responses.

        Does the same as uvicorn's method with our RequestCycle, except for settings that we do not
        use (root path, limit of concurrent connections).
        """
        headers = self.headers
        # The pending bytes may include the end of an earlier request, the head itself may not.
        if self._pending_bytes > MAX_HEAD_BYTES and self._head_size() > MAX_HEAD_BYTES:
            raise _Rejected(TOO_LARGE)
        if len(headers) > MAX_HEADERS:
            raise _Rejected(TOO_LARGE)
        must_wait = self._is_responding()
        if must_wait and not self._may_queue(headers):
            raise _Rejected(INVALID)
        self._made_progress = True
        parser, scope = self.parser, self.scope
        version = parser.get_http_version()
        if version not in _VERSIONS:
            raise _Rejected(UNSUPPORTED_VERSION)
        method = parser.get_method().decode("ascii")
        if method == "CONNECT":
            raise _Rejected(UNIMPLEMENTED)
        scope["method"] = method
        scope["http_version"] = version
        self._read_target()
        if parser.should_upgrade():
            # `_parse` hands the connection over, or parses the head again.
            return
        if not self.url.startswith(b"/"):
            replace_host(headers, self.url)
        # Trailers are not headers of the request (RFC 9110, section 6.5.1).
        self.headers = []
        keep_alive = parser.should_keep_alive()
        if version == "1.0":
            # The client cannot know the framing of chunks (RFC 9112, section 6.1).
            keep_alive = keep_alive and not any(name == b"transfer-encoding" for name, _ in headers)
            self.expect_100_continue = False
        self.cycle = self._new_cycle(keep_alive=keep_alive)
        if must_wait:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))
        else:
            self._start_asgi_task(self.cycle, self.app)

    def _read_target(self) -> None:
        """Add the path and the query of the request to its scope."""
        scope = self.scope
        url = httptools.parse_url(self.url)
        raw_path = url.path or b"/"
        if len(raw_path) > MAX_PATH_BYTES:
            raise _Rejected(PATH_TOO_LONG)
        path = raw_path.decode("ascii")
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = url.query or b""

    def _is_websocket_handshake(self) -> bool:
        """Return whether to hand the connection over (RFC 6455, section 4.2.1).

        Every other request with an offer to upgrade is an ordinary one, also while the response to
        an earlier request is not complete.
        """
        scope = self.scope
        return (
            scope["method"] == "GET"
            and scope["http_version"] == "1.1"
            and scope["path"] in self._websocket_paths
            and offers_websocket(self.headers)
            and not has_body(self.headers)
            and not self._is_responding()
        )

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over to WebSocketConnection."""
        self.scope["headers"] = for_websocket(self.headers)
        super().handle_websocket_upgrade()

    def _may_queue(self, headers: RawHeaders) -> bool:
        """Count a request that must wait for the responses before its own; false if it may not."""
        if len(self.pipeline) >= MAX_PIPELINED:
            return False
        size = REQUEST_BYTES + HEADER_BYTES * len(headers) + self._head_size()
        return self._memory.enqueue(self.group, size)

    def _new_cycle(self, *, keep_alive: bool) -> RequestCycle:
        return RequestCycle(
            self.loop,
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive,
            on_response=self._on_response,
            waiting=self.pipeline,
        )

    def on_body(self, body: bytes) -> None:
        """Receive a part of a body; discard it if its request has its response."""
        self._made_progress = True
        cycle = self.cycle
        if cycle.response_complete:
            if not self._discarded.add(len(body)):
                self.abort()
            return
        cycle.received_bytes += len(body)
        if cycle.received_bytes > UNCOUNTED_BYTES and not self._memory.hold_body(cycle, self.group):
            raise _Rejected(OVERLOADED)
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """Receive the end of a request."""
        if self.parser.should_upgrade():
            return
        cycle = self.cycle
        cycle.more_body = False
        cycle.message_event.set()
        if cycle.keep_alive and not self.parser.should_keep_alive():
            # Because of a trailer, after which the parser ignores all further requests.
            cycle.keep_alive = False
            if cycle.response_complete:
                self.transport.close()

    def _on_response(self, cycle: RequestCycle) -> None:
        """Continue after the response to a request."""
        raise NotImplementedError

    def _clear_pipeline(self) -> None:
        """Forget the requests that wait, and the bodies that will not be read."""
        self.pipeline.clear()
        self._memory.clear()

    @property
    def group(self) -> str:
        """The caller, or the address of an unknown one, for the rotation of InputScheduler."""
        raise NotImplementedError

    def abort(self) -> None:
        """Close the connection at once."""
        raise NotImplementedError

    def _is_responding(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    def _is_in_head(self) -> bool:
        # uvicorn creates the scope at the first byte of a head; its method is set at the end.
        return self.scope is not None and "method" not in self.scope  # type: ignore[redundant-expr]  # None at first

    def _is_head_too_large(self) -> bool:
        if self._pending_bytes > MAX_HEAD_BYTES:
            return True
        return self._is_in_head() and len(self.headers) > MAX_HEADERS

    def _head_size(self) -> int:
        # Each header has ": " between name and value, and a line break at its end.
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
