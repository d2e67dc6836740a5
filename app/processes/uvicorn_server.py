"""uvicorn, configured for this service, as one server process or several."""

import logging
import math
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from multiprocessing import resource_tracker
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from app.config.settings import Settings
from app.graphql import GRAPHQL_PATH
from app.http.received_input import ReceivedInput
from app.server.descriptor_watch import watched_descriptors
from app.server.file_descriptors import available_for_connections
from app.server.http_connection import HttpConnection
from app.server.input_scheduler import InputScheduler
from app.server.listening import BACKLOG
from app.server.message_reader import WebSocketLimits
from app.server.open_connections import OpenConnections
from app.server.request_scheduler import RequestScheduler, WaitingRequests
from app.server.timeouts import ConnectionTimeouts
from app.server.unread_responses import UnreadResponses
from app.server.websocket_connection import WebSocketConnection

__all__ = ["Server", "ServerProcesses", "uvicorn_config"]

# Longer than the idle timeout of proxies (nginx: 60 s), which reuse connections: otherwise the
# server might close a connection just when a proxy sends a request on it.
KEEP_ALIVE_S = 75
START_TIMEOUT_S = 60.0


def uvicorn_config(factory: Callable[[], Starlette], settings: Settings) -> uvicorn.Config:
    """Return uvicorn's configuration; each process calls the factory of the application."""
    request_timeout_s = settings.request_timeout_ms / 1000
    connections = OpenConnections(
        max_total=settings.max_open_connections,
        max_unknown_of_address=settings.max_unauthenticated_connections,
        max_of_caller=settings.max_connections,
        descriptors=available_for_connections(),
    )
    shared: dict[str, Any] = {
        "timeouts": ConnectionTimeouts(idle_s=KEEP_ALIVE_S, header_s=request_timeout_s),
        "connections": connections,
        "scheduler": InputScheduler(),
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
            requests=RequestScheduler(),
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
        timeout_graceful_shutdown=math.ceil(request_timeout_s),
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

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and call back."""
        await super().startup(sockets=sockets)
        self._on_started()


class ServerProcesses(Multiprocess):
    """Several server processes, replaced when they die; calls back once all of them serve.

    A terminal sends Ctrl-C to every process. Only the parent handles it, and then stops its
    children one after the other.
    """

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], on_started: Callable[[], None]
    ) -> None:
        super().__init__(config, sockets)
        self._on_started = on_started

    def init_processes(self) -> None:
        """Start the processes, wait until all of them serve, and call back."""
        with _sigint_blocked_in_children():
            super().init_processes()
        if all(
            child.wait_until_ready(START_TIMEOUT_S, self.should_exit) for child in self.processes
        ):
            self._on_started()

    def keep_subprocess_alive(self) -> None:
        """Replace processes that have died."""
        with _sigint_blocked_in_children():
            super().keep_subprocess_alive()


@contextmanager
def _sigint_blocked_in_children() -> Iterator[None]:
    """Start processes that never receive SIGINT; this process receives it after the block."""
    # Starting a process would start the resource tracker, which unblocks SIGINT in this process.
    resource_tracker.ensure_running()
    previous_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask)
