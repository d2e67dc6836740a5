"""Abandoned commits: their callers have stopped waiting, and PostgreSQL has not confirmed them yet.

A COMMIT, or a statement that writes and is a transaction of its own, is never cancelled: while it
waits for a synchronous standby, PostgreSQL would answer the cancellation by committing locally. A
failover could then lose a change that everyone can see, and that a repetition reports as done. So a
caller that gives up leaves its connection behind, until PostgreSQL confirms the commit, or does not
run it any longer (`commit_lookup`).

Such connections do not count as connections of the pool, so that reads continue. If their commits
wait for long, only few further changes are admitted, because they would wait too.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from engine.database.commit_lookup import CommitLookup, LookupPool, close_abandoned
from engine.database.errors import Overloaded
from engine.database.outages import Condition

__all__ = ["STALLED_AFTER_S", "CommitWaits", "CommitsStalled"]

# A commit that takes longer waits for a standby, or for storage that does not respond.
STALLED_AFTER_S = 1.0


class CommitsStalled(Overloaded):
    """Too many changes wait for the confirmation of their commits; the message is for clients."""


class CommitWaits:
    """The abandoned commits of one pool, and the admission of further changes."""

    def __init__(self, pool: LookupPool, *, pool_size: int, capacity: int) -> None:
        """Keep at most ``capacity`` connections in addition to the pool."""
        self._lookup = CommitLookup(pool)
        self.capacity = capacity
        # Of changes and abandoned commits together, while commits are stalled.
        self._limit = max(1, pool_size // 2)
        self._pool_size = pool_size
        # The number of changes that have a connection.
        self._changes = 0
        self._abandoned: set[Any] = set()
        self._stalled = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_terminated = False
        self._condition = Condition("commits not confirmed", "commits confirmed again")
        # The number of commits that were ever abandoned.
        self.total = 0

    def __len__(self) -> int:
        return len(self._abandoned)

    @property
    def is_full(self) -> bool:
        """Whether no further connection can be kept in addition to the pool."""
        return len(self._abandoned) >= self.capacity

    def check(self) -> None:
        """Raise CommitsStalled if no further change is admitted at present."""
        if self._stalled and len(self._abandoned) + self._changes >= self._limit:
            raise CommitsStalled(
                f"{len(self._abandoned)} changes still wait until the database confirms their"
                f" commits, so no other is accepted: at most {self._limit} may wait, half of"
                f" DATABASE_POOL_SIZE ({self._pool_size}). A synchronous standby may be down."
                " Try again later, with the same idempotency key."
            )

    def begin_change(self) -> None:
        """Count a change that has its connection; raises CommitsStalled."""
        self.check()
        self._changes += 1

    def end_change(self) -> None:
        """Stop counting a change, which ended or was abandoned."""
        self._changes -= 1

    def keep(
        self,
        connection: Any,
        ended: asyncio.Future[None],
        *,
        release: Callable[[Any], Coroutine[Any, Any, None]],
    ) -> None:
        """Keep a connection until its statement has ended; then call ``release``."""
        self.total += 1
        self._abandoned.add(connection)
        task = asyncio.get_running_loop().create_task(self._wait(connection, ended, release))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._is_terminated:
            close_abandoned(connection)

    def terminate(self) -> None:
        """Close the connections without a cancellation: PostgreSQL completes the commits.

        Those that are abandoned later are closed at once.
        """
        self._is_terminated = True
        for connection in list(self._abandoned):
            close_abandoned(connection)

    async def _wait(
        self,
        connection: Any,
        ended: asyncio.Future[None],
        release: Callable[[Any], Coroutine[Any, Any, None]],
    ) -> None:
        try:
            done, _ = await asyncio.wait([ended], timeout=STALLED_AFTER_S)
            if not done:
                await self._wait_stalled(connection, ended)
        finally:
            self._abandoned.discard(connection)
        await release(connection)

    async def _wait_stalled(self, connection: Any, ended: asyncio.Future[None]) -> None:
        self._stalled += 1
        self._condition.begin(
            backend_pid=connection.get_server_pid(),
            advice="Check synchronous_standby_names and pg_stat_replication.",
        )
        try:
            await self._lookup.wait(connection, ended)
        finally:
            self._stalled -= 1
            if not self._stalled:
                self._condition.end()
