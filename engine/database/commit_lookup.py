"""Look-up of abandoned commits, to find those whose response never comes.

A proxy or a pooler can keep a connection open although the server behind it has vanished. No
setting of TCP notices that, because the proxy acknowledges everything. So the sessions of
PostgreSQL are looked up, over another connection: if none can be that of the commit, its connection
is closed.

A commit that still runs although its connection was closed is not cancelled, so a wrong answer does
not lose a change. It would only let more commits wait than are counted.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

import asyncpg

from engine.database.errors import DATABASE_ERRORS, DatabaseUnavailable
from engine.database.session import state_of
from engine.database.shares import reserved
from engine.database.time_limit import background_time_limit

__all__ = [
    "BUSY_SESSIONS",
    "LOOK_UP_AFTER_S",
    "CommitLookup",
    "LookupPool",
    "close_abandoned",
    "may_run",
]

# A commit is looked up when it has waited for this long, and then again and again.
LOOK_UP_AFTER_S = 10.0
INTERVAL_S = 5.0
# The response of a commit that has ended can be on its way for this long.
RESPONSE_S = 1.0

# The sessions of this role and database that do not wait for their clients, including this one. The
# age is that of their statements, in seconds.
BUSY_SESSIONS = """
SELECT
    pid,
    extract(epoch FROM clock_timestamp() - query_start)::float8 AS age_s,
    pid = pg_backend_pid() AS is_own,
    pg_is_in_recovery() AS is_standby
FROM pg_stat_activity
WHERE
    datname = current_database()
    AND usename = session_user
    AND wait_event IS DISTINCT FROM 'ClientRead'
"""

_logger = logging.getLogger(__name__)


class LookupPool(Protocol):
    """The part of a pool that the look-up needs."""

    async def acquire(self) -> Any:
        """Return a connection; raises DatabaseUnavailable."""

    def return_clean(self, connection: Any) -> None:
        """Return a connection after a success."""

    def release_failed(self, connection: Any, error: BaseException | None) -> None:
        """Return a connection after an error."""


class CommitLookup:
    """Closes the connections whose abandoned commits PostgreSQL does not run any longer."""

    def __init__(self, pool: LookupPool) -> None:
        self._pool = pool
        # When the wait for each connection began.
        self._began_at: dict[Any, float] = {}
        self._task: asyncio.Task[None] | None = None

    async def wait(self, connection: Any, ended: asyncio.Future[None]) -> None:
        """Wait until an abandoned commit has ended, or its connection was closed."""
        self._began_at[connection] = time.monotonic()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep_looking())
        try:
            await asyncio.wait([ended])
        finally:
            del self._began_at[connection]
            if not self._began_at:
                self._task.cancel()
                self._task = None

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            if not self._waited_s():
                continue
            try:
                sessions = await self._busy_sessions()
            except (DatabaseUnavailable, *DATABASE_ERRORS):
                # Unknown; those that need the database for more report it.
                continue
            except Exception:
                _logger.exception("look-up of commits failed")
                continue
            missing = [
                connection
                for connection, waited_s in self._waited_s().items()
                if sessions is not None and not may_run(connection, sessions, waited_s=waited_s)
            ]
            if missing:
                await asyncio.sleep(RESPONSE_S)
                self._close(missing)

    def _waited_s(self) -> dict[Any, float]:
        """Return how long each connection has waited that must be looked up."""
        now = time.monotonic()
        waited_s = {connection: now - began_at for connection, began_at in self._began_at.items()}
        return {
            connection: wait_s
            for connection, wait_s in waited_s.items()
            if wait_s >= LOOK_UP_AFTER_S
        }

    def _close(self, connections: Sequence[Any]) -> None:
        """Close those connections whose response has not come meanwhile."""
        waited_s = self._waited_s()
        for connection in connections:
            if connection in waited_s:
                fields = {
                    "backend_pid": connection.get_server_pid(),
                    "waited_s": round(waited_s[connection], 3),
                }
                _logger.warning("commit lost its session", extra={"fields": fields})
                close_abandoned(connection)

    async def _busy_sessions(self) -> Sequence[Any] | None:
        """Return the other sessions that may run a commit; None if only a standby answered.

        A standby does not commit; perhaps the primary still runs them.
        """
        with reserved():
            async with background_time_limit():
                connection = await self._pool.acquire()
                try:
                    rows: list[Any] = await connection.fetch(BUSY_SESSIONS)
                except BaseException as error:
                    self._pool.release_failed(connection, error)
                    raise
        self._pool.return_clean(connection)
        if any(row["is_standby"] for row in rows):
            return None
        return [row for row in rows if not row["is_own"]]


def may_run(connection: Any, sessions: Sequence[Any], *, waited_s: float) -> bool:
    """Return whether one of the busy sessions may run the commit of a connection.

    Its statement is as old as the wait, or almost, if it reached PostgreSQL late. The session
    of a commit on another server is not among them; one that has the same process id is younger.
    """
    state = state_of(connection)
    # A pooler reports process ids of its own.
    pid = None if state is None or state.has_pooler else connection.get_server_pid()
    return any(
        pid in {None, session["pid"]}
        # Unknown without track_activities.
        and (session["age_s"] is None or session["age_s"] >= waited_s / 2)
        for session in sessions
    )


def close_abandoned(connection: Any) -> None:
    """Close a connection without a cancellation: PostgreSQL completes its commit."""
    # It may just have been closed by the server.
    with suppress(asyncpg.InterfaceError):
        connection.terminate()
