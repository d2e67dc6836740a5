"""A query whose client has gone is ended; what has an effect is not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import asyncpg
import orjson
import pytest

from tests.api.asking import Ask, create
from tests.feed.readers import connected

WAITING = """
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
async def looking(server: str, database_url: str) -> AsyncIterator[asyncpg.Connection]:  # noqa: ARG001  # there must be tables
    """Return a connection that sees who waits."""
    async with connected(database_url) as connection:
        yield connection


async def until(is_so: Callable[[], Awaitable[object]]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while not await is_so():  # noqa: ASYNC110  # the database tells nobody
            await asyncio.sleep(0.02)


async def ask_and_leave(url: str, looking: asyncpg.Connection, **body: object) -> None:
    """Ask over a connection of its own, and close that while the statement waits."""
    place = urlsplit(url)
    _, writer = await asyncio.open_connection(place.hostname, place.port)
    content = orjson.dumps(body)
    head = f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + content)
    try:
        await until(lambda: looking.fetchval(WAITING))
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_query_ends_soon_after_its_client_has_gone(
    server: str, database_url: str, looking: asyncpg.Connection
) -> None:
    async def nobody_waits() -> bool:
        return not await looking.fetchval(WAITING)

    async with connected(database_url) as holding, holding.transaction():
        await holding.execute("LOCK TABLE tickets IN ACCESS EXCLUSIVE MODE")
        await ask_and_leave(server, looking, query="{ tickets { nodes { id } } }")
        async with asyncio.timeout(5):
            await until(nobody_waits)


async def test_a_mutation_goes_on_when_its_client_has_gone(
    ask: Ask, server: str, database_url: str, looking: asyncpg.Connection
) -> None:
    async def is_changed() -> bool:
        return bool(await looking.fetchval("SELECT subject = 'New' FROM tickets"))

    ticket_id = await create(ask)
    document = """
        mutation ($id: ID!) { updateTicket(input: {id: $id, subject: "New"}) { errors { code } } }
    """
    async with connected(database_url) as holding, holding.transaction():
        await holding.execute("SELECT FROM tickets FOR UPDATE")
        await ask_and_leave(server, looking, query=document, variables={"id": ticket_id})
        await asyncio.sleep(1.5)
        assert await looking.fetchval(WAITING) == 1
    await until(is_changed)
