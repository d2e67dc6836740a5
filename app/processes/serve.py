"""Run the server: open its socket, prepare the database, and serve until a signal."""

import gc
import logging
import os
import shutil
import signal
import socket
import sys
import threading
from functools import partial
from multiprocessing import connection, parent_process
from pathlib import Path
from types import FrameType
from typing import NoReturn

from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE

from app.application import application
from app.auth.rate_limit import check_rate_limit_settings
from app.config.logs import configure_logs
from app.config.settings import Settings
from app.config.urls import is_loopback
from app.database.ready import check_sessions, ready_database
from app.delivery import check_ops_settings
from app.errors import CommandError
from app.graphql import OperationRunner
from app.http.shutdown_signals import STOP_NOW
from app.monitoring.shared_snapshots import snapshot_folder
from app.processes.banner import Banner
from app.processes.supervisor import ServerProcesses
from app.processes.uvicorn_server import Server, uvicorn_config
from app.server.file_descriptors import raise_limit
from app.server.listening import duplicated, listen, url_of

logger = logging.getLogger("ticketops")

# Thresholds of the garbage collector: the number of new objects after which it runs, the number of
# runs until it includes those that survived one, and the number of such runs until it includes all.
# The second one is small, because a run over many survivors holds up the event loop.
GC_THRESHOLDS = (10_000, 4, 25)


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, and then finish running requests (REQUEST_TIMEOUT_MS).

    After SIGTERM the server still accepts requests for SHUTDOWN_DELAY_MS.

    Raises CommandError if the server cannot start.
    """
    configure_logs(level=settings.log_level, log_format=settings.log_format)
    _warn_of_open_access(settings)
    _warn_of_invalid_documents(settings)
    check_ops_settings(settings)
    check_rate_limit_settings(settings)
    signal.signal(signal.SIGTERM, _exit)
    raise_limit()
    try:
        with (
            listen(settings.host, settings.port) as listener,
            ready_database(settings, is_supervised=True) as database,
        ):
            database.report.log()
            check_sessions(settings, database.url)
            banner = Banner(
                url=url_of(listener, settings.host),
                settings=settings,
                schema_version=database.report.after,
            )
            try:
                _run(settings, database.url, listener, banner)
            finally:
                # A second signal must not interrupt the cleanup, which is short.
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:
        return
    except SystemExit as end:
        if end.code:
            raise CommandError("The server did not start. See the log for the reason.") from end


def _run(settings: Settings, database_url: str, listener: socket.socket, banner: Banner) -> None:
    on_started = partial(_report_start, banner)
    with duplicated(listener, processes=settings.workers) as sockets:
        if settings.workers == 1:
            factory = partial(_create_application, settings, database_url)
            Server(uvicorn_config(factory, settings), on_started).run(sockets=sockets)
            return
        with snapshot_folder() as folder:
            factory = partial(_create_application_in_child, settings, database_url, folder)
            processes = ServerProcesses(uvicorn_config(factory, settings), sockets, on_started)
            processes.run()
    if any(child.exitcode == STARTUP_FAILURE for child in processes.processes):
        sys.exit(STARTUP_FAILURE)


def _create_application(
    settings: Settings, database_url: str, metrics_folder: Path | None = None
) -> Starlette:
    """Return the application, and exclude all existing objects from garbage collection.

    The schema and the libraries consist of some hundred thousand permanent objects, and requests
    create few reference cycles. Scanning all of them repeatedly took a third of the CPU time of a
    list query.
    """
    app = application(settings, database_url=database_url, metrics_folder=metrics_folder)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    return app


def _create_application_in_child(
    settings: Settings, database_url: str, metrics_folder: Path
) -> Starlette:
    configure_logs(level=settings.log_level, log_format=settings.log_format)
    threading.Thread(target=_stop_with_parent, args=(metrics_folder,), daemon=True).start()
    try:
        return _create_application(settings, database_url, metrics_folder)
    except CommandError as error:
        logger.error("server process cannot start", extra={"fields": {"reason": str(error)}})  # noqa: TRY400  # a wrong setting or state, which needs no traceback
        sys.exit(STARTUP_FAILURE)


def _stop_with_parent(metrics_folder: Path) -> None:
    """Stop this process when its parent dies, so that the port becomes free.

    A killed parent could not delete the folder.
    """
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        shutil.rmtree(metrics_folder, ignore_errors=True)
        os.kill(os.getpid(), STOP_NOW)


def _report_start(banner: Banner) -> None:
    if sys.stderr is not None and sys.stderr.isatty():
        banner.print(sys.stderr)
    else:
        banner.log()


def _exit(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  # a handler's signature
    sys.exit(0)


def _warn_of_open_access(settings: Settings) -> None:
    if settings.auth == "off" and not is_loopback(settings.host):
        message = "AUTH is off, so every client that can connect has full access"
        logger.warning(message, extra={"fields": {"host": settings.host}})


def _warn_of_invalid_documents(settings: Settings) -> None:
    """Log the trusted documents that cannot be run; raises CommandError for a bad manifest.

    This happens before the server processes start, so that each document is logged once.
    """
    if settings.persisted_documents is None:
        return
    for sha256, reason in OperationRunner(settings).invalid_trusted_documents():
        fields = {"document": sha256, "reason": reason}
        logger.warning("trusted document cannot be run", extra={"fields": fields})
