"""Trying again for a while when the database cannot just now: a known outcome should be kept."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.database.errors import is_unavailable, sqlstate

__all__ = ["retry_on_database_error"]

T = TypeVar("T")

RETRY_FOR_S = 30.0
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0

# Deadlocks and other conflicts of transactions; a lock or a statement out of time; a
# statement that was prepared before a migration (PostgreSQL, appendix A).
_PASSING = ("40", "55P03", "57014", "0A000")


async def retry_on_database_error(
    work: Callable[[], Awaitable[T]], *, retry_for_s: float = RETRY_FOR_S
) -> T:
    """Do work that may safely be repeated, until the database takes it or the time has passed."""
    clock = asyncio.get_running_loop()
    deadline = clock.time() + retry_for_s
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return await work()
        except Exception as error:
            may_pass = is_unavailable(error) or (sqlstate(error) or "").startswith(_PASSING)
            if not may_pass or clock.time() + pause_s > deadline:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
