"""Tests of transactions: they are atomic, and always return their connection."""

import asyncio
from typing import Any

import asyncpg
import pytest
from tortoise.transactions import in_transaction

from engine.database.errors import is_unavailable
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


@pytest.mark.usefixtures("database")
async def test_a_connection_that_is_lost_before_the_commit_is_an_outage(pool: Pool) -> None:
    async def lose() -> None:
        async with in_transaction() as connection:
            [row] = await connection.execute_query_dict("SELECT pg_backend_pid() AS pid")
            await fetch("SELECT pg_terminate_backend($1)", [row["pid"]])
            session: Any = connection
            async with asyncio.timeout(20):
                # Until asyncpg has noticed it.
                while not session._connection.is_closed():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    with pytest.raises(asyncpg.InterfaceError) as lost:
        await lose()
    assert is_unavailable(lost.value)
    await all_returned(pool)
