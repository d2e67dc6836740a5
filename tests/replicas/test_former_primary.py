"""A URL of the primary that leads to a standby during a failover, as that of HAProxy can."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.app.http.serving import Served, served
from tests.feed.readers import connected
from tests.replicas.callers import TICKET
from tests.replicas.streaming import (
    Streaming,
    pause_replay,
    resume_replay,
    streaming_postgres,
)
from tests.silent_proxy import SilentProxy
from tests.waiting import until

HAS_TICKET = "SELECT EXISTS (SELECT FROM tickets WHERE id = $1)"


async def request(server: Served, method: str, path: str, **options: Any) -> httpx2.Response:
    return await asyncio.to_thread(server.http.request, method, path, **options)


@pytest.fixture
def streaming() -> Iterator[Streaming]:
    with streaming_postgres() as streaming:
        yield streaming


async def test_a_standby_that_has_not_replayed_a_change_is_not_read_as_the_primary(
    streaming: Streaming, tmp_path: Path
) -> None:
    [standby] = streaming.standbys
    async with AsyncExitStack() as opened:
        proxy = await opened.enter_async_context(SilentProxy.running(streaming.primary.url))
        running = served(tmp_path / "log", proxy.url)
        server = await asyncio.to_thread(running.__enter__)
        opened.push_async_callback(asyncio.to_thread, running.__exit__, None, None, None)
        first = (await request(server, "POST", "/tickets", json=TICKET)).json()["id"]
        async with connected(standby.url) as session:
            await until(lambda: session.fetchval(HAS_TICKET, first))
        await pause_replay(standby)
        last = (await request(server, "POST", "/tickets", json=TICKET)).json()["id"]
        # A new primary that has the lock of the leader, but has not replayed its log yet.
        proxy.lead_to(standby.url)
        await asyncio.to_thread(streaming.primary.stop)
        for _ in range(10):
            response = await request(server, "GET", f"/tickets/{last}")
            assert response.status_code == 503, response.text
        await resume_replay(standby)
        await asyncio.to_thread(standby.promote)

        async def is_found() -> bool:
            found = await request(server, "GET", f"/tickets/{last}")
            assert found.status_code in {200, 503}, found.text
            return found.status_code == 200

        await until(is_found)
