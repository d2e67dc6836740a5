"""Shares of the connection pool: how many connections one operation and one caller have at once.

The pool reads from a context variable for whom a connection is acquired. A task that handles a
request calls `count_as` once. Code that must work while requests use all other connections
runs within `reserved`. All other code is not limited by a share.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar

from engine.database.errors import Overloaded
from engine.database.timeouts import Timeouts

__all__ = [
    "NO_SHARE",
    "RESERVED",
    "ConnectionShareExceeded",
    "PoolUser",
    "Shares",
    "count_as",
    "pool_user",
    "reserved",
]


class ConnectionShareExceeded(Overloaded):
    """A caller already uses as many connections as it may; the message is for the client."""


class _Share:
    """The connections of one operation or one caller, and the requests that wait for one."""

    __slots__ = ("in_use", "waiters")

    def __init__(self) -> None:
        self.in_use = 0
        # Created at the first wait, which most operations never have.
        self.waiters: deque[_Waiter] | None = None

    def append(self, waiter: "_Waiter") -> None:
        """Add a request to those that wait."""
        if self.waiters is None:
            self.waiters = deque()
        self.waiters.append(waiter)

    def next_waiter(self) -> "_Waiter | None":
        """Remove and return the longest waiting request that has not been given up."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.granted.done():
                return waiter
        return None


class PoolUser(_Share):
    """An operation of a caller, with its share."""

    __slots__ = ("caller",)

    def __init__(self, caller: str) -> None:
        self.caller = caller
        self.in_use = 0
        self.waiters = None


class _Waiter:
    """A request for a connection that waits for a slot of its operation or of its caller."""

    __slots__ = ("ends_at", "granted", "has_operation_slot")

    def __init__(self, granted: asyncio.Future[None]) -> None:
        self.granted = granted
        self.has_operation_slot = False
        self.ends_at = 0.0

    @property
    def is_granted(self) -> bool:
        """Whether both slots belong to the request."""
        granted = self.granted
        return granted.done() and not granted.cancelled() and granted.exception() is None

    def expire(self) -> None:
        """End the wait for a slot of the caller."""
        if not self.granted.done():
            self.granted.set_exception(TimeoutError())


class Shares:
    """The shares of the operations and callers that use one pool.

    Each may have a part of the pool, and at least one connection, so that other operations and
    callers find the rest: an operation a third, a caller three quarters.

    Beside other callers, a caller that has connections receives another one only while it has fewer
    than are free. It therefore never takes the last one, and callers without a connection precede
    it. Those of one caller that has many become free for the others as its statements end.
    """

    def __init__(self, pool_size: int, *, timeout_s: float) -> None:
        # Has an entry only for callers that have a connection or wait for one.
        self._callers: dict[str, _Share] = {}
        # The share of a caller without connections, for the next one: to create it takes longer
        # than to count.
        self._unused: _Share | None = None
        # Those callers whose requests wait for them to have fewer connections, or others free.
        self._waiting: dict[str, _Share] = {}
        # The number of requests that wait for a slot of their operation or of their caller.
        self.waiting = 0
        self._timeouts = Timeouts(timeout_s)
        # Cached, because looking up the running loop makes a system call.
        self._loop: asyncio.AbstractEventLoop | None = None
        self.resize(pool_size)

    def resize(self, pool_size: int) -> None:
        """Divide another number of connections; those in use stay with their users."""
        self.pool_size = pool_size
        self.per_operation = max(1, pool_size // 3)
        self.per_caller = max(1, pool_size * 3 // 4)
        self._grant_free()

    @property
    def _in_use(self) -> int:
        """The connections of all callers, with those that they wait for in the pool.

        At most as many callers as the pool has connections use some, and one that does not use
        one yet needs no comparison, so this takes little time where it is needed.
        """
        return sum([caller.in_use for caller in self._callers.values()])

    def _admits(self, caller: _Share) -> bool:
        """Return whether a caller may have another connection now.

        If not, no caller may that has as many.
        """
        in_use = caller.in_use
        if not in_use:
            return True
        if in_use >= self.per_caller:
            return False
        return len(self._callers) == 1 or in_use < self.pool_size - self._in_use

    def take(self, user: PoolUser) -> bool:
        """Count one more connection of an operation; return false if it must wait for that."""
        if user.in_use >= self.per_operation:
            return False
        caller = self._callers.get(user.caller)
        if caller is None:
            # Each caller may have one.
            caller = self._callers[user.caller] = self._unused or _Share()
            self._unused = None
        elif not self._admits(caller):
            return False
        user.in_use += 1
        caller.in_use += 1
        return True

    async def wait(self, user: PoolUser) -> None:
        """Wait until one more connection of an operation can be counted; call after `take`.

        First come, first served: among the requests of an operation, and among those that the
        operations of a caller may make at the moment.

        Only the wait for the caller's share has a timeout, and raises ConnectionShareExceeded.
        An operation that waits for its own statements is slow, which its own timeout covers.
        """
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        waiter = _Waiter(self._loop.create_future())
        if user.in_use < self.per_operation:
            user.in_use += 1
            self._wait_for_caller(user, waiter)
        else:
            user.append(waiter)
        self.waiting += 1
        try:
            await waiter.granted
        except BaseException as error:
            refusal = self._refusal(user)
            self._give_up(user, waiter)
            if isinstance(error, TimeoutError):
                raise ConnectionShareExceeded(refusal) from None
            raise
        finally:
            self.waiting -= 1

    @property
    def callers(self) -> tuple[int, int]:
        """The number of callers that use connections, and of those that use all of their share."""
        callers = self._callers.values()
        return len(callers), sum(not self._admits(caller) for caller in callers)

    def free(self, user: PoolUser) -> None:
        """Give the slots of a connection to those that wait for them, or make them free."""
        if user.waiters:
            self._free_operation_slot(user)
        else:
            user.in_use -= 1
        caller = self._callers[user.caller]
        caller.in_use -= 1
        if self._waiting:
            self._grant(user.caller)
        elif not caller.in_use:
            self._unused = self._callers.pop(user.caller)

    def _wait_for_caller(self, user: PoolUser, waiter: _Waiter) -> None:
        waiter.has_operation_slot = True
        self._timeouts.begin(waiter)
        caller = self._callers.get(user.caller)
        if caller is None:
            caller = self._callers[user.caller] = _Share()
        caller.append(waiter)
        self._waiting[user.caller] = caller

    def _free_operation_slot(self, user: PoolUser) -> None:
        waiter = user.next_waiter()
        if waiter is None:
            user.in_use -= 1
        else:
            self._wait_for_caller(user, waiter)

    def _grant(self, name: str) -> None:
        """Give what has become free to requests that wait, after a change of this caller."""
        caller = self._callers.get(name)
        if caller is not None and not caller.in_use and not self._grant_next(name, caller):
            del self._callers[name]
        self._grant_free()

    def _grant_free(self) -> None:
        """Give free connections to requests that wait, first to callers that have fewest.

        The search takes little time: if a connection is free, fewer callers than the size of the
        pool wait, because each of them has one.
        """
        while self._waiting and self._in_use < self.pool_size:
            name, caller = min(self._waiting.items(), key=_connections)
            if not self._admits(caller):
                return
            self._grant_next(name, caller)

    def _grant_next(self, name: str, caller: _Share) -> bool:
        """Give another connection to the request of a caller that waits longest, if any does."""
        waiting = self._waiting.pop(name, None)
        waiter = caller.next_waiter()
        if waiter is None:
            return False
        if caller.waiters and waiting is not None:
            # Behind others that have as many connections.
            self._waiting[name] = caller
        caller.in_use += 1
        self._timeouts.end(waiter)
        waiter.granted.set_result(None)
        return True

    def _give_up(self, user: PoolUser, waiter: _Waiter) -> None:
        """Pass on what a request received that no longer waits."""
        self._timeouts.end(waiter)
        if waiter.is_granted:
            self.free(user)
        elif waiter.has_operation_slot:
            self._free_operation_slot(user)
            self._grant(user.caller)

    def _refusal(self, user: PoolUser) -> str:
        caller = self._callers.get(user.caller)
        return (
            f"Other requests of this caller have used all of its database connections for"
            f" {self._timeouts.timeout_s:g} s: {caller.in_use if caller else 0} of"
            f" {self.pool_size} (DATABASE_POOL_SIZE). One caller has at most {self.per_caller},"
            " and fewer while others use the database. Send fewer requests at once."
        )


def _connections(waiting: tuple[str, _Share]) -> int:
    return waiting[1].in_use


# A user that may also take the connections in reserve.
RESERVED = PoolUser("")
# An empty context, for work that several callers share.
NO_SHARE = Context()

pool_user: ContextVar[PoolUser | None] = ContextVar("pool_user", default=None)


def count_as(caller: str) -> None:
    """Start an operation of a caller in the current task and in those that it creates."""
    pool_user.set(PoolUser(caller))


@contextmanager
def reserved() -> Iterator[None]:
    """Let the block, and the tasks that it creates, use the connections in reserve."""
    token = pool_user.set(RESERVED)
    try:
        yield
    finally:
        pool_user.reset(token)
