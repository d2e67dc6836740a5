"""Tests of the pool where PostgreSQL grants fewer connections than it wants."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from itertools import pairwise

import asyncpg
import pytest

from app.database.embedded import EmbeddedPostgres
from engine.database.client import Client
from engine.database.errors import ConnectionRefused, DatabaseUnavailable
from engine.database.growth import REFUSED_PAUSE_S
from engine.database.pool import Pool, open_pools
from engine.database.queries import fetch
from engine.database.shares import reserved
from tests.engine.pools import all_returned, only_pools, own_postgres
from tests.feed.readers import connected
from tests.waiting import until

WANTED = 10
GRANTED = 4
BEGIN = "fewer database connections granted than wanted"
END = "database connections granted again"
OTHER_SESSIONS = """
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database()
    AND backend_type = 'client backend'
    AND pid <> pg_backend_pid()
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    with own_postgres() as postgres:
        yield postgres


@pytest.fixture
async def owner(postgres: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    """Connect as the owner of the database, whose limit is removed afterwards."""
    async with connected(postgres.url) as connection:
        yield connection
        await grant(connection, -1)


@pytest.fixture
async def client(
    postgres: EmbeddedPostgres,
    owner: asyncpg.Connection,
) -> AsyncIterator[Client]:
    async with asyncio.timeout(60):
        # Sessions of an earlier test that have not ended yet count as connections.
        while await owner.fetchval(OTHER_SESSIONS):  # noqa: ASYNC110  # only visible from outside
            await asyncio.sleep(0.01)
    with only_pools():
        client = Client(postgres.url, connection_name="small", minsize=0, maxsize=WANTED)
        yield client
        await client.close()


async def grant(owner: asyncpg.Connection, connections: int) -> None:
    """Let the database have this many connections; that of the owner counts too."""
    await owner.execute(f"ALTER DATABASE ticketops CONNECTION LIMIT {connections}")


async def opened(client: Client, owner: asyncpg.Connection) -> Pool:
    await client.execute_query("SELECT 1")
    # The session that looked for a pooler counts as a connection until it has ended.
    await until(lambda: only_one(owner))
    return open_pools[-1]


async def only_one(owner: asyncpg.Connection) -> bool:
    return bool(await owner.fetchval(OTHER_SESSIONS) == 1)


def changes(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what was logged about the pool, and not by a server of other tests."""
    return [record for record in caplog.records if record.name == "engine.database.outages"]


async def test_the_pool_makes_do_with_the_connections_that_it_is_granted(
    client: Client, owner: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await grant(owner, 1 + GRANTED)
    pool = await opened(client, owner)
    with caplog.at_level(logging.WARNING):
        await asyncio.gather(*(fetch("SELECT pg_sleep(0.005)", []) for _ in range(200)))
    [record] = changes(caplog)
    assert record.message == BEGIN
    fields = record.__dict__["fields"]
    assert (fields["wanted"], fields["sqlstate"]) == (WANTED, "53300")
    # One caller and one operation have a share of what there is.
    assert pool._shares.pool_size == GRANTED
    assert pool.available == GRANTED


async def test_the_pool_grows_again_when_it_is_granted_more(
    client: Client,
    owner: asyncpg.Connection,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.database.growth.MIN_PAUSE_S", 0.01)
    await grant(owner, 1 + GRANTED)
    pool = await opened(client, owner)

    async def work() -> None:
        await asyncio.gather(*(fetch("SELECT pg_sleep(0.02)", []) for _ in range(WANTED)))

    with caplog.at_level(logging.WARNING):
        await work()
        assert pool.available == GRANTED
        await grant(owner, -1)
        async with asyncio.timeout(20):
            while pool.available < WANTED:
                await work()
    assert [record.message for record in changes(caplog)] == [BEGIN, END]
    await all_returned(pool)


async def test_reserved_work_uses_the_connections_that_there_are(
    client: Client, owner: asyncpg.Connection
) -> None:
    await grant(owner, 1 + GRANTED)
    await opened(client, owner)

    async def check() -> None:
        with reserved():
            await fetch("SELECT pg_sleep(0.005)", [])

    others = [asyncio.ensure_future(fetch("SELECT pg_sleep(0.005)", [])) for _ in range(100)]
    await asyncio.gather(*(check() for _ in range(20)), *others)


async def test_a_refusal_while_the_reserve_is_in_use_is_not_repeated_at_once(
    client: Client, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await opened(client, owner)
    slots = [await pool.acquire() for _ in range(WANTED)]
    with reserved():
        reserve = await pool.acquire()
    for slot in slots:
        await pool.release(slot, is_fit=False)
    await grant(owner, 1)
    refused_at: list[float] = []
    refuse = pool._growth.refuse

    def counting(size: int, error: ConnectionRefused) -> None:
        refused_at.append(asyncio.get_running_loop().time())
        refuse(size, error)

    monkeypatch.setattr(pool._growth, "refuse", counting)
    waiting = asyncio.ensure_future(pool.acquire())
    async with asyncio.timeout(60):
        while len(refused_at) < 4:  # no event to wait for
            assert not waiting.done()
            await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert all(later - earlier >= REFUSED_PAUSE_S for earlier, later in pairwise(refused_at))
    await grant(owner, -1)
    pool.return_clean(await pool.acquire())
    pool.return_clean(reserve)


async def test_the_first_connection_is_waited_for(
    postgres: EmbeddedPostgres, client: Client, owner: asyncpg.Connection
) -> None:
    """Other processes have all connections at first."""
    await grant(owner, 1 + GRANTED)
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(connected(postgres.url)) for _ in range(GRANTED)]
        waiting = asyncio.ensure_future(client.execute_query("SELECT 1"))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await others[0].close()
        await waiting


async def test_waiters_fail_together_if_there_is_no_connection(
    postgres: EmbeddedPostgres, client: Client, owner: asyncpg.Connection
) -> None:
    """The database does not exist any more, so that nothing is gained by waiting."""
    pool = await opened(client, owner)
    elsewhere = Client(
        f"{postgres.url}&options=-c%20no_such_setting%3D1",
        connection_name="elsewhere",
        minsize=0,
        maxsize=WANTED,
    )
    assert pool.max_size == WANTED
    started_at = asyncio.get_running_loop().time()
    results = await asyncio.gather(
        *(elsewhere.execute_query("SELECT 1") for _ in range(30)), return_exceptions=True
    )
    assert all(isinstance(result, ConnectionRefused) for result in results)
    assert all(isinstance(result, DatabaseUnavailable) for result in results)
    assert asyncio.get_running_loop().time() - started_at < 10
    assert await owner.fetchval("SELECT 1") == 1
