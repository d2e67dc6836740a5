"""The time limit of database work in the background, which no request's time limit ends.

TCP notices after about ten seconds that a server has vanished. But a proxy that passes nothing on,
or a server that is frozen, keeps the connection alive. Without a limit, work in the background
would wait for it as long as that lasts, while requests find other connections.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.database.errors import DatabaseUnavailable

__all__ = ["BACKGROUND_TIMEOUT_S", "background_time_limit"]

BACKGROUND_TIMEOUT_S = 5.0


@asynccontextmanager
async def background_time_limit(
    timeout_s: float = BACKGROUND_TIMEOUT_S,
) -> AsyncIterator[None]:
    """Limit the time of the block, which only uses the database; raises DatabaseUnavailable."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError as error:
        raise DatabaseUnavailable(
            f"no response from the database within {timeout_s:g} s"
        ) from error
