"""Connection pool in front of asyncpg's, which passes clean connections from caller to caller.

For each checkout asyncpg makes a proxy, a future and a task, which cost a quarter of a small
query. This pool checks a connection out of asyncpg's pool once and then reuses it: a clean
connection goes to the caller that has waited longest, or to the idle connections. It goes back
to asyncpg, which resets or closes it, if its statement fails or it stays idle.

A slot is the right to have one connection checked out of asyncpg's pool; there are ``max_size``.
Each slot is always in exactly one of these places: free, idle (with its connection), in use by a
caller, or being released.

PostgreSQL can grant fewer connections than there are slots (`growth`). A caller that is refused one
then waits for one of those that exist. A session that cannot write is replaced after a second.

An operation, and all operations of a caller, have at most a share of the slots at once. While
others use the pool, only a caller without a slot takes the last one. Health checks, credentials
and the delivery worker can use a few more connections, which are reserved for them (`shares`).
"""

import asyncio
import time
from typing import Any

import asyncpg

from engine.database.checkout import ACQUIRE_TIMEOUT_S, Checkout
from engine.database.commit_waits import CommitWaits
from engine.database.errors import ConnectionRefused
from engine.database.growth import REFUSED_PAUSE_S, Growth, leaves_others, may_be_granted_soon
from engine.database.idle_connections import IdleConnections
from engine.database.outages import OUTAGE
from engine.database.pool_usage import PoolUsage
from engine.database.session import abandoned_commit
from engine.database.shares import RESERVED, PoolUser, Shares, pool_user
from engine.database.slot_queue import SlotQueue, wait_for_slot
from engine.database.timeouts import Timeouts

__all__ = ["RESERVED_CONNECTIONS", "Pool", "open_pools"]

# Connections of a process in addition to DATABASE_POOL_SIZE, for `shares.reserved`.
RESERVED_CONNECTIONS = 2


class Pool:
    """The connections of this process to one database; Tortoise uses it as an asyncpg pool."""

    def __init__(self, inner: asyncpg.Pool, *, reserved: int = 0, commits: int = 0) -> None:
        """Use so many of asyncpg's connections for the reserve and for abandoned commits."""
        self.max_size: int = inner.get_max_size() - reserved - commits
        self.commits = CommitWaits(self, pool_size=self.max_size, capacity=commits)
        self._outage = OUTAGE
        # The event loop of the connections.
        self.loop = asyncio.get_running_loop()
        self._inner = inner
        # Slots that are not free: idle connections are checked out of asyncpg's pool too.
        self._checked_out = 0
        self._idle = IdleConnections(evict=self.release_in_background)
        self._releases: set[asyncio.Task[None]] = set()
        self._is_closing = False
        # Callers without a slot, the longest waiting first. The result of a future is a
        # connection, or None for a slot without one.
        self._waiters = SlotQueue()
        self._timeouts = Timeouts(ACQUIRE_TIMEOUT_S)
        self._reserved = self._free_in_reserve = reserved
        # Those waiters that may also use the reserve. The result of a future is RESERVED for a
        # connection in reserve that is not yet acquired.
        self._reserve_waiters = SlotQueue()
        # By connection in use, the user whose share it belongs to; RESERVED for a connection of the
        # reserve.
        self._users: dict[Any, PoolUser] = {}
        self._shares = Shares(self.max_size, timeout_s=ACQUIRE_TIMEOUT_S)
        self._growth = Growth(self.max_size)
        self._checkout = Checkout(inner, on_suspicion=self._idle.evict_all)

    @property
    def available(self) -> int:
        """The number of connections that can be acquired without waiting."""
        return self._growth.limit - self._checked_out + len(self._idle)

    @property
    def usage(self) -> PoolUsage:
        """The current use of the pool."""
        callers, callers_at_limit = self._shares.callers
        return PoolUsage(
            available=self.available,
            size=self.max_size,
            callers=callers,
            callers_at_limit=callers_at_limit,
            waiting_for_share=self._shares.waiting,
            waiting_for_connection=len(self._waiters),
            unconfirmed_commits=len(self.commits),
            abandoned_commits=self.commits.total,
        )

    async def acquire(self) -> Any:
        """Return a connection for the caller's exclusive use.

        Raises DatabaseUnavailable and ConnectionShareExceeded.
        """
        user = pool_user.get()
        if user is None or user is RESERVED:
            return await self._acquire(self._idle.pop(), may_use_reserve=user is RESERVED)
        if not self._shares.take(user):
            await self._shares.wait(user)
        connection = self._idle.pop()
        if connection is None or not self._checkout.is_fit(connection):
            try:
                connection = await self._acquire(connection)
            except BaseException:
                self._shares.free(user)
                raise
        self._users[connection] = user
        return connection

    async def _acquire(self, connection: Any, *, may_use_reserve: bool = False) -> Any:
        """Acquire a free connection, or one of the reserve if none is free.

        ``connection`` is an idle one, which may be unfit; None if there is none.
        """
        deadline = time.monotonic() + ACQUIRE_TIMEOUT_S
        queues = (self._waiters, self._reserve_waiters) if may_use_reserve else (self._waiters,)
        while True:
            if connection is None:
                if self._may_grow():
                    self._checked_out += 1
                elif may_use_reserve and self._free_in_reserve and self._growth.allows_reserve():
                    self._free_in_reserve -= 1
                    connection = RESERVED
                else:
                    connection = await wait_for_slot(self._timeouts, queues, give_up=self._give_up)
            try:
                return await self._open(connection)
            except ConnectionRefused as error:
                if not await self._can_wait(error, deadline):
                    raise
            connection = self._idle.pop()

    def _may_grow(self) -> bool:
        return self._checked_out < self.max_size and self._growth.allows(self._checked_out)

    async def _can_wait(self, error: ConnectionRefused, deadline: float) -> bool:
        """Return whether to wait for another connection after one was refused."""
        if time.monotonic() < deadline:
            if self._established and leaves_others(error):
                if self._checked_out < self._growth.limit:
                    # Connections of the reserve are counted, but are for others. Do not try again
                    # at once.
                    await asyncio.sleep(REFUSED_PAUSE_S)
                return True
            if may_be_granted_soon(error):
                if not self._checkout.opening:
                    # Another process must end one.
                    await asyncio.sleep(REFUSED_PAUSE_S)
                return True
        if not self._established and not self._checkout.opening:
            # No caller would pass a connection on to them.
            self._waiters.fail(error)
        return False

    @property
    def _established(self) -> int:
        """The number of connections that are checked out."""
        return self._checked_out + self._reserved - self._free_in_reserve - self._checkout.opening

    async def _open(self, connection: Any) -> Any:
        """Return the connection of a slot, or open one if it has none or an unfit one."""
        is_reserved = connection is RESERVED
        if connection is not None and not is_reserved:
            if self._checkout.is_fit(connection):
                return connection
            is_reserved = self._users.pop(connection, None) is RESERVED
        try:
            if connection is not None and connection is not RESERVED:
                await self._checkout.close(connection)
            connection = await self._connect()
        except BaseException as error:
            if is_reserved:
                self._free_reserved()
            elif isinstance(error, ConnectionRefused):
                # Not for a waiter, which would be refused too.
                self._checked_out -= 1
            else:
                self._free_slot()
            raise
        if is_reserved:
            self._users[connection] = RESERVED
        return connection

    async def _connect(self) -> Any:
        try:
            connection = await self._checkout.open()
        except ConnectionRefused as error:
            if leaves_others(error):
                self._growth.refuse(self._established - 1, error)
                self._shares.resize(self._growth.limit)
            raise
        if self._growth.grant(self._established):
            self._shares.resize(self._growth.limit)
        return connection

    def return_clean(self, connection: Any) -> None:
        """Return a connection without a transaction or session state, for immediate reuse."""
        if self._outage.is_open:
            self._outage.succeed()
        if self._checkout.is_stale(connection):
            self.release_in_background(connection, is_fit=False)
            return
        user = self._users.pop(connection, None)
        if user is RESERVED:
            self._users[connection] = user
            waiter = self._reserve_waiters.next()
            if waiter is not None:
                waiter.set_result(connection)
            else:
                self.release_in_background(connection)
            return
        if user is not None:
            self._shares.free(user)
        waiter = self._waiters.next()
        if waiter is not None:
            waiter.set_result(connection)
        elif self._is_closing:
            self.release_in_background(connection)
        else:
            self._idle.push(connection)

    async def release(self, connection: Any, *, is_fit: bool = True) -> None:
        """Return a connection in an unknown state; asyncpg resets it, or closes it after a time.

        One that is not fit is closed at once.
        """
        # The share is free only when the statement has ended: a caller that cancels statements
        # must not have more of them in PostgreSQL than one that waits for them.
        user = self._users.pop(connection, None)
        try:
            await (self._checkout.release if is_fit else self._checkout.close)(connection)
        finally:
            self._free(user)

    def release_in_background(self, connection: Any, *, is_fit: bool = True) -> None:
        """Release a connection without waiting: cancelled statements can take seconds to end."""
        task = asyncio.create_task(self.release(connection, is_fit=is_fit))
        self._releases.add(task)
        task.add_done_callback(self._releases.discard)

    def release_failed(self, connection: Any, error: BaseException | None) -> None:
        """Release the connection of a statement that failed, without waiting."""
        ended = abandoned_commit(connection)
        if ended is None:
            is_fit = self._checkout.is_fit_after(connection, error)
            self.release_in_background(connection, is_fit=is_fit)
        elif self.commits.is_full:
            # Its slot is free only when the commit has ended.
            self.commits.keep(connection, ended, release=self.release)
        else:
            self.commits.keep(connection, ended, release=self._checkout.release)
            self._free(self._users.pop(connection, None))

    async def close(self) -> None:
        """Close all connections; wait for those in use to be returned."""
        self._is_closing = True
        self.commits.terminate()
        self._idle.clear()
        await self._inner.close()

    def terminate(self) -> None:
        """Close all connections at once, without cancelling their statements."""
        self._inner.terminate()

    def _give_up(self, connection: Any) -> None:
        """Pass on what a caller received that had just stopped waiting."""
        if connection is None:
            self._free_slot()
        elif connection is RESERVED:
            self._free_reserved()
        else:
            self.return_clean(connection)

    def _free(self, user: PoolUser | None) -> None:
        """Free the slot of a connection, or its part of the reserve, and the share of its user."""
        if user is RESERVED:
            self._free_reserved()
            return
        if user is not None:
            self._shares.free(user)
        self._free_slot()

    def _free_slot(self) -> None:
        """Give a slot without a connection to the next waiter, or make it free."""
        if self._checked_out > self._growth.limit or not self._waiters.give(None):
            self._checked_out -= 1

    def _free_reserved(self) -> None:
        """Give a part of the reserve to the next waiter, or make it free."""
        if not self._reserve_waiters.give(RESERVED):
            self._free_in_reserve += 1


# The open pools of this process, the newest last. Tortoise's own lookup is slow.
open_pools: list[Pool] = []
