"""The database connection: Tortoise's asyncpg client, mended, and named by a DSN.

Tortoise's config names this module as a connection's ``engine`` and finds
``client_class`` in it. The credentials are ``dsn`` (any that asyncpg and libpq
take), ``statement_timeout_ms``, Tortoise's ``minsize`` and ``maxsize``, and further
keyword arguments of `asyncpg.create_pool`, but for those that name a server or set it up.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    BaseDBAsyncClient,
    PoolConnectionWrapper,
    TransactionalDBClient,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.connection import get_connections

from engine.database.errors import connecting
from engine.database.pool import ACQUIRE_TIMEOUT_S, Pool

__all__ = [
    "COMMITS",
    "END",
    "Client",
    "client_class",
    "committed",
    "connections",
    "default_client",
    "fetch",
    "is_of_pooler",
    "is_pooled",
    "on_commit",
    "tell_at_commit",
]

# The topic of each commit.
COMMITS = "commits"
# A statement that does nothing, and ends the one before.
END = "SELECT"


class Client(AsyncpgDBClient):
    """Tortoise's client with a DSN, bounded waiting, and no connection leaked by a transaction."""

    def __init__(
        self, dsn: str, *, statement_timeout_ms: int | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.dsn = dsn
        self._statement_timeout_ms = statement_timeout_ms

    async def create_pool(self, **options: Any) -> Any:
        """Open the pool; called by Tortoise at the first use. Raises DatabaseUnavailable."""
        for name in ("host", "port", "user", "password", "database"):
            options.pop(name, None)
        with connecting():
            async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
                pool = Pool(await self._connected(**options))
        _pools.append(pool)
        return pool

    async def _connected(self, **options: Any) -> asyncpg.Pool:
        # Else a moment in JSON is in the zone of the server: of the first one's year no more.
        settings = {"TimeZone": "UTC"}
        if await is_pooled(self.dsn):
            # A pooler that gives each transaction another session knows none of the
            # statements that were prepared in the one before.
            options["statement_cache_size"] = 0
        else:
            # Else a plan that seems dear is compiled at each run, also the parts of it that
            # are seldom run.
            settings["jit"] = "off"
            if self._statement_timeout_ms is not None:
                # For the statements of a process that is gone, and can cancel them no more.
                settings["statement_timeout"] = str(self._statement_timeout_ms)
        options["server_settings"] = settings
        return await asyncpg.create_pool(self.dsn, reset=_end_statement, **options)

    async def _close(self) -> None:
        pool: Any = self._pool
        try:
            await super()._close()
        finally:
            # Not before: until then who asks is told by the pool that it is closing.
            if pool in _pools:
                _pools.remove(pool)

    def acquire_connection(self) -> Any:
        """Return what lends a connection for one statement."""
        return _Loan(self, self._pool_init_lock)

    def _in_transaction(self) -> TransactionContext:
        return _Transaction(_Transactional(self), self._pool_init_lock)


client_class = Client

# The open pools of this process; Tortoise's own way to the newest is a slow one.
_pools: list[Pool] = []


class _Transactional(TransactionWrapper):
    """Tortoise's own, with the topics that its commit is to be told under."""

    def __init__(self, connection: AsyncpgDBClient) -> None:
        super().__init__(connection)
        self.topics = [COMMITS]


class _Loan(PoolConnectionWrapper[asyncpg.Connection]):
    """Tortoise's own, but a connection whose statement was well is handed on."""

    async def __aexit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None:
        pool: Any = self.client._pool  # noqa: SLF001  # as in the base class
        if exc_type is None:
            pool.return_clean(self.connection)
        else:
            pool.release_in_background(self.connection)


class _Transaction(TransactionContextPooled):
    """Tortoise's own, but none of its failures keeps a connection, and a COMMIT is told."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        client: Any = self.client
        client._connection = await self._pool.acquire()  # noqa: SLF001  # as in the base class
        self.token = get_connections().set(self.connection_name, client)
        try:
            await client.begin()
        except BaseException:
            self._end(is_well=False)
            raise
        return self.client

    async def __aexit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None:
        client: Any = self.client
        if exc_type is asyncio.CancelledError:
            # It is rolled back where it is released: so asyncpg is to take it for its own.
            client.transaction._managed = True  # noqa: SLF001
            self._end(is_well=False)
            return
        try:
            if not client._finalized:  # noqa: SLF001
                await (client.commit() if exc_type is None else client.rollback())
        except BaseException:
            self._end(is_well=False)
            raise
        self._end(is_well=True)
        if exc_type is None:
            committed(client.topics)

    @property
    def _pool(self) -> Pool:
        client: Any = self.client
        pool: Pool = client._parent._pool  # noqa: SLF001  # as in the base class
        return pool

    def _end(self, *, is_well: bool) -> None:
        get_connections().reset(self.token)
        connection = self.client._connection  # noqa: SLF001  # as in the base class
        if is_well:
            self._pool.return_clean(connection)
        else:
            self._pool.release_in_background(connection)


async def is_pooled(dsn: str) -> bool:
    """Tell whether a DSN leads to a pooler."""
    connection = await asyncpg.connect(dsn, statement_cache_size=0)
    try:
        return await is_of_pooler(connection)
    finally:
        await connection.close()


async def is_of_pooler(connection: asyncpg.Connection) -> bool:
    """Tell whether a pooler is at the other end, which names a process that is not the backend."""
    process: int = await connection.fetchval("SELECT pg_backend_pid()")
    return process != connection.get_server_pid()


_commit_callbacks: list[Callable[[Sequence[str]], None]] = []


def on_commit(callback: Callable[[Sequence[str]], None]) -> Callable[[], None]:
    """Have a function called with the topics of each commit in this process.

    Returns what ends that.
    """
    _commit_callbacks.append(callback)
    return lambda: _commit_callbacks.remove(callback)


def committed(topics: Sequence[str] = (COMMITS,)) -> None:
    """Tell that something was committed; called by who writes with a statement of its own.

    The transactions of the ORM tell it by themselves.
    """
    for callback in _commit_callbacks:
        callback(topics)


def tell_at_commit(connection: BaseDBAsyncClient, topic: str) -> None:
    """Have the commit of a transaction told under this topic too."""
    if not isinstance(connection, _Transactional):
        raise TypeError("there is a commit only of a transaction, and of the outermost")
    connection.topics.append(topic)


def default_client() -> BaseDBAsyncClient:
    """Return the connection that runs each statement in a transaction of its own."""
    return get_connections().get("default")


async def fetch(statement: str, values: Sequence[Any]) -> list[asyncpg.Record]:
    """Run one statement outside any transaction and return its rows."""
    pool = _pools[-1] if _pools else await _open_pool()
    connection = await pool.acquire()
    try:
        records: list[asyncpg.Record] = await connection.fetch(statement, *values)
    except BaseException:
        pool.release_in_background(connection)
        raise
    pool.return_clean(connection)
    return records


def connections() -> tuple[int, int]:
    """Return how many connections of the pool can be had at once, and how many it may open."""
    pool = _pools[-1] if _pools else None
    return (pool.free, pool.max_size) if pool else (0, 0)


async def _open_pool() -> Pool:
    await default_client().acquire_connection().ensure_connection()
    return _pools[-1]


async def _end_statement(connection: asyncpg.Connection) -> None:
    """Make a connection fit for its next user.

    asyncpg prepares a statement without ending it (no Sync) until it is executed. Where
    that never happens, its locks are held, and its time runs on, into the statements
    that come after. Nothing else is there to mend: no session state is ever set on a
    connection of the pool (who listens, or locks for a session, has one of his own).
    """
    await connection.execute(END)
