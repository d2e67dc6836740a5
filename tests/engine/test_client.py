"""Tests of the database client: the settings of connections, and cancelled statements."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
import pytest
from tortoise.transactions import in_transaction

from engine.database.client import Client
from engine.database.pool import Pool, open_pools
from engine.database.queries import default_client, fetch
from tests.engine.pools import all_idle, all_returned, own_postgres
from tests.feed.readers import connected
from tests.postgres_crash import frozen


@pytest.mark.usefixtures("pool")
async def test_postgresql_ends_a_statement_soon_after_the_request_timeout() -> None:
    """This also works after a crash of this process."""
    [[limit]] = await fetch("SHOW statement_timeout", [])
    assert limit == "11s"


@pytest.mark.usefixtures("pool")
async def test_jit_compilation_is_off() -> None:
    [[setting]] = await fetch("SHOW jit", [])
    assert setting == "off"


async def test_a_cancelled_statement_returns_its_connection(pool: Pool) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await fetch("SELECT pg_sleep(60)", [])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), in_transaction() as connection:
                await connection.execute_query("SELECT pg_sleep(60)")
    await all_returned(pool)


async def _run_in_transaction(statement: str) -> None:
    async with in_transaction() as connection:
        await connection.execute_query(statement)


@pytest.mark.parametrize(
    "run",
    [
        lambda statement: fetch(statement, []),
        lambda statement: default_client().execute_query(statement),
        _run_in_transaction,
    ],
    ids=["engine", "orm", "transaction"],
)
async def test_a_cancelled_statement_leaves_its_connection_idle(
    pool: Pool, run: Callable[[str], Awaitable[object]]
) -> None:
    """A statement that is prepared and never executed would keep its locks and its timeout."""
    for steps in range(0, 60, 2):
        running = asyncio.ensure_future(run(f"SELECT {steps}, * FROM tickets"))
        for _ in range(steps):
            await asyncio.sleep(0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await all_idle(pool)


async def test_a_statement_with_invalid_values_leaves_its_connection_idle(
    pool: Pool,
) -> None:
    with pytest.raises(asyncpg.DataError):
        await fetch("SELECT $1::int4", [2**40])
    await all_idle(pool)


async def _run_in_transaction_of(client: Client, statement: str) -> None:
    async with client._in_transaction() as connection:
        await connection.execute_query(statement)


@pytest.mark.parametrize(
    "run",
    [
        lambda _, statement: fetch(statement, []),
        lambda client, statement: client.execute_query(statement),
        _run_in_transaction_of,
    ],
    ids=["engine", "orm", "transaction"],
)
@pytest.mark.usefixtures("database", "no_open_pool")
async def test_a_cancelled_caller_does_not_wait_for_an_unresponsive_database(
    run: Callable[[Client, str], Awaitable[object]],
) -> None:
    """The caller is cancelled before PostgreSQL confirms the end of the statement."""
    with own_postgres() as postgres:
        client = Client(postgres.url, connection_name="frozen")
        await client.execute_query("SELECT 1")
        [pool] = open_pools
        running = asyncio.ensure_future(run(client, "SELECT pg_sleep(60)"))
        async with asyncio.timeout(60), connected(postgres.url) as observer:
            while not await observer.fetch(  # noqa: ASYNC110  # only visible from outside
                "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            ):
                await asyncio.sleep(0.01)
        with frozen(postgres):
            running.cancel()
            await asyncio.wait([running], timeout=20)
            assert running.cancelled()
            assert pool.available < pool.max_size
        await all_returned(pool)
        await client.execute_query("SELECT 1")
        await client.close()
