"""Turns: work on the same key in this process, one after the other, in the order of requests.

Transactions that need the same lock in PostgreSQL take turns here first. Otherwise each of them
would hold a connection of the pool while it waits for the lock.
"""

import asyncio
from collections import deque

from engine.database.errors import Overloaded

__all__ = ["MAX_WAITING", "TooManyWaiting", "Turn", "take_turn"]

# More than any honest burst of changes; each of them keeps its request in memory.
MAX_WAITING = 1000

# By key, those that wait while another has its turn.
_waiting: dict[str, deque[asyncio.Future[None]]] = {}


class TooManyWaiting(Overloaded):
    """Too many requests wait for their turn with the same key."""


class Turn:
    """Asynchronous context manager of a turn.

    A generator would take three times as long, and each change of a ticket takes a turn.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    async def __aenter__(self) -> None:
        waiting = _waiting.get(self._key)
        if waiting is None:
            _waiting[self._key] = deque()
        else:
            await _wait(self._key, waiting)

    async def __aexit__(self, *_: object) -> None:
        _pass_on(self._key)


def take_turn(key: str) -> Turn:
    """Run the block when all earlier blocks with the same key have ended.

    Do not wait for a turn inside a transaction. Entering the block raises TooManyWaiting.
    """
    return Turn(key)


async def _wait(key: str, waiting: deque[asyncio.Future[None]]) -> None:
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


def _pass_on(key: str) -> None:
    waiting = _waiting[key]
    while waiting:
        turn = waiting.popleft()
        if not turn.done():
            turn.set_result(None)
            return
    del _waiting[key]
