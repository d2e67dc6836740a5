"""Serving: a socket, a database made ready, and one or several processes until told to stop."""

import gc
import logging
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import connection, parent_process, resource_tracker
from types import FrameType
from typing import NoReturn

import uvicorn
from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.application import application
from app.config.logs import configure_logs
from app.config.settings import Settings
from app.config.urls import is_loopback
from app.database.ready import ready_database, warn_of_pooler
from app.errors import CommandError
from app.graphql import Operations
from app.processes.banner import Greeting
from app.server.http_connection import HttpConnection
from app.server.listening import BACKLOG, as_several, listen, url_of
from app.server.timeouts import ConnectionTimeouts
from app.server.websocket_connection import WebSocket

logger = logging.getLogger("ticketops")

# Longer than a proxy keeps an idle connection: it must not be us who closes one
# just when a request is sent on it.
KEEP_ALIVE_S = 75
START_TIMEOUT_S = 60.0
# Between two looks of the collector at what was made last.
YOUNG_OBJECTS = 10_000


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished within REQUEST_TIMEOUT_MS.

    Raises Trouble where it cannot start.
    """
    configure_logs(level=settings.log_level, log_format=settings.log_format)
    _warn_of_open_access(settings)
    _warn_of_documents(settings)
    signal.signal(signal.SIGTERM, _stop)
    try:
        with (
            listen(settings.host, settings.port) as listener,
            ready_database(settings) as database,
        ):
            if database.report.applied:
                logger.info("%s", database.report)
            warn_of_pooler(settings, database.url)
            greeting = Greeting(
                url=url_of(listener, settings.host),
                settings=settings,
                schema_version=database.report.after,
            )
            try:
                _run(settings, database.url, listener, greeting)
            finally:
                # What is left to do takes no time, and must be done.
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:
        return
    except SystemExit as end:
        if end.code:
            raise CommandError("The server did not start; the log says why.") from end


def configuration(factory: Callable[[], Starlette], settings: Settings) -> uvicorn.Config:
    """Return how uvicorn serves an application of ours, which each process makes for itself."""
    request_timeout_s = settings.request_timeout_ms / 1000
    patience = ConnectionTimeouts(quiet_s=KEEP_ALIVE_S, head_s=request_timeout_s)
    return uvicorn.Config(
        factory,
        factory=True,
        http=partial(HttpConnection, patience=patience),  # type: ignore[arg-type]  # it is called, and no more
        ws=WebSocket,
        ws_max_size=settings.max_body_bytes,
        # Compressing each small message for each of many listeners costs half as much
        # again of the CPU, and doubles what a socket takes of memory (42 to 89 KiB).
        ws_per_message_deflate=False,
        lifespan="on",
        # The log is set up by us, and a request is logged by us.
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        # Who calls is told by a token, not by an address.
        proxy_headers=False,
        backlog=BACKLOG,
        workers=settings.workers,
        timeout_graceful_shutdown=math.ceil(request_timeout_s),
    )


class Server(uvicorn.Server):
    """A server that says when it serves."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets=sockets)
        self._on_started()


class _Processes(Multiprocess):
    """Several processes, which are replaced where they die; says when all of them serve.

    Ctrl-C reaches every process of a terminal. Here only the parent shall hear it, and
    tell the others when it is time.
    """

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], started: Callable[[], None]
    ) -> None:
        super().__init__(config, sockets)
        self._on_started = started

    def init_processes(self) -> None:
        with _deaf_children():
            super().init_processes()
        if all(one.wait_until_ready(START_TIMEOUT_S, self.should_exit) for one in self.processes):
            self._on_started()

    def keep_subprocess_alive(self) -> None:
        with _deaf_children():
            super().keep_subprocess_alive()


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Let processes that are started here never hear Ctrl-C; we hear it after this."""
    # The first process would start it, and it would open our ears again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(
    settings: Settings, database_url: str, listener: socket.socket, greeting: Greeting
) -> None:
    started = partial(_greet, greeting)
    with as_several(listener, processes=settings.workers) as sockets:
        if settings.workers == 1:
            factory = partial(_settled_application, settings, database_url)
            Server(configuration(factory, settings), started).run(sockets=sockets)
            return
        factory = partial(_application_of_process, settings, database_url)
        processes = _Processes(configuration(factory, settings), sockets, started)
        processes.run()
    if any(one.exitcode == STARTUP_FAILURE for one in processes.processes):
        sys.exit(STARTUP_FAILURE)


def _application_of_process(settings: Settings, database_url: str) -> Starlette:
    configure_logs(level=settings.log_level, log_format=settings.log_format)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return _settled_application(settings, database_url)


def _settled_application(settings: Settings, database_url: str) -> Starlette:
    """Return the application, with all that was made so far kept out of the collector's sight.

    The schema and the libraries are some hundred thousand objects that stay for good, and
    requests make few cycles: to go through all of them again and again took a third of
    the CPU of a list.
    """
    made = application(settings, database_url=database_url)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
    return made


def _end_with_parent() -> None:
    """Stop when the parent is gone: who killed it wants its port back."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def _greet(greeting: Greeting) -> None:
    if sys.stderr.isatty():
        greeting.print(sys.stderr)
    else:
        greeting.log()


def _stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  # a handler's signature
    sys.exit(0)


def _warn_of_open_access(settings: Settings) -> None:
    if settings.auth == "off" and not is_loopback(settings.host):
        logger.warning("AUTH is off: everyone who reaches %s is let in", settings.host)


def _warn_of_documents(settings: Settings) -> None:
    """Tell of trusted documents that will be refused; raises Trouble where there is no manifest.

    Here, so that a person hears of it at once, and once, not from each process.
    """
    if settings.persisted_documents is None:
        return
    for name, reason in Operations(settings).unusable_documents():
        logger.warning("the document %s of PERSISTED_DOCUMENTS cannot be run: %s", name, reason)
