"""Retry of database work while the database is unavailable."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.database.errors import is_unavailable, sqlstate
from engine.database.time_limit import BACKGROUND_TIMEOUT_S, background_time_limit

__all__ = ["retry_on_database_error"]

T = TypeVar("T")

RETRY_FOR_S = 30.0
FIRST_PAUSE_S = 0.05
MAX_PAUSE_S = 1.0

# Transaction rollback such as a deadlock; lock not available; query canceled; feature not
# supported, raised for a statement prepared before a migration (PostgreSQL, appendix A).
_RETRYABLE_SQLSTATES = ("40", "55P03", "57014", "0A000")


async def retry_on_database_error(
    work: Callable[[], Awaitable[T]],
    *,
    retry_for_s: float = RETRY_FOR_S,
    timeout_s: float = BACKGROUND_TIMEOUT_S,
) -> T:
    """Run idempotent work that only uses the database; repeat it after a temporary error.

    Each run has a time limit, and so has the repetition.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + retry_for_s
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            async with background_time_limit(timeout_s):
                return await work()
        except Exception as error:
            state = sqlstate(error) or ""
            is_temporary = is_unavailable(error) or state.startswith(_RETRYABLE_SQLSTATES)
            if not is_temporary or loop.time() + pause_s > deadline:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, MAX_PAUSE_S)
