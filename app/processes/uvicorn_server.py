"""uvicorn, configured for this service, in one server process."""

import asyncio
import logging
import math
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import uvicorn
from starlette.applications import Starlette

from app.config.settings import Settings
from app.graphql import GRAPHQL_PATH
from app.http.draining import DRAINING
from app.http.received_input import ReceivedInput
from app.server.backlog import Backlog
from app.server.descriptor_watch import watched_descriptors
from app.server.file_descriptors import available_for_connections
from app.server.http_connection import HttpConnection
from app.server.input_scheduler import InputScheduler
from app.server.listening import BACKLOG, accept_waiting, accepts_per_turn
from app.server.message_reader import WebSocketLimits
from app.server.open_connections import OpenConnections
from app.server.request_scheduler import RequestScheduler, WaitingRequests
from app.server.timeouts import ConnectionTimeouts
from app.server.unread_responses import UnreadResponses
from app.server.websocket_connection import WebSocketConnection

__all__ = ["BackgroundServer", "Server", "uvicorn_config"]

# Longer than the idle timeout of proxies (nginx: 60 s), which reuse connections: otherwise the
# server might close a connection just when a proxy sends a request on it.
KEEP_ALIVE_S = 75
# A client that has connected just before the socket closes may send its request this much later.
FIRST_REQUEST_S = 1.0
FIRST_REQUEST_POLL_S = 0.02
FORCE_POLL_S = 0.1
# A request ends in this time after its connection has been closed.
ABORT_S = 3.0

_logger = logging.getLogger("ticketops")


def uvicorn_config(factory: Callable[[], Starlette], settings: Settings) -> uvicorn.Config:
    """Return uvicorn's configuration; each process calls the factory of the application."""
    request_timeout_s = settings.request_timeout_ms / 1000
    connections = OpenConnections(
        max_total=settings.max_open_connections,
        max_unknown_of_address=settings.max_unauthenticated_connections,
        max_of_caller=settings.max_connections,
        descriptors=available_for_connections(),
    )
    backlog = Backlog(accepts_per_turn=accepts_per_turn(processes=settings.workers))
    shared: dict[str, Any] = {
        "timeouts": ConnectionTimeouts(idle_s=KEEP_ALIVE_S, header_s=request_timeout_s),
        "connections": connections,
        "scheduler": InputScheduler(backlog),
        "received": ReceivedInput(max_body_bytes=settings.max_body_bytes),
        "unread": UnreadResponses(
            timeout_s=settings.write_timeout_ms / 1000,
            max_bytes_per_caller=settings.max_unread_bytes,
            max_bytes_in_total=settings.max_unread_bytes_in_total,
        ),
    }
    limits = WebSocketLimits(
        max_frames=settings.max_websocket_frames,
        max_bytes=settings.max_websocket_bytes or 4 * settings.max_body_bytes,
    )
    return uvicorn.Config(
        partial(_watched_application, factory, connections),
        factory=True,
        http=partial(  # type: ignore[arg-type]  # uvicorn only calls it
            HttpConnection,
            **shared,
            requests=RequestScheduler(backlog),
            waiting=WaitingRequests(),
            websocket_paths=(GRAPHQL_PATH,),
        ),
        ws=partial(WebSocketConnection, **shared, limits=limits),  # type: ignore[arg-type]  # as above
        ws_max_size=settings.max_body_bytes,
        # Compressing each small message for each of many subscribers takes half as much CPU
        # time again, and doubles the memory of a WebSocket (from 42 to 89 KiB).
        ws_per_message_deflate=False,
        lifespan="on",
        # Logging is configured by `configure_logs`, and RequestMiddleware logs each request.
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        # Callers are identified by credentials, so the address that a proxy reports is not needed.
        proxy_headers=False,
        backlog=BACKLOG,
        workers=settings.workers,
        timeout_graceful_shutdown=math.ceil(request_timeout_s + ABORT_S),
    )


def _watched_application(
    factory: Callable[[], Starlette], connections: OpenConnections
) -> Starlette:
    """Return the application, which watches the file descriptors while it runs."""
    app = factory()
    lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def watched_lifespan(app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        async with lifespan(app) as state, watched_descriptors(connections):
            yield state or {}

    app.router.lifespan_context = watched_lifespan
    return app


class Server(uvicorn.Server):
    """Server in this process; calls back once it serves."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], object]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and call back."""
        await super().startup(sockets=sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the socket, and finish running requests; cancel them on a further signal."""
        stopping = asyncio.create_task(self._stop(sockets or []))
        while not stopping.done():
            await asyncio.wait((stopping,), timeout=FORCE_POLL_S)
            if self.force_exit:
                stopping.cancel()
                await asyncio.wait((stopping,))
        if not stopping.cancelled():
            stopping.result()

    async def _stop(self, sockets: list[socket.socket]) -> None:
        if DRAINING.has_begun and sockets:
            await self._accept_last(sockets)
        grace_s = (self.config.timeout_graceful_shutdown or 0) - ABORT_S
        abort = asyncio.get_running_loop().call_later(grace_s, self._abort)
        try:
            await super().shutdown(sockets=sockets)
        finally:
            abort.cancel()

    def _abort(self) -> None:
        """Close the connections whose clients do not read their responses."""
        connections = list(self.server_state.connections)
        if connections:
            fields = {"connections": len(connections)}
            _logger.warning("unread responses dropped", extra={"fields": fields})
        for connection in connections:
            connection.transport.abort()

    async def _accept_last(self, sockets: list[socket.socket]) -> None:
        """Close the socket without a reset of the connections that wait to be accepted.

        A proxy that does not check /readyz, such as nginx, connects until the socket is closed. It
        repeats a request on another server if its connection is refused, but not if it is reset.
        """
        loop = asyncio.get_running_loop()
        with sockets[0].dup() as last:
            last.settimeout(0)
            for server in self.servers:
                server.close()
            for one in sockets:
                one.close()
            accepted = accept_waiting(last)
        for one in accepted:
            await loop.connect_accepted_socket(self._new_connection, one)
        deadline = loop.time() + FIRST_REQUEST_S
        while any(map(_is_new, self.server_state.connections)) and loop.time() < deadline:  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(FIRST_REQUEST_POLL_S)

    def _new_connection(self) -> asyncio.Protocol:
        config = self.config
        return config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn does
            config=config, server_state=self.server_state, app_state=self.lifespan.state
        )


class BackgroundServer(Server):
    """Server in a process that handles signals itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave all signals to the process."""
        yield


def _is_new(connection: object) -> bool:
    return isinstance(connection, HttpConnection) and connection.is_new
