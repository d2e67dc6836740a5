"""Run a delivery worker in a process of its own."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

from app.application import monitoring_application
from app.auth.authenticator import Authenticator
from app.auth.rate_limit import RateLimit, check_rate_limit_settings
from app.config.logs import configure_logs
from app.config.settings import Settings
from app.database.ready import check_sessions, ready_database
from app.database.tortoise import database, notifier
from app.delivery import background_delivery, check_ops_settings
from app.delivery import deliveries as opened_deliveries
from app.key_expiry import background_key_expiry
from app.monitoring.metrics import running_metrics
from app.monitoring.services import Services
from app.processes.uvicorn_server import BackgroundServer, uvicorn_config
from app.server.file_descriptors import raise_limit
from app.server.listening import listen, url_of
from engine.streaming.notifications import Notifier
from ops import DELIVERIES_DUE, Deliveries
from resolvers.feeds import Feeds

logger = logging.getLogger("ticketops")


def work(settings: Settings) -> None:
    """Deliver until SIGINT or SIGTERM; running calls to OPS are then finished and recorded.

    With WORKER_PORT, serve health checks and metrics meanwhile. A further signal ends the worker at
    once; the leases of its calls run out.

    Raises CommandError if the worker cannot start.
    """
    configure_logs(level=settings.log_level, log_format=settings.log_format)
    check_ops_settings(settings)
    raise_limit()
    with (
        _listening(settings) as listener,
        ready_database(settings, is_supervised=True) as ready,
    ):
        ready.report.log()
        check_sessions(settings, ready.url)
        # A further signal has cancelled it.
        with suppress(asyncio.CancelledError):
            asyncio.run(_work(settings, ready.url, listener))


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket | None]:
    if settings.worker_port is None:
        yield None
        return
    check_rate_limit_settings(settings)
    with listen(settings.host, settings.worker_port, setting="WORKER_PORT") as listener:
        yield listener


async def _work(settings: Settings, database_url: str, listener: socket.socket | None) -> None:
    stop_requested = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def stop() -> None:
        if stop_requested.is_set() and task is not None:
            task.cancel()
        stop_requested.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    async with (
        database(database_url, pool_size=settings.database_pool_size),
        opened_deliveries(settings) as opened,
        notifier(settings, database_url, topics=(DELIVERIES_DUE,)) as notifications,
        # Also while the last calls are finished.
        _monitored(settings, opened, notifications, listener),
        background_delivery(opened, notifications),
        background_key_expiry(settings),
    ):
        logger.info("delivering")
        await stop_requested.wait()
        logger.info("stopping")


@asynccontextmanager
async def _monitored(
    settings: Settings,
    deliveries: Deliveries,
    notifications: Notifier,
    listener: socket.socket | None,
) -> AsyncIterator[None]:
    """Serve health checks and metrics inside the block, if there is a socket for them."""
    if listener is None:
        yield
        return
    rate_limit = RateLimit(settings)
    # The metrics include those of the feeds; a worker is without subscribers.
    services = Services(deliveries, Feeds(notifications), notifications)
    async with running_metrics(services, folder=None) as collected:
        state = {
            "settings": settings,
            "deliveries": deliveries,
            "authenticator": Authenticator(settings, rate_limit),
            "rate_limit": rate_limit,
            "feeds": services.feeds,
            "replicas": None,
            "metrics": collected,
        }
        fields = {"url": url_of(listener, settings.host)}
        config = uvicorn_config(partial(monitoring_application, settings, state), settings)
        server = BackgroundServer(
            config, partial(logger.info, "listening", extra={"fields": fields})
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving
