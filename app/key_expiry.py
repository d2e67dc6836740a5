"""Deletion of expired idempotency keys, in the background of every server and worker process."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.background import background_task
from app.config.settings import Settings
from engine.database.errors import QUERY_CANCELED, is_unavailable, sqlstate
from engine.database.time_limit import background_time_limit
from resolvers.idempotency import delete_expired_keys

__all__ = ["background_key_expiry"]

INTERVAL_S = 60.0
# Rows that one statement deletes, and the pause before the next one if there may be more.
BATCH = 1000
PAUSE_S = 0.1

_logger = logging.getLogger(__name__)


@asynccontextmanager
async def background_key_expiry(settings: Settings) -> AsyncIterator[None]:
    """Delete expired keys every minute, inside the block."""
    async with background_task(_delete_periodically(settings.idempotency_key_ttl_hours)):
        yield


async def _delete_periodically(ttl_hours: int) -> None:
    # Processes that start together do not delete together.
    pause_s = random.uniform(0, INTERVAL_S)  # noqa: S311  # not for security
    while True:
        await asyncio.sleep(pause_s)
        pause_s = INTERVAL_S
        try:
            async with background_time_limit():
                deleted = await delete_expired_keys(ttl_hours, limit=BATCH)
            if deleted == BATCH:
                pause_s = PAUSE_S
        except Exception as error:  # the task must continue after any error
            # Requests and deliveries report that the database is unavailable.
            if not is_unavailable(error) and sqlstate(error) != QUERY_CANCELED:
                _logger.warning("expired idempotency keys not deleted", exc_info=error)
