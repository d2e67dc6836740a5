"""Turns: work on the same key in this process, one after the other, in the order of requests.

Transactions that need the same lock in PostgreSQL take turns here first. Otherwise each of them
would hold a connection of the pool while it waits for the lock.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.database.errors import Overloaded

__all__ = ["MAX_WAITING", "TooManyWaiting", "take_turn"]

# More than any honest burst of changes; each of them keeps its request in memory.
MAX_WAITING = 1000

# By key, those that wait while another has its turn.
_waiting: dict[str, deque[asyncio.Future[None]]] = {}


class TooManyWaiting(Overloaded):
    """Too many requests wait for their turn with the same key."""


@asynccontextmanager
async def take_turn(key: str) -> AsyncIterator[None]:
    """Run the block when all earlier blocks with the same key have ended.

    Do not wait for a turn inside a transaction. Raises TooManyWaiting.
    """
    waiting = _waiting.get(key)
    if waiting is None:
        _waiting[key] = deque()
    else:
        if len(waiting) >= MAX_WAITING:
            raise TooManyWaiting(
                f"{len(waiting)} requests wait to change the same object; at most"
                f" {MAX_WAITING} may wait. Try again later."
            )
        turn = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                _pass_on(key)
            elif turn in waiting:
                waiting.remove(turn)
            raise
    try:
        yield
    finally:
        _pass_on(key)


def _pass_on(key: str) -> None:
    waiting = _waiting[key]
    while waiting:
        turn = waiting.popleft()
        if not turn.done():
            turn.set_result(None)
            return
    del _waiting[key]
