"""Tests of a path to PostgreSQL that falls silent without closing a connection.

A wait without a limit would last as long as the connection: for ever.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.database.migrations import migrate
from engine.database.client import Client
from engine.database.connecting import connect
from engine.database.pool import open_pools
from engine.database.queries import fetch
from tests.app.graphql.operations import CREATE, EVENTS
from tests.app.graphql.subscriptions.transport_ws import Socket
from tests.engine.pools import all_returned, only_pools
from tests.feed.servers import serve
from tests.silent_proxy import SilentProxy
from tests.waiting import until

WITHIN_S = 120
SEND = """
    mutation ($id: ID!) { sendToOps(input: {ticketId: $id}) { delivery { state } } }
"""
# Parts of the statements of the background.
READ, CLAIM, RECORD = "AS oldest_running", "FOR UPDATE SKIP LOCKED", "WITH outcome AS"
STATE = "query ($id: ID!) { ticket(id: $id) { opsState } }"


async def post(http: httpx2.AsyncClient, query: str, **variables: Any) -> dict[str, Any] | None:
    """Return the data of a response without errors; None for any other response."""
    response = await http.post("/graphql", json={"query": query, "variables": variables})
    answer = response.json()
    return None if "errors" in answer else answer.get("data")


@asynccontextmanager
async def through_proxy(
    database_url: str, folder: Path, **settings: str
) -> AsyncIterator[tuple[SilentProxy, str, httpx2.AsyncClient]]:
    """Serve a database through a proxy."""
    async with (
        SilentProxy.running(database_url) as proxy,
        serve(proxy.url, folder, REQUEST_TIMEOUT_MS="2000", **settings) as server,
        httpx2.AsyncClient(base_url=server.url, timeout=60) as http,
    ):
        yield proxy, server.url, http


@pytest.fixture
async def migrated_url(empty_database_url: str) -> str:
    """Return the URL of a migrated database."""
    await migrate(empty_database_url)
    return empty_database_url


async def test_after_a_silent_path_writes_events_and_deliveries_are_back(
    migrated_url: str, tmp_path: Path
) -> None:
    async with (
        through_proxy(migrated_url, tmp_path) as (proxy, url, http),
        Socket.opened(url) as socket,
    ):
        await socket.subscribe("s", EVENTS)
        await socket.wait_until_open()
        before = (await post(http, CREATE))["createTicket"]["ticket"]["id"]  # type: ignore[index]
        assert (await socket.next("s"))["ticketEvents"]["ticketId"] == before

        # The feed's reader, the worker, and the recorder of outcomes wait for a silent connection.
        swallowing = asyncio.create_task(proxy.swallow(READ, CLAIM, RECORD))
        assert await post(http, SEND, id=before) is None
        async with asyncio.timeout(WITHIN_S):
            await swallowing
        await until(lambda: is_unready(http))
        proxy.recover()

        async def create() -> str | None:
            data = await post(http, CREATE)
            return None if data is None else str(data["createTicket"]["ticket"]["id"])

        async def is_delivered() -> bool:
            await post(http, SEND, id=after)
            data = await post(http, STATE, id=after)
            return data is not None and data["ticket"]["opsState"] == "DELIVERED"

        after = await until(create)
        received = before
        async with asyncio.timeout(WITHIN_S):
            while received != after:
                received = (await next_event(socket))["ticketId"]
        await until(is_delivered)


async def is_unready(http: httpx2.AsyncClient) -> bool:
    return (await http.get("/readyz")).status_code == 503


async def next_event(socket: Socket) -> dict[str, Any]:
    """Return the next event, however long it takes."""
    message = json.loads(await socket.connection.recv())
    assert message["type"] == "next", message
    event: dict[str, Any] = message["payload"]["data"]["ticketEvents"]
    return event


async def test_a_silent_first_host_leaves_time_for_the_others(
    migrated_url: str, tmp_path: Path
) -> None:
    async with (
        SilentProxy.running(migrated_url, is_silent=True) as silent,
        SilentProxy.running(migrated_url) as proxy,
    ):
        hosts = f"127.0.0.1:{silent.port},127.0.0.1:{proxy.port}"
        async with (
            serve(proxy.url_of(hosts), tmp_path) as server,
            httpx2.AsyncClient(base_url=server.url, timeout=60) as http,
        ):
            assert await post(http, CREATE)
        assert silent.accepted


async def test_a_pool_opens_although_the_first_host_is_silent(migrated_url: str) -> None:
    async with (
        SilentProxy.running(migrated_url, is_silent=True) as silent,
        SilentProxy.running(migrated_url) as proxy,
    ):
        hosts = f"127.0.0.1:{silent.port},127.0.0.1:{proxy.port}"
        client = Client(proxy.url_of(hosts), connection_name="hosts", minsize=0, maxsize=1)
        with only_pools():
            async with client.acquire_connection() as connection:
                assert await connection.fetchval("SELECT 1") == 1
            await client.close()
        assert silent.accepted


async def test_one_silent_connection_makes_the_pool_replace_those_that_are_idle(
    migrated_url: str,
) -> None:
    size = 4
    async with SilentProxy.running(migrated_url) as proxy:
        client = Client(proxy.url, connection_name="silent", minsize=0, maxsize=size)
        with only_pools():
            async with client.acquire_connection():
                pool = open_pools[-1]
            await asyncio.gather(*(fetch("SELECT pg_sleep(0.2)", []) for _ in range(size)))
            proxy.fall_silent()
            proxy.recover()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await fetch("SELECT 1", [])
            await all_returned(pool)
            async with asyncio.timeout(WITHIN_S):
                await asyncio.gather(*(fetch("SELECT pg_sleep(0.2)", []) for _ in range(size)))
            await client.close()


async def test_connect_timeout_limits_the_time_of_each_host(migrated_url: str) -> None:
    async with (
        SilentProxy.running(migrated_url, is_silent=True) as silent,
        SilentProxy.running(migrated_url) as proxy,
    ):
        hosts = ",".join([f"127.0.0.1:{silent.port}"] * 3 + [f"127.0.0.1:{proxy.port}"])
        # Without it, the shares of the silent hosts would be an hour each.
        async with asyncio.timeout(WITHIN_S):
            session = await connect(f"{proxy.url_of(hosts)}?connect_timeout=1", timeout_s=14_400)
        await session.close()
        assert silent.accepted == 3
