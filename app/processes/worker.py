"""Run a delivery worker in a process of its own."""

import asyncio
import logging
import signal
from contextlib import suppress

from app.config.logs import configure_logs
from app.config.settings import Settings
from app.database.ready import check_sessions, ready_database
from app.database.tortoise import database, notifier
from app.delivery import background_delivery, check_ops_settings, deliveries
from app.key_expiry import background_key_expiry
from ops import DELIVERIES_DUE

logger = logging.getLogger("ticketops")


def work(settings: Settings) -> None:
    """Deliver until SIGINT or SIGTERM; running calls to OPS are then finished and recorded.

    A further signal ends the worker at once; the leases of its calls run out.

    Raises CommandError if the worker cannot start.
    """
    configure_logs(level=settings.log_level, log_format=settings.log_format)
    check_ops_settings(settings)
    with ready_database(settings, is_supervised=True) as ready:
        check_sessions(settings, ready.url)
        # A further signal has cancelled it.
        with suppress(asyncio.CancelledError):
            asyncio.run(_work(settings, ready.url))


async def _work(settings: Settings, database_url: str) -> None:
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
        deliveries(settings) as opened,
        notifier(settings, database_url, topics=(DELIVERIES_DUE,)) as notifications,
        background_delivery(opened, notifications),
        background_key_expiry(settings),
    ):
        logger.info("delivering")
        await stop_requested.wait()
        logger.info("stopping")
