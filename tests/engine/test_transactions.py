"""Tests of transactions: they are atomic, and always return their connection."""

import asyncio

import asyncpg
import pytest
from tortoise.transactions import in_transaction

from engine.database.pool import Pool
from engine.database.queries import fetch
from models import Ticket
from tests.engine.pools import all_returned, create_ticket


@pytest.mark.usefixtures("database")
async def test_a_transaction_is_all_or_nothing() -> None:
    async def fail() -> None:
        async with in_transaction() as connection:
            await create_ticket(connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await Ticket.all().count() == 0


async def test_a_transaction_whose_begin_fails_returns_its_connection(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        # As if the database did not respond.
        patched.setattr(asyncpg.transaction.Transaction, "start", never)
        for _ in range(pool.max_size + 1):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01), in_transaction():
                    pytest.fail("the transaction has begun")
    await all_returned(pool)
    assert await Ticket.all().count() == 0


async def test_a_cancelled_transaction_is_rolled_back(pool: Pool) -> None:
    async def hang() -> None:
        async with asyncio.timeout(0.05), in_transaction() as connection:
            await create_ticket(connection)
            await connection.execute_query("SELECT pg_sleep(60)")

    with pytest.raises(TimeoutError):
        await hang()
    for _ in range(pool.max_size):
        [row] = await fetch("SELECT count(*), txid_current_if_assigned() FROM tickets", [])
        assert tuple(row) == (0, None)
