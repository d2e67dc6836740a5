"""A pool in front of asyncpg's, in which a connection goes from hand to hand.

For each loan asyncpg makes a proxy, a future and a task, which cost a fourth of a small
query. Here who is done with a connection that is as it was hands it on: to who waits
longest, or on a stack, from where the next one takes it. It goes back to asyncpg, which
looks after it, when its statement has failed, and when nobody has wanted it for a while.
To Tortoise this is its pool.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any

import asyncpg

from engine.database.errors import DATABASE_ERRORS, DatabaseUnavailable, convert_connection_errors
from engine.database.timeouts import Timeouts

__all__ = ["ACQUIRE_TIMEOUT_S", "Pool", "open_pools"]

ACQUIRE_TIMEOUT_S = 5.0
# A connection on the stack that nobody has wanted for so long is one too many.
IDLE_S = 1.0


class Pool:
    """The connections of this process to one database."""

    def __init__(self, inner: asyncpg.Pool) -> None:
        self.max_size: int = inner.get_max_size()
        self._inner = inner
        # Connections that asyncpg has lent us, or is about to: those on the stack too.
        self._checked_out = 0
        self._stack: list[Any] = []
        # The fewest that lay there since it was last looked: so many nobody wanted.
        self._unwanted = 0
        self._sweeping: asyncio.TimerHandle | None = None
        self._returning: set[asyncio.Task[None]] = set()
        self._is_closing = False
        # Who waits is given a connection, or None: the right to borrow one.
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._deadlines = Timeouts(ACQUIRE_TIMEOUT_S)

    @property
    def available(self) -> int:
        """The number of connections that can be acquired without waiting."""
        return self.max_size - self._checked_out + len(self._stack)

    async def acquire(self) -> Any:
        """Return a connection, for its user alone; raises DatabaseUnavailable."""
        if self._stack:
            connection = self._stack.pop()
            self._unwanted = min(self._unwanted, len(self._stack))
        elif self._checked_out < self.max_size:
            self._checked_out += 1
            connection = None
        else:
            connection = await self._wait()
        if connection is not None and _is_open(connection):
            return connection
        try:
            with convert_connection_errors():
                if connection is not None:
                    await self._inner.release(connection)
                return await self._inner.acquire(timeout=ACQUIRE_TIMEOUT_S)
        except BaseException:
            self._return_one()
            raise

    def return_clean(self, connection: Any) -> None:
        """Give a connection back that is as it was: no transaction, no session's state."""
        waiting = self._next_waiting()
        if waiting is not None:
            waiting.set_result(connection)
        elif self._is_closing:
            self.release_in_background(connection)
        else:
            self._stack.append(connection)
            if self._sweeping is None:
                self._evict_idle_later()

    async def release(self, connection: Any) -> None:
        """Give a connection back whose state is not known: asyncpg mends it, or ends it."""
        try:
            # That it had to be ended must not hide from its user why it was given back: least
            # of all that he was cancelled.
            with suppress(*DATABASE_ERRORS):
                await self._inner.release(connection)
        finally:
            self._return_one()

    def release_in_background(self, connection: Any) -> None:
        """Release a connection, but wait for nothing.

        Until PostgreSQL says that a cancelled statement has ended takes seconds where it
        does not answer, and who was cancelled has no time left.
        """
        task = asyncio.create_task(self.release(connection))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def close(self) -> None:
        """Close all connections, each when it is given back."""
        self._is_closing = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        while self._stack:
            self.release_in_background(self._stack.pop())
        # It waits for all that it has lent.
        await self._inner.close()

    def terminate(self) -> None:
        """Close all connections at once."""
        self._inner.terminate()

    async def _wait(self) -> Any:
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            with self._deadlines.apply():
                return await waiting
        except BaseException as error:
            if waiting.done() and not waiting.cancelled():
                # It has come at the last moment.
                if waiting.result() is None:
                    self._return_one()
                else:
                    self.return_clean(waiting.result())
            if isinstance(error, TimeoutError):
                message = f"no database connection became free within {ACQUIRE_TIMEOUT_S:g} s"
                raise DatabaseUnavailable(message) from error
            raise

    def _next_waiting(self) -> asyncio.Future[Any] | None:
        while self._waiting:
            waiting = self._waiting.popleft()
            # Who has given up waiting is done.
            if not waiting.done():
                return waiting
        return None

    def _return_one(self) -> None:
        """Count one connection less, or let who waits longest borrow one in its place."""
        waiting = self._next_waiting()
        if waiting is not None:
            waiting.set_result(None)
        else:
            self._checked_out -= 1

    def _evict_idle_later(self) -> None:
        self._unwanted = len(self._stack)
        self._sweeping = asyncio.get_running_loop().call_later(IDLE_S, self._evict_idle)

    def _evict_idle(self) -> None:
        """Give back what nobody has wanted: what was laid down first, and lies below."""
        self._sweeping = None
        unwanted, self._stack[: self._unwanted] = self._stack[: self._unwanted], []
        for connection in unwanted:
            self.release_in_background(connection)
        if self._stack:
            self._evict_idle_later()


# The open pools of this process, the newest last. Tortoise's own lookup is slow.
open_pools: list[Pool] = []


def _is_open(connection: Any) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        # It was closed while it lay there, and asyncpg has taken it back.
        return False
