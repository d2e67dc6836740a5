"""Subscriptions to a database that was backed up while it was written, and then restored."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.database.backup import backup
from app.database.embedded import EmbeddedPostgres
from app.database.migrations import migrate
from app.database.restore import restore
from tests.app.graphql.operations import CREATE, EVENTS
from tests.app.graphql.subscriptions.transport_ws import Socket
from tests.engine.pools import own_postgres
from tests.feed.readers import connected
from tests.feed.servers import serve
from tests.feed.test_lost_history import is_refused, next_event

# More than a new cluster has used, so that the restored rows are ahead of it.
USED_NUMBERS = 3000
_IDS = "SELECT id FROM ticket_events ORDER BY transaction, sequence"
WITH_ID = """
    subscription ($after: String) { ticketEvents(after: $after) { id cursor } }
"""


@pytest.fixture
async def postgres() -> AsyncIterator[EmbeddedPostgres]:
    """Run a migrated PostgreSQL of its own that has used many transaction numbers."""
    with own_postgres() as postgres:
        await migrate(postgres.url)
        async with connected(postgres.url) as connection:
            for _ in range(USED_NUMBERS):
                await connection.execute("SELECT txid_current()")
        yield postgres


async def create(http: httpx2.AsyncClient) -> None:
    answer: dict[str, Any] = (await http.post("/graphql", json={"query": CREATE})).json()
    assert "errors" not in answer


async def test_a_subscriber_continues_with_each_event_of_the_restored_database_once(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    file = tmp_path / "tickets.dump"
    async with (
        serve(postgres.url, tmp_path) as server,
        httpx2.AsyncClient(base_url=server.url, timeout=60) as http,
        Socket.opened(server.url) as live,
    ):
        await live.subscribe("s", EVENTS)
        await live.wait_until_open()
        before = []
        for _ in range(5):
            await create(http)
            before.append(await next_event(live))
        # Clients write during the backup and after it.
        backing_up = asyncio.create_task(
            asyncio.to_thread(backup, postgres.url, file, overwrite=False)
        )
        count = 0
        while not backing_up.done():
            await create(http)
            count += 1
        await backing_up
        for _ in range(5):
            await create(http)
        received = [await next_event(live) for _ in range(count + 5)]

    with own_postgres() as other:
        await asyncio.to_thread(restore, other.url, file)
        async with connected(other.url) as connection:
            restored = [row["id"] for row in await connection.fetch(_IDS)]
            assert await connection.fetchval("SELECT feed_transaction_offset()") > 0
        async with (
            serve(other.url, tmp_path) as server,
            httpx2.AsyncClient(base_url=server.url, timeout=60) as http,
            Socket.opened(server.url) as resumed,
            Socket.opened(server.url) as live,
        ):
            await resumed.subscribe("s", WITH_ID, after=before[1]["cursor"])
            await live.subscribe("s", WITH_ID)
            await live.wait_until_open()
            for _ in range(5):
                await create(http)
            async with connected(other.url) as connection:
                all_ids = [row["id"] for row in await connection.fetch(_IDS)]
            new = [(await next_event(live))["id"] for _ in range(5)]
            assert all_ids == restored + new
            seen = [(await next_event(resumed))["id"] for _ in all_ids[2:]]
            assert seen == all_ids[2:]
            assert await resumed.receives_nothing()
            # The last events were written after the backup.
            for event in received[-5:]:
                assert await is_refused(server.url, event["cursor"])
            assert len(restored) < len(before) + len(received)
