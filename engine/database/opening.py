"""Opening of a pool: the options of its connections, and how they are prepared for reuse."""

from typing import Any

import asyncpg

from engine.database.byte_counter import count_bytes, counter_of
from engine.database.connecting import Connector
from engine.database.errors import ConnectionRefused
from engine.database.outages import Outage
from engine.database.pool import RESERVED_CONNECTIONS, Pool
from engine.database.session import Session, state_of

__all__ = ["RESET_STATEMENT", "ReplicaPool", "open_pool", "open_replica_pool"]

# Ends the statement before it, and counts the prepared statements of the session.
RESET_STATEMENT = "SELECT FROM pg_prepared_statements"
# Prepared statements that a connection keeps. PostgreSQL takes up to 130 bytes for a character of
# a prepared statement, so statements of any shape take at most 52 MB of a connection.
# Only a filter with many conditions is longer; PostgreSQL prepares it again for each execution.
STATEMENT_CACHE_SIZE = 100
MAX_CACHED_STATEMENT_LENGTH = 4_000
# Prepared statements that a connection may have in addition to those of its cache. asyncpg does not
# know one whose caller was cancelled after PostgreSQL had prepared it, and never closes it.
MAX_LOST_STATEMENTS = 20
# A connection that no request needs is closed after this time, so that other processes find one
# where the server grants few.
MAX_INACTIVE_S = 30.0


class ReplicaPool(Pool):
    """The connections of this process to one replica."""

    def __init__(self, inner: asyncpg.Pool) -> None:
        super().__init__(inner)
        self._checkout.needs_writes = False
        # An outage of its own, which is not reported: requests then read on the primary.
        self._outage = Outage()

    def abandon(self, error: ConnectionRefused) -> None:
        """Close all connections at once; statements that run or wait for one fail."""
        self._is_closing = True
        self._idle.clear()
        self._waiters.fail(error)
        self.terminate()


async def open_pool(
    connector: Connector, *, has_pooler: bool, max_size: int, **options: Any
) -> Pool:
    """Open the pool of a primary; raises what asyncpg raises.

    ``options`` are those of `asyncpg.create_pool`.
    """
    # The pool may keep as many more connections for abandoned commits.
    commits = max_size + RESERVED_CONNECTIONS
    inner = await _open_inner(
        connector,
        has_pooler=has_pooler,
        max_size=max_size + RESERVED_CONNECTIONS + commits,
        **options,
    )
    return Pool(inner, reserved=RESERVED_CONNECTIONS, commits=commits)


async def open_replica_pool(connector: Connector, *, max_size: int) -> ReplicaPool:
    """Open the pool of a replica, whose sessions only read."""
    inner = await _open_inner(
        connector, has_pooler=False, min_size=0, max_size=max_size, connection_class=Session
    )
    return ReplicaPool(inner)


async def _open_inner(connector: Connector, *, has_pooler: bool, **options: Any) -> asyncpg.Pool:
    if has_pooler:
        # In transaction mode each transaction can have another session, which does not know
        # the statements prepared in the one before.
        options["statement_cache_size"] = 0
    else:
        options["statement_cache_size"] = STATEMENT_CACHE_SIZE
        options["max_cacheable_statement_size"] = MAX_CACHED_STATEMENT_LENGTH
    options |= {
        "connect": connector.connect,
        "init": count_bytes,
        "reset": _end_statement,
        "max_inactive_connection_lifetime": MAX_INACTIVE_S,
    }
    pool: asyncpg.Pool = await asyncpg.create_pool(**options)
    return pool


class _TooManyLostStatements(asyncpg.InterfaceError):
    """A connection has prepared statements that nothing closes while it is open."""


async def _end_statement(connection: asyncpg.Connection) -> None:
    """Prepare a connection for its next user; asyncpg's pool calls this at each release.

    asyncpg sends no Sync after it prepares a statement, only after it executes it. If the
    statement is never executed, its locks and its timeout last into the statements that follow.
    Nothing else needs a reset, because no session state is ever set on a pooled connection:
    LISTEN and session locks use connections of their own.

    Raises _TooManyLostStatements, after which asyncpg closes the connection.
    """
    status = await connection.execute(RESET_STATEMENT)
    # Before asyncpg gives the connection to another caller.
    if (counter := counter_of(connection)) is not None:
        counter.reset()
    state = state_of(connection)
    # Behind a pooler no statement is prepared; there can be those of other clients.
    if state is not None and not state.has_pooler:
        lost = int(status.removeprefix("SELECT ")) - STATEMENT_CACHE_SIZE
        if lost > MAX_LOST_STATEMENTS:
            raise _TooManyLostStatements(f"{lost} prepared statements were lost")
