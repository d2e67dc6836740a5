"""Connection pool in front of asyncpg's, which passes clean connections from caller to caller.

For each checkout asyncpg makes a proxy, a future and a task, which cost a quarter of a small
query. This pool checks a connection out of asyncpg's pool once and then reuses it: a clean
connection goes to the caller that has waited longest, or onto a stack of idle connections. It
goes back to asyncpg, which resets or closes it, if its statement fails or it stays idle.

A slot is the right to have one connection checked out of asyncpg's pool; there are ``max_size``.
Each slot is always in exactly one of these places: free, idle (with its connection), in use by a
caller, or being released.

An operation, and all operations of a caller together, have at most a share of the slots at once.
Health checks, credentials and the delivery worker can use a few more connections, which are
reserved for them (`shares`).
"""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg

from engine.database.errors import (
    DATABASE_ERRORS,
    DatabaseUnavailable,
    convert_connection_errors,
)
from engine.database.outages import OUTAGE
from engine.database.shares import RESERVED, PoolUser, Shares, pool_user
from engine.database.timeouts import Timeouts

__all__ = ["ACQUIRE_TIMEOUT_S", "RESERVED_CONNECTIONS", "Pool", "PoolUsage", "open_pools"]

ACQUIRE_TIMEOUT_S = 5.0
# The time until a cancelled statement must have ended. Then its connection is closed, because a
# slot of the pool must not depend on a statement whose caller has left.
RELEASE_TIMEOUT_S = 1.0
# A connection that stays idle for this long goes back to asyncpg.
IDLE_S = 1.0
# Connections of a process in addition to DATABASE_POOL_SIZE, for `shares.reserved`.
RESERVED_CONNECTIONS = 2


@dataclass(frozen=True, slots=True)
class PoolUsage:
    """Numbers of connections, of callers that use them, and of requests that wait for one."""

    available: int = 0
    size: int = 0
    callers: int = 0
    callers_at_limit: int = 0
    waiting_for_share: int = 0
    waiting_for_connection: int = 0


class Pool:
    """The connections of this process to one database; Tortoise uses it as an asyncpg pool."""

    def __init__(self, inner: asyncpg.Pool, *, reserved: int = 0) -> None:
        """Use ``reserved`` of asyncpg's connections as the reserve, and the others as slots."""
        self.max_size: int = inner.get_max_size() - reserved
        self._inner = inner
        # Slots that are not free: idle connections are checked out of asyncpg's pool too.
        self._checked_out = 0
        # The connection that was used last is on top.
        self._idle: list[Any] = []
        # The smallest size of the stack since the last eviction: this many were never used.
        self._unused = 0
        self._eviction: asyncio.TimerHandle | None = None
        self._releases: set[asyncio.Task[None]] = set()
        self._is_closing = False
        # Callers without a slot, the longest waiting first. The result of a future is a
        # connection, or None for a slot without one.
        self._waiters: deque[asyncio.Future[Any]] = deque()
        self._timeouts = Timeouts(ACQUIRE_TIMEOUT_S)
        self._free_in_reserve = reserved
        # Those waiters that may also use the reserve. The result of a future is RESERVED for a
        # connection in reserve that is not yet acquired.
        self._reserve_waiters: deque[asyncio.Future[Any]] = deque()
        # By the id of a connection in use, the user whose share it belongs to; RESERVED for a
        # connection of the reserve.
        self._users: dict[int, PoolUser] = {}
        self._shares = Shares(self.max_size, timeout_s=ACQUIRE_TIMEOUT_S)

    @property
    def available(self) -> int:
        """The number of connections that can be acquired without waiting."""
        return self.max_size - self._checked_out + len(self._idle)

    @property
    def usage(self) -> PoolUsage:
        """What the pool is used for now."""
        callers, callers_at_limit = self._shares.callers
        return PoolUsage(
            available=self.available,
            size=self.max_size,
            callers=callers,
            callers_at_limit=callers_at_limit,
            waiting_for_share=self._shares.waiting,
            waiting_for_connection=sum(not waiter.done() for waiter in self._waiters),
        )

    async def acquire(self) -> Any:
        """Return a connection for the caller's exclusive use.

        Raises DatabaseUnavailable and ConnectionShareExceeded.
        """
        user = pool_user.get()
        if user is None:
            return await self._acquire_slot()
        if user is RESERVED:
            return await self._acquire_reserved()
        if not self._shares.take(user):
            await self._shares.wait(user)
        try:
            connection = await self._acquire_slot()
        except BaseException:
            self._shares.free(user)
            raise
        self._users[id(connection)] = user
        return connection

    async def _acquire_slot(self) -> Any:
        if self._idle:
            connection = self._idle.pop()
            self._unused = min(self._unused, len(self._idle))
        elif self._checked_out < self.max_size:
            self._checked_out += 1
            connection = None
        else:
            connection = await self._wait(self._waiters)
        return await self._open(connection)

    async def _acquire_reserved(self) -> Any:
        """Acquire a free connection, or one of the reserve if none is free."""
        if self._idle or self._checked_out < self.max_size:
            return await self._acquire_slot()
        if self._free_in_reserve:
            self._free_in_reserve -= 1
            connection: Any = RESERVED
        else:
            connection = await self._wait(self._waiters, self._reserve_waiters)
        if connection is not RESERVED:
            # Of the reserve or of the slots, as `_users` says.
            return await self._open(connection)
        try:
            with convert_connection_errors():
                connection = await self._inner.acquire(timeout=ACQUIRE_TIMEOUT_S)
        except BaseException:
            self._free_reserved()
            raise
        self._users[id(connection)] = RESERVED
        return connection

    async def _open(self, connection: Any) -> Any:
        """Return the connection of a slot, or open one if it has none or a closed one."""
        if connection is not None and _is_open(connection):
            return connection
        is_reserved = connection is not None and self._users.pop(id(connection), None) is RESERVED
        try:
            with convert_connection_errors():
                if connection is not None:
                    await self._inner.release(connection)
                connection = await self._inner.acquire(timeout=ACQUIRE_TIMEOUT_S)
        except BaseException:
            if is_reserved:
                self._free_reserved()
            else:
                self._free_slot()
            raise
        if is_reserved:
            self._users[id(connection)] = RESERVED
        return connection

    def return_clean(self, connection: Any) -> None:
        """Return a connection without a transaction or session state, for immediate reuse."""
        if OUTAGE.is_open:
            OUTAGE.succeed()
        user = self._users.get(id(connection))
        if user is not None:
            if user is RESERVED:
                waiter = _next_waiter(self._reserve_waiters)
                if waiter is not None:
                    waiter.set_result(connection)
                else:
                    self.release_in_background(connection)
                return
            del self._users[id(connection)]
            self._shares.free(user)
        waiter = _next_waiter(self._waiters)
        if waiter is not None:
            waiter.set_result(connection)
        elif self._is_closing:
            self.release_in_background(connection)
        else:
            self._idle.append(connection)
            if self._eviction is None:
                self._schedule_eviction()

    async def release(self, connection: Any) -> None:
        """Return a connection in an unknown state; asyncpg resets it, or closes it after a time."""
        # The share is free only when the statement has ended: a caller that cancels statements
        # must not have more of them in PostgreSQL than one that waits for them.
        user = self._users.pop(id(connection), None)
        try:
            # A failed reset must not hide the error or the cancellation that led to it. asyncpg
            # closes such a connection.
            with suppress(*DATABASE_ERRORS, TimeoutError):
                await self._inner.release(connection, timeout=RELEASE_TIMEOUT_S)
        finally:
            if user is RESERVED:
                self._free_reserved()
            else:
                if user is not None:
                    self._shares.free(user)
                self._free_slot()

    def release_in_background(self, connection: Any) -> None:
        """Release a connection without waiting.

        PostgreSQL can take seconds to confirm that a cancelled statement has ended, which is too
        long for a caller that has been cancelled.
        """
        task = asyncio.create_task(self.release(connection))
        self._releases.add(task)
        task.add_done_callback(self._releases.discard)

    async def close(self) -> None:
        """Close all connections; wait for those in use to be returned."""
        self._is_closing = True
        if self._eviction is not None:
            self._eviction.cancel()
        while self._idle:
            self.release_in_background(self._idle.pop())
        await self._inner.close()

    def terminate(self) -> None:
        """Close all connections at once."""
        self._inner.terminate()

    async def _wait(self, *queues: deque[asyncio.Future[Any]]) -> Any:
        """Wait for a slot; return its connection, or None if it has none.

        A slot is never lost: if it arrives as the wait times out or is cancelled, it goes to the
        next waiter.
        """
        waiter = asyncio.get_running_loop().create_future()
        for queue in queues:
            queue.append(waiter)
        try:
            with self._timeouts.apply():
                return await waiter
        except TimeoutError as error:
            self._give_up(waiter)
            raise DatabaseUnavailable(
                f"no database connection became free within {ACQUIRE_TIMEOUT_S:g} s"
            ) from error
        except BaseException:
            self._give_up(waiter)
            raise

    def _give_up(self, waiter: asyncio.Future[Any]) -> None:
        """Pass on the slot of a caller that stopped waiting, if it had already received one."""
        if not waiter.done() or waiter.cancelled():
            return
        connection = waiter.result()
        if connection is None:
            self._free_slot()
        elif connection is RESERVED:
            self._free_reserved()
        else:
            self.return_clean(connection)

    def _free_slot(self) -> None:
        """Give a slot without a connection to the next waiter, or make it free."""
        waiter = _next_waiter(self._waiters)
        if waiter is not None:
            waiter.set_result(None)
        else:
            self._checked_out -= 1

    def _free_reserved(self) -> None:
        """Give a part of the reserve to the next waiter, or make it free."""
        waiter = _next_waiter(self._reserve_waiters)
        if waiter is not None:
            waiter.set_result(RESERVED)
        else:
            self._free_in_reserve += 1

    def _schedule_eviction(self) -> None:
        self._unused = len(self._idle)
        self._eviction = asyncio.get_running_loop().call_later(IDLE_S, self._evict_idle)

    def _evict_idle(self) -> None:
        """Release the connections at the bottom of the stack, which were not used meanwhile."""
        self._eviction = None
        unused, self._idle[: self._unused] = self._idle[: self._unused], []
        for connection in unused:
            self.release_in_background(connection)
        if self._idle:
            self._schedule_eviction()


# The open pools of this process, the newest last. Tortoise's own lookup is slow.
open_pools: list[Pool] = []


def _next_waiter(waiters: deque[asyncio.Future[Any]]) -> asyncio.Future[Any] | None:
    while waiters:
        waiter = waiters.popleft()
        # The future of a caller that stopped waiting is done.
        if not waiter.done():
            return waiter
    return None


def _is_open(connection: Any) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        # It was closed while it was idle, and asyncpg has already taken it back.
        return False
