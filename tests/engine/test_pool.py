"""Tests of the pool: the wait for connections is bounded, and no connection is ever lost."""

import asyncio
from contextlib import suppress

import asyncpg
import pytest
from tortoise.transactions import in_transaction

from engine.database.client import Client
from engine.database.errors import (
    DatabaseUnavailable,
    is_unavailable,
)
from engine.database.pool import Pool, open_pools
from engine.database.queries import default_client, fetch
from engine.database.timeouts import Timeouts
from models import Ticket
from tests.engine.pools import all_returned, only_pools


async def test_a_caller_that_waits_too_long_gets_database_unavailable(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = [await pool.acquire() for _ in range(pool.max_size)]
    monkeypatch.setattr(pool, "_timeouts", Timeouts(0.01))
    try:
        with pytest.raises(DatabaseUnavailable) as fault:
            await fetch("SELECT 1", [])
        assert is_unavailable(fault.value)
        with pytest.raises(DatabaseUnavailable):
            await Ticket.all().count()
        with pytest.raises(DatabaseUnavailable):
            async with in_transaction():
                pytest.fail("the transaction has begun")
    finally:
        for connection in taken:
            pool.return_clean(connection)
    assert await Ticket.all().count() == 0


async def test_a_waiting_caller_gets_the_next_returned_connection(pool: Pool) -> None:
    taken = [await pool.acquire() for _ in range(pool.max_size)]
    waiting = [asyncio.create_task(fetch("SELECT 1", [])) for _ in range(3)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in waiting)
    pool.return_clean(taken.pop())
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    # Also a connection that asyncpg must reset first.
    await pool.release(taken.pop())
    await asyncio.gather(*waiting)
    for connection in taken:
        pool.return_clean(connection)
    assert pool.available == pool.max_size


async def test_a_caller_that_gives_up_waiting_loses_no_connection(pool: Pool) -> None:
    """Whether it gives up before, after or at the same time as it receives one."""
    taken = [await pool.acquire() for _ in range(pool.max_size)]
    for give_back in (pool.return_clean, lambda one: asyncio.ensure_future(pool.release(one))):
        for steps in range(4):
            waiting = asyncio.create_task(pool.acquire())
            await asyncio.sleep(0)
            give_back(taken.pop())
            for _ in range(steps):
                await asyncio.sleep(0)
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                taken.append(await waiting)
            async with asyncio.timeout(60):
                while len(taken) < pool.max_size:
                    taken.append(await pool.acquire())
    for connection in taken:
        pool.return_clean(connection)
    assert pool.available == pool.max_size


async def test_idle_connections_are_closed(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.database.idle_connections.IDLE_S", 0.05)
    await asyncio.gather(*(fetch("SELECT pg_sleep(0.05)", []) for _ in range(pool.max_size)))
    async with asyncio.timeout(60):
        # One of them is used all the time, and stays open.
        while len(pool._idle) > 1:
            await fetch("SELECT 1", [])
            await asyncio.sleep(0.01)
        while pool._idle or pool.available < pool.max_size:  # noqa: ASYNC110  # a timer closes it
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("database")
async def test_a_failed_reset_does_not_hide_the_cancellation() -> None:
    async def fail(_: object) -> None:
        raise ConnectionResetError

    inner = await asyncpg.create_pool(default_client().dsn, min_size=1, max_size=1, reset=fail)  # type: ignore[attr-defined]  # our client has it
    broken = Pool(inner)
    with only_pools(broken):
        running = asyncio.create_task(fetch("SELECT pg_sleep(60)", []))
        await asyncio.sleep(0.05)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        with pytest.raises(asyncpg.DataError):
            await fetch("SELECT $1::int4", [2**40])
    await all_returned(broken)
    await broken.close()


@pytest.mark.usefixtures("database")
async def test_closing_waits_only_for_connections_in_use() -> None:
    inner = await asyncpg.create_pool(default_client().dsn, min_size=1, max_size=3)  # type: ignore[attr-defined]  # our client has it
    closed = Pool(inner)
    first, second, third = [await closed.acquire() for _ in range(3)]
    closed.return_clean(first)
    closing = asyncio.create_task(closed.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    closed.return_clean(second)
    await closed.release(third)
    async with asyncio.timeout(60):
        await closing


@pytest.mark.usefixtures("database", "no_open_pool")
async def test_a_closing_pool_reports_the_database_as_unavailable() -> None:
    dsn = default_client().dsn  # type: ignore[attr-defined]  # our client has it
    client = Client(dsn, connection_name="closing", minsize=1, maxsize=2)
    async with client.acquire_connection():
        closing = asyncio.create_task(client.close())
        await asyncio.sleep(0.05)
        with pytest.raises(asyncpg.InterfaceError) as fault:
            await fetch("SELECT 1", [])
        assert is_unavailable(fault.value)
    await closing
    assert not open_pools


@pytest.mark.parametrize(
    "dsn",
    ["postgresql://nobody@/nothing?host=/nowhere", "postgresql://nobody@nothing.invalid/nothing"],
    ids=["no-socket", "no-host"],
)
@pytest.mark.usefixtures("no_open_pool")
async def test_a_database_that_cannot_be_reached_is_unavailable(dsn: str) -> None:
    """Both when the pool is opened and when it opens another connection."""
    client = Client(dsn, connection_name="away")
    with pytest.raises(DatabaseUnavailable):
        await client.execute_query("SELECT 1")
    with pytest.raises(DatabaseUnavailable):
        async with client._in_transaction():
            pytest.fail("the transaction has begun")
    opened = Pool(await asyncpg.create_pool(dsn, min_size=0, max_size=1))
    for _ in range(opened.max_size + 1):
        with pytest.raises(DatabaseUnavailable):
            await opened.acquire()
    await opened.close()


async def test_a_connection_closed_by_the_server_is_replaced(pool: Pool) -> None:
    [row] = await fetch("SELECT pg_backend_pid() AS pid", [])
    administrator = await asyncpg.connect(default_client().dsn)  # type: ignore[attr-defined]  # our client has it
    try:
        statement = """
            SELECT pg_terminate_backend(pid)
            FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid = $1
        """
        await administrator.fetch(statement, row["pid"])
    finally:
        await administrator.close()
    faults = []
    while True:
        try:
            await fetch("SELECT 1", [])
            break
        except Exception as error:  # noqa: BLE001  # whatever it is
            faults.append(error)
    assert all(map(is_unavailable, faults)), faults
    assert len(faults) <= 1
    await all_returned(pool)
