"""Connections checked out of asyncpg's pool, and whether they are fit to be used again.

A connection is used without the proxy of asyncpg's pool, which makes each call of it slower.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncpg

from engine.database.errors import (
    DATABASE_ERRORS,
    READ_ONLY,
    UNKNOWN_STATEMENT,
    DatabaseUnavailable,
    convert_connection_errors,
    sqlstate,
)
from engine.database.outages import Condition
from engine.database.session import state_of

__all__ = ["ACQUIRE_TIMEOUT_S", "RELEASE_TIMEOUT_S", "Checkout"]

ACQUIRE_TIMEOUT_S = 5.0
# The time until a cancelled statement must have ended. Then its connection is closed, because a
# slot of the pool must not depend on a statement whose caller has left.
RELEASE_TIMEOUT_S = 1.0
# A server that has been a primary is not read as a standby in the first seconds of a failover: the
# new primary may not have replayed yet what was confirmed to callers.
STANDBY_AFTER_S = 30.0
# Meanwhile, the time between two attempts to find a primary.
STANDBY_PAUSE_S = 0.25


class Checkout:
    """Checks connections out of asyncpg's pool, and returns or closes them."""

    def __init__(self, inner: asyncpg.Pool, *, on_suspicion: Callable[[], None]) -> None:
        """Call ``on_suspicion`` to release the idle connections, which are then replaced.

        A server has not responded to a cancellation or a reset, or has reset a session.
        """
        self._inner = inner
        # Whether sessions that cannot write are replaced.
        self.needs_writes = True
        self._on_suspicion = on_suspicion
        self._must_expire = False
        self._silent_at = 0.0
        # The number of connections that are being opened.
        self.opening = 0
        # By their ids, the connections whose sessions cannot write.
        self._read_only: set[int] = set()
        self._condition = Condition("database is read-only", "database accepts changes again")
        # Whether a session could write.
        self._has_written = False
        self._refused_until = 0.0

    async def open(self) -> Any:
        """Return a connection, which asyncpg opens if it has none; raises DatabaseUnavailable."""
        while True:
            if time.monotonic() < self._refused_until:
                raise DatabaseUnavailable("only a standby responds")
            self.opening += 1
            try:
                with convert_connection_errors():
                    proxy: Any = await self._inner.acquire(timeout=ACQUIRE_TIMEOUT_S)
            finally:
                self.opening -= 1
            connection = proxy._con  # noqa: SLF001  # see above
            if not self._note(connection):
                return connection
            may_lack_changes = self._may_lack_changes(connection)
            if not may_lack_changes and not self.is_stale(connection):
                return connection
            await self.close(connection)
            if may_lack_changes:
                self._refused_until = time.monotonic() + STANDBY_PAUSE_S

    def _note(self, connection: Any) -> bool:
        """Return whether a session cannot write, and log when that begins and ends."""
        state = state_of(connection)
        if state is None or not self.needs_writes:
            return False
        if state.is_read_only:
            self._read_only.add(id(connection))
            # An older session learns only with its next statement that it may write.
            if state.opened_at > self._condition.ended_at:
                reason = "standby" if state.was_standby else "default_transaction_read_only"
                self._condition.begin(reason=reason)
            return True
        self._has_written = True
        began_at = self._condition.began_at
        # An older session may write even if new ones may not.
        if began_at is not None and state.opened_at > began_at:
            self._condition.end()
        return False

    def _may_lack_changes(self, connection: Any) -> bool:
        """Return whether a session leads to a standby, but led to a primary until just now."""
        began_at = self._condition.began_at
        return (
            self._has_written
            and connection.state.was_standby
            and began_at is not None
            and time.monotonic() - began_at < STANDBY_AFTER_S
        )

    def is_fit(self, connection: Any) -> bool:
        """Return whether a connection is open, and need not be replaced by one that can write."""
        return not connection.is_closed() and not (self._read_only and self.is_stale(connection))

    def is_stale(self, connection: Any) -> bool:
        """Return whether a session cannot write, and another one perhaps can."""
        if not self._read_only or id(connection) not in self._read_only:
            return False
        if not connection.state.is_read_only:
            # The standby was promoted, or the setting of the server was changed.
            self._has_written = True
            self._read_only.discard(id(connection))
            self._condition.end()
            return False
        return bool(connection.state.is_stale)

    def is_fit_after(self, connection: Any, error: BaseException | None) -> bool:
        """Return whether a connection may be used after an error of its statement."""
        state = sqlstate(error)
        if state == UNKNOWN_STATEMENT:
            # Its settings were reset too, and perhaps those of all others.
            self._must_expire = True
            self._on_suspicion()
            return False
        if state != READ_ONLY:
            return True
        # A session that cannot write although it seemed to is not used again.
        return id(connection) in self._read_only and not self.is_stale(connection)

    async def release(self, connection: Any) -> None:
        """Return a connection in an unknown state; asyncpg resets it, or closes it after a time."""
        await self._expire()
        self._read_only.discard(id(connection))
        state = state_of(connection)
        began_at = time.monotonic()
        opened_at = began_at if state is None else state.opened_at
        # A failed reset must not hide the error or the cancellation that led to it. asyncpg
        # closes such a connection.
        with suppress(*DATABASE_ERRORS, TimeoutError):
            await self._return(connection, timeout_s=RELEASE_TIMEOUT_S)
        ended_at = time.monotonic()
        if ended_at - began_at >= RELEASE_TIMEOUT_S and opened_at > self._silent_at:
            # Perhaps the path to the server is interrupted, and connections that are not in use
            # would not respond either. Those that are opened from now on are not suspected.
            self._silent_at = ended_at
            await self._inner.expire_connections()
            self._on_suspicion()

    async def close(self, connection: Any) -> None:
        """Close a connection, unless it is closed, and tell asyncpg that its place is free."""
        await self._expire()
        self._read_only.discard(id(connection))
        with suppress(*DATABASE_ERRORS, TimeoutError):
            await connection.close(timeout=RELEASE_TIMEOUT_S)
        await self._return(connection)

    async def _return(self, connection: Any, *, timeout_s: float | None = None) -> None:
        proxy = connection._proxy  # noqa: SLF001  # see above
        # asyncpg has already taken back a connection that the server closed.
        if proxy is not None:
            await self._inner.release(proxy, timeout=timeout_s)

    async def _expire(self) -> None:
        """Let asyncpg close the connections that are open when they return, if that is due."""
        if self._must_expire:
            self._must_expire = False
            await self._inner.expire_connections()
