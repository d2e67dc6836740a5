"""Working: deliveries made in a process of their own until told to stop."""

import asyncio
import logging
import signal

from app.database import bell, database
from app.delivery import background_delivery, deliveries
from app.logs import configure_logs
from app.ready_database import ready_database, warn_of_pooler
from app.settings import Settings
from ops import DUE

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
        database(database_url, pool_size=settings.database_pool),
        deliveries(settings) as made,
        bell(settings, database_url, topics=(DUE,)) as rung,
        background_delivery(made, rung),
    ):
        logger.info("delivering")
        await stopped.wait()
        logger.info("stopping")
