"""Statements that run outside any transaction."""

from collections.abc import Coroutine, Sequence
from typing import Any

import asyncpg
from tortoise import BaseDBAsyncClient
from tortoise.connection import get_connections

from engine.database.byte_counter import Measured
from engine.database.errors import is_outdated
from engine.database.memory_grants import GRANTS, ReadTooLarge, operation_memory
from engine.database.outdated_statements import ATTEMPTS
from engine.database.pool import Pool, open_pools
from engine.database.pool_usage import PoolUsage
from engine.database.replica_read import ReplicaRead, replica_read
from engine.database.session import Session, begin_commit

__all__ = ["IN_ORDER", "default_client", "fetch", "pool_usage", "write"]


# Of two ways to the same rows, the planner takes the one that reads an index in order: without
# visible pages it holds that to be slower than to find more rows and sort them.
IN_ORDER = (
    "SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off"
)


def default_client() -> BaseDBAsyncClient:
    """Return the ORM's client that runs each statement in a transaction of its own."""
    return get_connections().get("default")


def fetch(
    statement: str,
    values: Sequence[Any],
    *,
    is_repeatable: bool = False,
    measured: Measured | None = None,
    in_order: bool = False,
) -> Coroutine[Any, Any, list[asyncpg.Record]]:
    """Run one statement that only reads, outside any transaction, and return its rows.

    It runs on the primary, unless the current operation reads on a replica.

    With ``is_repeatable`` it is stopped and run again if its operation must wait for a memory
    grant. ``measured`` receives the size of the rows. With ``in_order`` PostgreSQL reads indexes in
    the orders of the statement wherever it can. Raises ReadTooLarge and MemoryGrantsExceeded.
    """
    read = replica_read.get()
    if read is not None:
        return _fetch_from_replica(read, statement, values, is_repeatable, measured, in_order)
    if open_pools:
        return _fetch(open_pools[-1], statement, values, is_repeatable, measured, in_order)
    return _fetch_first(statement, values, is_repeatable, measured, in_order)


async def _fetch_first(*arguments: Any) -> list[asyncpg.Record]:
    return await _fetch(await _open_pool(), *arguments)


async def _fetch_from_replica(  # noqa: PLR0917  # as `_fetch`
    read: ReplicaRead,
    statement: str,
    values: Sequence[Any],
    is_repeatable: bool,  # noqa: FBT001  # as `_fetch`
    measured: Measured | None,
    in_order: bool,  # noqa: FBT001  # as `_fetch`
) -> list[asyncpg.Record]:
    try:
        return await _fetch(read.pool, statement, values, is_repeatable, measured, in_order)
    except BaseException as error:
        read.note(error)
        raise


async def _fetch(  # noqa: PLR0917  # positional arguments cost less
    pool: Pool,
    statement: str,
    values: Sequence[Any],
    is_repeatable: bool,  # noqa: FBT001  # positional arguments cost less
    measured: Measured | None,
    in_order: bool,  # noqa: FBT001  # as above
) -> list[asyncpg.Record]:
    memory = operation_memory.get()
    outdated = 0
    while True:
        connection = await pool.acquire()
        if memory is not None and is_repeatable and GRANTS.are_scarce and not memory.may_begin():
            # Wait without a connection: operations with a grant may need it.
            pool.return_clean(connection)
            await memory.wait_for_grant()
            continue
        counter = None if memory is None else connection.byte_counter
        if counter is not None:
            counter.begin(memory, is_repeatable)
        try:
            records: list[asyncpg.Record] = (
                await _fetch_in_order(connection, statement, values)
                if in_order
                else await connection.fetch(statement, *values)
            )
        except BaseException as error:
            pool.release_failed(connection, error)
            if is_outdated(error) and (outdated := outdated + 1) < ATTEMPTS:
                continue
            if counter is None or memory is None or not counter.has_stopped(error):
                raise
            if memory.is_exceeded:
                raise ReadTooLarge from None
        else:
            if counter is not None:
                counter.end(measured)
            pool.return_clean(connection)
            return records
        await memory.wait_for_grant()


async def _fetch_in_order(
    connection: Any, statement: str, values: Sequence[Any]
) -> list[asyncpg.Record]:
    async with connection.transaction(readonly=True):
        await connection.execute(IN_ORDER)
        records: list[asyncpg.Record] = await connection.fetch(statement, *values)
    return records


async def write(
    statement: str, values: Sequence[Any], *, attempts: int = ATTEMPTS
) -> list[asyncpg.Record]:
    """Run one statement that writes, as a transaction of its own, and return its rows.

    A caller that is cancelled leaves, but the statement is never cancelled, because its commit may
    have begun. ``attempts`` limits the repetition of an outdated statement. Raises ReadTooLarge,
    CommitsStalled and CommitNotReplicated.
    """
    pool = open_pools[-1] if open_pools else await _open_pool()
    commits = pool.commits
    commits.check()
    connection = await pool.acquire()
    try:
        commits.begin_change()
    except BaseException:
        pool.return_clean(connection)
        raise
    memory = operation_memory.get()
    counter = None if memory is None else connection.byte_counter
    if counter is not None:
        counter.begin(memory, False)  # noqa: FBT003  # as above
    is_repeated = False
    records: list[asyncpg.Record] = []
    session: Session | None = None
    try:
        session = begin_commit(connection)
        records = await session.fetch(statement, *values)
        session.end_commit()
    except BaseException as error:
        if session is not None:
            session.fail_commit()
        pool.release_failed(connection, error)
        is_repeated = attempts > 1 and is_outdated(error)
        if not is_repeated:
            if counter is None or not counter.has_stopped(error):
                raise
            raise ReadTooLarge from None
    finally:
        commits.end_change()
    if is_repeated:
        return await write(statement, values, attempts=attempts - 1)
    if counter is not None:
        counter.end()
    pool.return_clean(connection)
    return records


def pool_usage() -> PoolUsage:
    """Return the current use of the pool."""
    return open_pools[-1].usage if open_pools else PoolUsage()


async def _open_pool() -> Pool:
    await default_client().acquire_connection().ensure_connection()
    return open_pools[-1]
