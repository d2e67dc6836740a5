"""A query is cancelled when its client disconnects; a mutation completes."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import orjson
import pytest

from tests.api.operations import Ask, create
from tests.feed.readers import connected
from tests.waiting import until

WAITING = """
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
async def observer(server: str, database_url: str) -> AsyncIterator[asyncpg.Connection]:  # noqa: ARG001  # the tables must exist
    """Return a connection that reads the lock waits."""
    async with connected(database_url) as connection:
        yield connection


async def send_and_disconnect(url: str, observer: asyncpg.Connection, **body: object) -> None:
    """Send a request and close the connection while its statement waits."""
    place = urlsplit(url)
    _, writer = await asyncio.open_connection(place.hostname, place.port)
    content = orjson.dumps(body)
    head = f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + content)
    try:
        await until(lambda: observer.fetchval(WAITING))
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_query_is_cancelled_when_its_client_disconnects(
    server: str, database_url: str, observer: asyncpg.Connection
) -> None:
    async def none_waits() -> bool:
        return not await observer.fetchval(WAITING)

    async with connected(database_url) as holding, holding.transaction():
        await holding.execute("LOCK TABLE tickets IN ACCESS EXCLUSIVE MODE")
        await send_and_disconnect(server, observer, query="{ tickets { nodes { id } } }")
        async with asyncio.timeout(5):
            await until(none_waits)


async def test_a_mutation_completes_when_its_client_disconnects(
    ask: Ask, server: str, database_url: str, observer: asyncpg.Connection
) -> None:
    async def is_changed() -> bool:
        return bool(await observer.fetchval("SELECT subject = 'New' FROM tickets"))

    ticket_id = await create(ask)
    document = """
        mutation ($id: ID!) { updateTicket(input: {id: $id, subject: "New"}) { errors { code } } }
    """
    async with connected(database_url) as holding, holding.transaction():
        await holding.execute("SELECT FROM tickets FOR UPDATE")
        await send_and_disconnect(server, observer, query=document, variables={"id": ticket_id})
        await asyncio.sleep(1.5)
        assert await observer.fetchval(WAITING) == 1
    await until(is_changed)
