"""Tortoise's asyncpg client, configured by a DSN and backed by our pool.

Tortoise's configuration names this module as a connection's ``engine`` and finds
``client_class`` in it. The credentials are ``dsn`` (any that asyncpg or libpq accepts),
``statement_timeout_ms``, Tortoise's ``minsize`` and ``maxsize``, and further keyword
arguments of `asyncpg.create_pool`, except those that name a server or configure it.
"""

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.backends.base.client import PoolConnectionWrapper, TransactionContext

from engine.database.byte_counter import count_bytes, counter_of
from engine.database.errors import convert_connection_errors
from engine.database.pool import (
    ACQUIRE_TIMEOUT_S,
    RESERVED_CONNECTIONS,
    Pool,
    open_pools,
)
from engine.database.poolers import dsn_uses_pooler
from engine.database.transactions import Transaction, TransactionClient

__all__ = ["RESET_STATEMENT", "Client", "client_class"]

# An empty statement, which ends the one before it.
RESET_STATEMENT = "SELECT"
# Prepared statements that a connection keeps. PostgreSQL takes up to 130 bytes for a character of
# a prepared statement, so statements of any shape take at most 52 MB of a connection.
# Only a filter with many conditions is longer; PostgreSQL prepares it again for each execution.
STATEMENT_CACHE_SIZE = 100
MAX_CACHED_STATEMENT_LENGTH = 4_000
# PostgreSQL looks this often whether the client of a running statement is still connected.
_CLIENT_CHECK = "1s"
_FIRST_VERSION_WITH_CLIENT_CHECK = 14


class Client(AsyncpgDBClient):
    """Tortoise's client with a DSN, a bounded wait for connections, and no leaked connections."""

    def __init__(
        self, dsn: str, *, statement_timeout_ms: int | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.dsn = dsn
        self._statement_timeout_ms = statement_timeout_ms

    async def create_pool(self, **options: Any) -> Any:
        """Open the pool. Tortoise calls this at the first use. Raises DatabaseUnavailable."""
        for name in ("host", "port", "user", "password", "database"):
            options.pop(name, None)
        with convert_connection_errors():
            async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
                options["max_size"] += RESERVED_CONNECTIONS
                inner = await self._connect(**options)
                pool = Pool(inner, reserved=RESERVED_CONNECTIONS)
        open_pools.append(pool)
        return pool

    async def _connect(self, **options: Any) -> asyncpg.Pool:
        # PostgreSQL writes timestamps into JSON in the session's time zone. West of UTC,
        # datetime.min would be in the year before 1, which Python cannot parse.
        settings = {"TimeZone": "UTC"}
        if await dsn_uses_pooler(self.dsn):
            # In transaction mode each transaction can have another session, which does not know
            # the statements prepared in the one before.
            options["statement_cache_size"] = 0
            options["init"] = count_bytes
        else:
            options["statement_cache_size"] = STATEMENT_CACHE_SIZE
            options["max_cacheable_statement_size"] = MAX_CACHED_STATEMENT_LENGTH
            options["init"] = _prepare_connection
            # With jit on, PostgreSQL compiles a plan that looks expensive at every run, including
            # the branches that rarely run.
            settings["jit"] = "off"
            if self._statement_timeout_ms is not None:
                # Ends the statements of a process that died and can no longer cancel them.
                settings["statement_timeout"] = str(self._statement_timeout_ms)
        options["server_settings"] = settings
        return await asyncpg.create_pool(self.dsn, reset=_end_statement, **options)

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

    def _in_transaction(self) -> TransactionContext:
        return Transaction(TransactionClient(self), self._pool_init_lock)


client_class = Client


class _PooledConnection(PoolConnectionWrapper[asyncpg.Connection]):
    """Tortoise's context of a connection; reuses the connection at once after a success."""

    async def __aexit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None:
        pool: Any = self.client._pool  # noqa: SLF001  # as in the base class
        if exc_type is None:
            pool.return_clean(self.connection)
        else:
            pool.release_in_background(self.connection)


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    """Count what a new connection receives, and let PostgreSQL check that we still wait for it.

    Without the check, a statement of a killed process runs until its timeout. asyncpg calls this
    once for each connection.
    """
    await count_bytes(connection)
    if connection.get_server_version().major >= _FIRST_VERSION_WITH_CLIENT_CHECK:
        # Not every operating system supports it.
        with suppress(asyncpg.InvalidParameterValueError):
            await connection.execute(f"SET client_connection_check_interval = '{_CLIENT_CHECK}'")


async def _end_statement(connection: asyncpg.Connection) -> None:
    """Prepare a connection for its next user; asyncpg's pool calls this at each release.

    asyncpg sends no Sync after it prepares a statement, only after it executes it. If the
    statement is never executed, its locks and its timeout last into the statements that follow.
    Nothing else needs a reset, because no session state is ever set on a pooled connection:
    LISTEN and session locks use connections of their own.
    """
    await connection.execute(RESET_STATEMENT)
    # Before asyncpg gives the connection to somebody else.
    if (counter := counter_of(connection)) is not None:
        counter.reset()
