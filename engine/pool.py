"""A pool in front of asyncpg's, in which a connection goes from hand to hand.

For each loan asyncpg makes a proxy, a future and a task, which cost a third of a small
query. Here who is done lays a connection that is as it was on a stack, and the next one
takes it from there. It goes back to asyncpg, which looks after it, when its statement
has failed, when somebody waits for one, or when nobody has wanted it for a while.
"""

import asyncio
from typing import Any

import asyncpg

__all__ = ["DatabaseUnavailable", "Pool"]

ACQUIRE_TIMEOUT_S = 5.0
# A connection on the stack that nobody has wanted for so long is one too many.
IDLE_S = 1.0


class DatabaseUnavailable(Exception):
    """The database did not answer, or gave no connection in time; trying again may help."""


class Pool:
    """The connections of this process to one database."""

    def __init__(self, inner: asyncpg.Pool) -> None:
        self._inner = inner
        self._stack: list[Any] = []
        # The fewest that lay there since it was last looked: so many nobody wanted.
        self._unwanted = 0
        self._waiting = 0
        self._sweeping: asyncio.TimerHandle | None = None
        self._returning: set[asyncio.Task[None]] = set()

    @property
    def max_size(self) -> int:
        """How many connections there may be."""
        return self._inner.get_max_size()

    @property
    def free(self) -> int:
        """How many connections can be had at once."""
        lent = self._inner.get_size() - self._inner.get_idle_size()
        return self.max_size - lent + len(self._stack)

    async def acquire(self) -> Any:
        """Return a connection, for its user alone; raises DatabaseUnavailable."""
        while self._stack:
            connection = self._stack.pop()
            self._unwanted = min(self._unwanted, len(self._stack))
            if not connection.is_closed():
                return connection
            await self._inner.release(connection)
        self._waiting += 1
        try:
            return await self._inner.acquire(timeout=ACQUIRE_TIMEOUT_S)
        except TimeoutError as error:
            message = f"no database connection became free within {ACQUIRE_TIMEOUT_S:g} s"
            raise DatabaseUnavailable(message) from error
        finally:
            self._waiting -= 1

    async def release(self, connection: Any) -> None:
        """Give a connection back that is as it was: no transaction, no session's state."""
        if self._waiting or self._inner.is_closing():
            await self._inner.release(connection)
            return
        self._stack.append(connection)
        if self._sweeping is None:
            self._sweep_later()

    async def discard(self, connection: Any) -> None:
        """Give a connection back whose statement has failed, or was cancelled."""
        await self._inner.release(connection)

    async def close(self) -> None:
        """Give back what lies on the stack, so that asyncpg can close it."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        while self._stack:
            await self._inner.release(self._stack.pop())
        await asyncio.gather(*self._returning)

    def _sweep_later(self) -> None:
        self._unwanted = len(self._stack)
        self._sweeping = asyncio.get_running_loop().call_later(IDLE_S, self._sweep)

    def _sweep(self) -> None:
        """Give back what nobody has wanted: what was laid down first, and lies below."""
        self._sweeping = None
        unwanted, self._stack[: self._unwanted] = self._stack[: self._unwanted], []
        for connection in unwanted:
            task = asyncio.create_task(self._inner.release(connection))
            self._returning.add(task)
            task.add_done_callback(self._returning.discard)
        if self._stack:
            self._sweep_later()
