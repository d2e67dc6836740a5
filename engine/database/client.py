"""Tortoise's asyncpg client, configured by a DSN and backed by our pool.

Tortoise's configuration names this module as a connection's ``engine`` and finds
``client_class`` in it. The credentials are ``dsn`` (any that asyncpg or libpq accepts),
``statement_timeout_ms``, Tortoise's ``minsize`` and ``maxsize``, and further keyword
arguments of `asyncpg.create_pool`, except those that name a server or configure it.
"""

import asyncio
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.backends.base.client import PoolConnectionWrapper, TransactionContext

from engine.database.byte_counter import count_bytes, counter_of
from engine.database.checkout import ACQUIRE_TIMEOUT_S
from engine.database.connecting import Connector
from engine.database.errors import ConnectionRefused, convert_connection_errors
from engine.database.growth import REFUSED_PAUSE_S, may_be_granted_soon
from engine.database.outdated_statements import repeats_outdated_statements
from engine.database.pool import RESERVED_CONNECTIONS, Pool, open_pools
from engine.database.poolers import dsn_uses_pooler
from engine.database.session import Session, state_of
from engine.database.transactions import Transaction, TransactionClient

__all__ = ["RESET_STATEMENT", "Client", "client_class"]

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


class Client(AsyncpgDBClient):
    """Tortoise's client with a DSN, a bounded wait for connections, and no leaked connections."""

    connection_class: Any = Session

    def __init__(
        self, dsn: str, *, statement_timeout_ms: int | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.dsn = dsn
        self._statement_timeout_ms = statement_timeout_ms

    async def create_pool(self, **options: Any) -> Any:
        """Open the pool. Tortoise calls this at the first use. Raises DatabaseUnavailable."""
        for name in ("host", "port", "user", "password", "database", "server_settings"):
            options.pop(name, None)
        # The pool may keep as many more connections for abandoned commits.
        commits = options["max_size"] + RESERVED_CONNECTIONS
        options["max_size"] += RESERVED_CONNECTIONS + commits
        with convert_connection_errors():
            async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
                inner = await self._connect(has_pooler=await self._detect_pooler(), **options)
        pool = Pool(inner, reserved=RESERVED_CONNECTIONS, commits=commits)
        open_pools.append(pool)
        return pool

    async def _detect_pooler(self) -> bool:
        while True:
            try:
                with convert_connection_errors():
                    return await dsn_uses_pooler(self.dsn, timeout_s=ACQUIRE_TIMEOUT_S)
            except ConnectionRefused as error:
                if not may_be_granted_soon(error):
                    raise
            await asyncio.sleep(REFUSED_PAUSE_S)

    async def _connect(self, *, has_pooler: bool, **options: Any) -> asyncpg.Pool:
        connector = Connector(
            self.dsn,
            has_pooler=has_pooler,
            statement_timeout_ms=self._statement_timeout_ms,
            timeout_s=ACQUIRE_TIMEOUT_S,
        )
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

    async def _close(self) -> None:
        pool: Any = self._pool
        try:
            await super()._close()
        finally:
            # Only after closing: a pool that is closing still rejects callers itself.
            if pool in open_pools:
                open_pools.remove(pool)

    def acquire_connection(self) -> Any:
        """Return a context that acquires a connection for one statement."""
        return _PooledConnection(self, self._pool_init_lock)

    @repeats_outdated_statements
    async def _translate_exceptions(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the client, each of which is a transaction of its own."""
        return await super()._translate_exceptions(func, *args, **kwargs)

    def _in_transaction(self) -> TransactionContext:
        return Transaction(TransactionClient(self), self._pool_init_lock)


client_class = Client


class _TooManyLostStatements(asyncpg.InterfaceError):
    """A connection has prepared statements that nothing closes while it is open."""


class _PooledConnection(PoolConnectionWrapper[asyncpg.Connection]):
    """Tortoise's context of a connection; reuses the connection at once after a success."""

    async def __aexit__(
        self, exc_type: object, exc_val: BaseException | None, exc_tb: object
    ) -> None:
        pool: Any = self.client._pool  # noqa: SLF001  # as in the base class
        if exc_type is None:
            pool.return_clean(self.connection)
        else:
            pool.release_failed(self.connection, exc_val)


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
