"""The callers that wait for a slot of the pool, first come, first served."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from engine.database.errors import ConnectionRefused, DatabaseUnavailable
from engine.database.timeouts import Timeouts

__all__ = ["SlotQueue", "wait_for_slot"]


class SlotQueue:
    """Futures of callers; the result of each is the slot that it receives."""

    def __init__(self) -> None:
        self._waiters: deque[asyncio.Future[Any]] = deque()

    def __len__(self) -> int:
        # The future of a caller that stopped waiting is done.
        return sum(not waiter.done() for waiter in self._waiters)

    def append(self, waiter: asyncio.Future[Any]) -> None:
        """Add a caller, which can wait in several queues."""
        self._waiters.append(waiter)

    def next(self) -> asyncio.Future[Any] | None:
        """Remove and return the caller that has waited longest."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    def give(self, slot: Any) -> bool:
        """Give a slot to the caller that has waited longest; return whether any waits."""
        waiter = self.next()
        if waiter is None:
            return False
        waiter.set_result(slot)
        return True

    def fail(self, error: ConnectionRefused) -> None:
        """Raise a copy of an error for each caller, because raising it adds a traceback."""
        while (waiter := self.next()) is not None:
            copy = ConnectionRefused(str(error))
            copy.__cause__ = error.__cause__
            waiter.set_exception(copy)


async def wait_for_slot(
    timeouts: Timeouts, queues: Sequence[SlotQueue], *, give_up: Callable[[Any], None]
) -> Any:
    """Wait for a slot; return its connection, or None if it has none.

    A slot is never lost: if it arrives as the wait times out or is cancelled, ``give_up`` is
    called with it. Raises DatabaseUnavailable.
    """
    waiter: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    for queue in queues:
        queue.append(waiter)
    try:
        with timeouts.apply():
            return await waiter
    except BaseException as error:
        if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            give_up(waiter.result())
        if isinstance(error, TimeoutError):
            raise DatabaseUnavailable(
                f"no database connection became free within {timeouts.timeout_s:g} s"
            ) from error
        raise
