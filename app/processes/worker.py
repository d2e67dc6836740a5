"""Working: deliveries made in a process of their own until told to stop."""

import asyncio
import logging
import signal

from app.config.logs import configure_logs
from app.config.settings import Settings
from app.database.ready import ready_database, warn_of_pooler
from app.database.tortoise import database, notifier
from app.delivery import background_delivery, deliveries
from ops import DELIVERIES_DUE

logger = logging.getLogger("ticketops")


def work(settings: Settings) -> None:
    """Deliver until SIGINT or SIGTERM; the calls then under way are finished and recorded.

    Raises Trouble where it cannot start.
    """
    configure_logs(level=settings.log_level, log_format=settings.log_format)
    with ready_database(settings) as ready:
        warn_of_pooler(settings, ready.url)
        asyncio.run(_work(settings, ready.url))


async def _work(settings: Settings, database_url: str) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with (
        database(database_url, pool_size=settings.database_pool_size),
        deliveries(settings) as made,
        notifier(settings, database_url, topics=(DELIVERIES_DUE,)) as commits,
        background_delivery(made, commits),
    ):
        logger.info("delivering")
        await stopped.wait()
        logger.info("stopping")
