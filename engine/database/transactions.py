"""Transactions of the ORM that always return their connection and report their commit."""

import asyncio
from typing import Any, cast

import asyncpg
from tortoise import BaseDBAsyncClient
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    TransactionalDBClient,
    TransactionContextPooled,
)
from tortoise.connection import get_connections

from engine.database.commits import COMMITS, notify_commit
from engine.database.errors import READ_ONLY, UNKNOWN_STATEMENT, sqlstate
from engine.database.pool import Pool
from engine.database.session import Session

__all__ = [
    "IS_READ_ONLY",
    "Transaction",
    "TransactionClient",
    "add_commit_topic",
    "read_only_error",
    "require_writes",
]

# SQL condition: whether the transaction cannot write, as on a standby.
IS_READ_ONLY = "current_setting('transaction_read_only') = 'on'"


class TransactionClient(TransactionWrapper):
    """Client of one transaction, with the topics to notify when it commits."""

    def __init__(self, connection: AsyncpgDBClient) -> None:
        super().__init__(connection)
        self.topics = [COMMITS]

    async def begin(self) -> None:
        """Begin the transaction; behind a pooler, the session can have another isolation level."""
        self.transaction = self._connection.transaction(isolation="read_committed")
        await self.transaction.start()

    async def commit(self) -> None:
        """Commit; a caller that is cancelled meanwhile leaves, but the COMMIT is not cancelled.

        Raises CommitNotReplicated.
        """
        session = cast("Session", self._connection)
        session.begin_commit()
        try:
            await super().commit()
        except BaseException:
            session.fail_commit()
            raise
        session.end_commit()


class Transaction(TransactionContextPooled):
    """Context of a transaction: returns its connection after any failure, and notifies a commit.

    Tortoise's own context never returns a connection whose BEGIN fails or is cancelled.
    """

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        client: Any = self.client
        commits = self._pool.commits
        commits.check()
        client._connection = await self._pool.acquire()  # noqa: SLF001  # as in the base class
        try:
            commits.begin_change()
        except BaseException:
            self._pool.return_clean(client._connection)  # noqa: SLF001  # as in the base class
            raise
        self.token = get_connections().set(self.connection_name, client)
        try:
            await client.begin()
        except BaseException as error:
            self._fail(error)
            raise
        return self.client

    async def __aexit__(
        self, exc_type: object, exc_val: BaseException | None, exc_tb: object
    ) -> None:
        client: Any = self.client
        if exc_type is asyncio.CancelledError:
            # asyncpg rolls back when the connection is released, but only a transaction that it
            # manages itself.
            client.transaction._managed = True  # noqa: SLF001
            self._fail(exc_val)
            return
        try:
            if not client._finalized:  # noqa: SLF001
                await (client.commit() if exc_type is None else client.rollback())
        except BaseException as error:
            self._fail(error)
            raise
        if sqlstate(exc_val) in {READ_ONLY, UNKNOWN_STATEMENT}:
            self._fail(exc_val)
            return
        self._end()
        if exc_type is None:
            notify_commit(client.topics)

    @property
    def _pool(self) -> Pool:
        client: Any = self.client
        pool: Pool = client._parent._pool  # noqa: SLF001  # as in the base class
        return pool

    def _end(self) -> None:
        self._pool.commits.end_change()
        get_connections().reset(self.token)
        self._pool.return_clean(self.client._connection)  # noqa: SLF001  # as in the base class

    def _fail(self, error: BaseException | None) -> None:
        self._pool.commits.end_change()
        get_connections().reset(self.token)
        self._pool.release_failed(self.client._connection, error)  # noqa: SLF001  # as above


def add_commit_topic(connection: BaseDBAsyncClient, topic: str) -> None:
    """Notify this topic too when a transaction commits."""
    if not isinstance(connection, TransactionClient):
        raise TypeError("A commit topic needs the connection of an outermost transaction.")
    connection.topics.append(topic)


async def require_writes(connection: BaseDBAsyncClient) -> None:
    """Raise ReadOnlySQLTransactionError if a transaction cannot write.

    A standby may not have replayed everything. So before a change reports that a row does not
    exist, it must know that it did not look for it on a standby.
    """
    [row] = await connection.execute_query_dict(f"SELECT {IS_READ_ONLY} AS is_read_only")
    if row["is_read_only"]:
        raise read_only_error()


def read_only_error() -> asyncpg.ReadOnlySQLTransactionError:
    """Return the error that PostgreSQL reports for a change on a standby."""
    return asyncpg.ReadOnlySQLTransactionError("cannot make changes in a read-only transaction")
