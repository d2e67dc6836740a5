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

from engine.database.checkout import ACQUIRE_TIMEOUT_S
from engine.database.connecting import Connector
from engine.database.errors import ConnectionRefused, convert_connection_errors
from engine.database.growth import REFUSED_PAUSE_S, may_be_granted_soon
from engine.database.opening import open_pool
from engine.database.outdated_statements import repeats_outdated_statements
from engine.database.pool import open_pools
from engine.database.poolers import dsn_uses_pooler
from engine.database.session import Session
from engine.database.transactions import Transaction, TransactionClient

__all__ = ["Client", "client_class"]


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
        with convert_connection_errors():
            async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
                has_pooler = await self._detect_pooler()
                connector = Connector(
                    self.dsn,
                    has_pooler=has_pooler,
                    statement_timeout_ms=self._statement_timeout_ms,
                    timeout_s=ACQUIRE_TIMEOUT_S,
                )
                pool = await open_pool(connector, has_pooler=has_pooler, **options)
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
