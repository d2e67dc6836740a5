"""Test of a crash of PostgreSQL after which it assigns transaction numbers a second time.

The commit of a transaction that changed nothing is not flushed, so that its number is assigned
again after a crash. A NOTIFY is such a transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import psutil
import pytest

from app.database.embedded import EmbeddedPostgres
from app.database.migrations import migrate
from tests.app.conftest import new_data_dir
from tests.app.graphql.operations import CREATE, EVENTS
from tests.app.graphql.subscriptions.transport_ws import Socket
from tests.feed.readers import connected, write
from tests.feed.servers import serve
from tests.postgres_crash import crash
from tests.superuser import superuser_options, superuser_url

FORGOTTEN = 500
WRITTEN = 20
# Background writes would flush the transactions that the crash must forget.
OPTIONS = {"autovacuum": "off"}
# Matches the statement that a stream reads with.
READ = "%AS oldest_running%"


@pytest.fixture
def postgres() -> Iterator[EmbeddedPostgres]:
    """Return a separate PostgreSQL with default durability."""
    with new_data_dir() as folder:
        postgres = EmbeddedPostgres(folder, options=OPTIONS | superuser_options(folder))
        postgres.start()
        yield postgres
        postgres.stop()


@asynccontextmanager
async def _no_flush_in_the_background(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Suspend the process that flushes the WAL five times a second."""
    pid = await connection.fetchval(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"
    )
    writer = psutil.Process(pid)
    writer.suspend()
    try:
        yield
    finally:
        with suppress(psutil.NoSuchProcess):
            writer.resume()


async def _use_numbers(connection: asyncpg.Connection) -> int:
    """Use transaction numbers without writing; return the highest."""
    numbers: list[int] = [
        await connection.fetchval("SELECT txid_current()") for _ in range(FORGOTTEN)
    ]
    return max(numbers)


async def _has_looked(connection: asyncpg.Connection) -> None:
    """Wait until the reader of the server has read after this call."""
    now = await connection.fetchval("SELECT clock_timestamp()")
    async with asyncio.timeout(10):
        while not await connection.fetchval(  # noqa: ASYNC110  # only visible from outside
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE query LIKE $1 AND query_start > $2 AND state = 'idle'",
            READ,
            now,
        ):
            await asyncio.sleep(0.05)


async def _is_back(http: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while not (await http.get("/readyz")).is_success:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)


async def test_after_a_crash_every_client_receives_each_durable_event_once_and_in_order(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    await migrate(postgres.url)
    async with AsyncExitStack() as opened:
        server = await opened.enter_async_context(serve(postgres.url, tmp_path))
        http = httpx2.AsyncClient(base_url=server.url, timeout=10, trust_env=False)
        await opened.enter_async_context(http)

        async def subscribed(**variables: Any) -> Socket:
            socket = await opened.enter_async_context(Socket.opened(server.url))
            await socket.subscribe("1", EVENTS, **variables)
            await socket.wait_until_open()
            return socket

        subscribed_with_event = await subscribed()
        await http.post("/graphql", json={"query": CREATE})
        first = (await subscribed_with_event.next("1"))["ticketEvents"]

        async with (
            connected(superuser_url(postgres.url)) as connection,
            _no_flush_in_the_background(connection),
        ):
            forgotten = await _use_numbers(connection)
            await _has_looked(connection)
            subscribed_without_events = await subscribed()
            await crash(postgres)
        postgres.stop()
        await asyncio.to_thread(postgres.start)
        await _is_back(http)
        resumed = await subscribed(after=first["cursor"])

        async with connected(superuser_url(postgres.url)) as connection:
            for number in range(WRITTEN):
                await write(connection, str(number))
            rows = await connection.fetch(
                "SELECT ticket_id, transaction FROM ticket_events ORDER BY transaction, sequence"
            )
        assert max(row["transaction"] for row in rows) < forgotten, "no number was assigned again"
        wanted = [row["ticket_id"] for row in rows]
        assert wanted == [first["ticketId"], *map(str, range(WRITTEN))]
        for socket in (subscribed_with_event, subscribed_without_events, resumed):
            received = [(await socket.next("1"))["ticketEvents"]["ticketId"] for _ in wanted[1:]]
            assert received == wanted[1:]
            assert await socket.receives_nothing()
