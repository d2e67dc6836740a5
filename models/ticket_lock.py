"""The advisory lock of a ticket, which every transaction that changes a ticket acquires first.

Take it before PostgreSQL gives the transaction a number. The numbers of a ticket's events then
follow the order of the commits. The ticket need not exist.

Waiting for a lock holds no connection for long: the requests of a process take turns before
they acquire one, and a lock that another process has is tried again and again.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
from tortoise import BaseDBAsyncClient
from tortoise.exceptions import OperationalError
from tortoise.transactions import in_transaction

from engine.database.errors import sqlstate
from engine.database.transactions import IS_READ_ONLY, read_only_error
from engine.database.turns import Turn, take_turn

__all__ = [
    "TRY_TICKET_LOCK",
    "lock_ticket",
    "locked_transaction",
    "ticket_transaction",
    "ticket_turn",
    "try_lock_tickets",
]

# Separates these advisory locks from locks of other programs on the same database.
_LOCK_SEED = 0x7469636B6574
# The longest wait for a lock in PostgreSQL, which holds a connection; then the connection is free
# for others for a while.
_LOCK_TIMEOUT_MS = 100
_MAX_PAUSE_S = 0.05
_LOCK_NOT_AVAILABLE = "55P03"

# SQL condition that locks the ticket whose id is the first parameter, or is false if another
# transaction has its lock. For a statement that is a transaction of its own.
TRY_TICKET_LOCK = f"pg_try_advisory_xact_lock(hashtextextended($1, {_LOCK_SEED}))"

_LOCK = f"SELECT pg_advisory_xact_lock(hashtextextended($1, {_LOCK_SEED}))"
_TRY_LOCK = f"""
SELECT {TRY_TICKET_LOCK} AS is_locked, {IS_READ_ONLY} AS is_read_only
"""

_TRY_LOCKS = """
SELECT ticket_id
FROM unnest($1::text[]) AS ticket_id
WHERE pg_try_advisory_xact_lock(hashtextextended(ticket_id, $2))
"""


def ticket_turn(ticket_id: str) -> Turn:
    """Wait until no other request of this process changes a ticket, without a connection."""
    return take_turn(f"ticket:{ticket_id}")


@asynccontextmanager
async def ticket_transaction(ticket_id: str) -> AsyncIterator[BaseDBAsyncClient]:
    """Open a transaction that has the lock of a ticket; the first in this process is first."""
    async with ticket_turn(ticket_id), locked_transaction(ticket_id) as connection:
        yield connection


@asynccontextmanager
async def locked_transaction(ticket_id: str) -> AsyncIterator[BaseDBAsyncClient]:
    """Open a transaction that has the lock of a ticket, within the ticket's turn."""
    while True:
        async with in_transaction() as connection:
            if await _lock_in_time(connection, ticket_id):
                yield connection
                return
            await connection.rollback()
        # Waits of random length, so that processes do not try in step.
        await asyncio.sleep(random.uniform(0, _MAX_PAUSE_S))  # noqa: S311  # not for security


async def _lock_in_time(connection: BaseDBAsyncClient, ticket_id: str) -> bool:
    """Lock a ticket, and return whether that succeeded; if not, the transaction has failed."""
    [row] = await connection.execute_query_dict(_TRY_LOCK, [ticket_id])
    if row["is_read_only"]:
        # As in `require_writes`.
        raise read_only_error()
    if row["is_locked"]:
        return True
    await connection.execute_query(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT_MS}")
    try:
        await lock_ticket(connection, ticket_id)
    except (OperationalError, asyncpg.PostgresError) as error:
        if sqlstate(error) == _LOCK_NOT_AVAILABLE:
            return False
        raise
    # Not DEFAULT, which is that of the database or the role.
    await connection.execute_query("SET LOCAL lock_timeout = 0")
    return True


async def lock_ticket(connection: BaseDBAsyncClient, ticket_id: str) -> None:
    """Lock a ticket until the end of the transaction, and wait if another transaction holds it.

    The connection is held meanwhile; requests use `ticket_transaction`.
    """
    await connection.execute_query_dict(_LOCK, [ticket_id])


async def try_lock_tickets(connection: BaseDBAsyncClient, ticket_ids: Sequence[str]) -> set[str]:
    """Lock those tickets that are free, without waiting, and return their ids."""
    rows = await connection.execute_query_dict(_TRY_LOCKS, [ticket_ids, _LOCK_SEED])
    return {row["ticket_id"] for row in rows}
