"""Lock a table for a moment, without holding up the statements of running servers for long."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
from tortoise import BaseDBAsyncClient
from tortoise.exceptions import OperationalError
from tortoise.transactions import in_transaction

# While a statement waits for the lock of a table, all statements after it wait too. So it gives up
# soon, lets them continue, and tries again.
TIMEOUT_S = 1.0
PAUSE_S = 1.0
ATTEMPTS = 20

T = TypeVar("T")


async def with_lock(
    db: BaseDBAsyncClient,
    table: str,
    mode: str,
    work: Callable[[BaseDBAsyncClient], Awaitable[T]],
) -> T:
    """Do the work in a transaction that has locked the table, and return its result.

    Raises OperationalError if other transactions hold conflicting locks at each attempt.
    """
    for attempt in range(1, ATTEMPTS + 1):
        is_locked = False
        try:
            async with in_transaction(db.connection_name) as transaction:
                await transaction.execute_script(
                    f"SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '{TIMEOUT_S}s';"
                    f"LOCK TABLE {table} IN {mode} MODE; SET LOCAL lock_timeout = DEFAULT;"
                )
                is_locked = True
                return await work(transaction)
        except OperationalError as error:
            is_in_use = isinstance(error.__cause__, asyncpg.LockNotAvailableError)
            if is_locked or not is_in_use or attempt == ATTEMPTS:
                raise
        await asyncio.sleep(PAUSE_S)
    raise ValueError(f"ATTEMPTS must be positive, not {ATTEMPTS}.")
