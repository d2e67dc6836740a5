"""Tests of a database that loses committed events, and of failovers that lose none."""

import asyncio
import json
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from app.database.embedded import EmbeddedPostgres
from app.database.migrations import migrate
from engine.streaming.commit_order import START
from engine.streaming.notifications import Notifier
from engine.streaming.stream import Stream
from tests.app.conftest import new_data_dir
from tests.app.database.standby import standby_of
from tests.app.graphql.operations import CREATE, EVENTS
from tests.app.graphql.subscriptions.event_source import EventSource
from tests.app.graphql.subscriptions.transport_ws import Socket
from tests.engine.pools import own_postgres
from tests.feed.readers import Reader, connected, write, write_many
from tests.feed.servers import serve
from tests.waiting import until

WITHIN_S = 120
LOST = 30
LOG_ENTRIES = "subscription { logEntryAdded { ticketId } }"
SEND = "mutation ($id: ID!) { sendToOps(input: {ticketId: $id}) { ticket { id } } }"


@pytest.fixture
async def postgres() -> AsyncIterator[EmbeddedPostgres]:
    """Run a migrated PostgreSQL of its own."""
    with own_postgres() as postgres:
        await migrate(postgres.url)
        yield postgres


async def create(http: httpx2.AsyncClient) -> str:
    """Create a ticket, once the database is available, and return its id."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            answer = (await http.post("/graphql", json={"query": CREATE})).json()
            if "errors" not in answer:
                return str(answer["data"]["createTicket"]["ticket"]["id"])
            await asyncio.sleep(0.05)


async def payload(socket: Socket) -> Any:
    """Return what the server sends next for a subscription."""
    async with asyncio.timeout(WITHIN_S):
        message = json.loads(await socket.connection.recv())
    assert message["type"] in {"next", "error"}, message
    return message["payload"]


async def next_event(socket: Socket) -> dict[str, Any]:
    """Return the next event of a subscription."""
    event: dict[str, Any] = (await payload(socket))["data"]["ticketEvents"]
    return event


async def code_of_end(socket: Socket) -> str:
    """Return the error code with which a subscription ends."""
    found = await payload(socket)
    [error] = found if isinstance(found, list) else found["errors"]
    return str(error["extensions"]["code"])


async def code_after_events(socket: Socket) -> str:
    """Return the error code with which a subscription ends, after some events."""
    while True:
        found = await payload(socket)
        if isinstance(found, list):
            return str(found[0]["extensions"]["code"])


async def is_refused(url: str, cursor: str) -> bool:
    """Return whether a subscription cannot resume at a cursor."""
    async with Socket.opened(url) as socket:
        await socket.subscribe("s", EVENTS, after=cursor)
        found = await payload(socket)
        return isinstance(found, list) and found[0]["extensions"]["argument"] == ["after"]


async def test_a_failover_without_a_loss_is_not_noticed(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    async with connected(postgres.url) as connection:
        await write(connection, "first")
    with standby_of(postgres) as standby:
        url = f"postgresql://ticketops@/ticketops?host={postgres.cluster},{standby.folder}"
        async with (
            serve(url, tmp_path) as server,
            httpx2.AsyncClient(base_url=server.url, timeout=60) as http,
            Socket.opened(server.url) as live,
            Socket.opened(server.url) as resumed,
        ):
            await live.subscribe("s", EVENTS)
            await live.wait_until_open()
            postgres.stop()
            try:
                standby.promote()
                ticket_id = await create(http)
                event = await next_event(live)
                assert event["ticketId"] == ticket_id
                later = await create(http)
                await resumed.subscribe("s", EVENTS, after=event["cursor"])
                assert (await next_event(resumed))["ticketId"] == later
                assert (await next_event(live))["ticketId"] == later
            finally:
                postgres.start()


async def test_a_failover_that_loses_events_ends_subscriptions(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    """Those of both feeds, over both protocols."""
    with standby_of(postgres) as standby:
        url = f"postgresql://ticketops@/ticketops?host={postgres.cluster},{standby.folder}"
        async with (
            serve(url, tmp_path, OPS_SIM_FAILURE_RATE="0") as server,
            httpx2.AsyncClient(base_url=server.url, timeout=60) as http,
            Socket.opened(server.url) as live,
            Socket.opened(server.url) as log,
            EventSource.opened(http, EVENTS) as stream,
        ):
            # A comment says that it is open.
            assert await stream.block() == b":"
            await live.subscribe("s", EVENTS)
            await live.wait_until_open()
            await log.subscribe("s", LOG_ENTRIES)
            await log.wait_until_open()
            tickets = [await create(http) for _ in range(LOST)]
            cursors = [(await next_event(live))["cursor"] for _ in range(LOST)]
            await http.post("/graphql", json={"query": SEND, "variables": {"id": tickets[0]}})
            assert (await payload(log))["data"]["logEntryAdded"]["ticketId"] == tickets[0]
            for _ in range(LOST):
                await stream.next()
            postgres.stop()
            try:
                # The standby was made before these tickets.
                standby.promote()
                # The ticket that was sent has changed.
                assert await code_after_events(live) == "EVENTS_LOST"
                assert await code_after_events(log) == "EVENTS_LOST"
                while (event := await stream.event()) is not None and "errors" not in event[1]:
                    assert event[0] == "next"
                assert event is not None
                [error] = event[1]["errors"]
                assert error["extensions"]["code"] == "EVENTS_LOST"
                assert await stream.event() == ("complete", None)
                for _ in range(LOST + 1):
                    await create(http)
                for cursor in cursors:
                    assert await is_refused(server.url, cursor)
            finally:
                postgres.start()


async def test_a_data_folder_put_back_ends_subscriptions(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    """Also if the numbers of the lost transactions were assigned again before the next read."""
    async with (
        serve(postgres.url, tmp_path) as server,
        httpx2.AsyncClient(base_url=server.url, timeout=60) as http,
        Socket.opened(server.url) as live,
    ):
        await live.subscribe("s", EVENTS)
        await live.wait_until_open()
        kept = await create(http)
        event = await next_event(live)
        assert event["ticketId"] == kept
        postgres.stop()
        with new_data_dir() as folder:
            copy = folder / "copy"
            await asyncio.to_thread(_copy, postgres.cluster, copy)
            postgres.start()
            for _ in range(LOST):
                await create(http)
            cursors = [(await next_event(live))["cursor"] for _ in range(LOST)]
            server.process.send_signal(signal.SIGSTOP)
            postgres.stop()
            await asyncio.to_thread(shutil.rmtree, postgres.cluster)
            await asyncio.to_thread(_copy, copy, postgres.cluster)
        postgres.start()
        async with connected(postgres.url) as connection:
            later = [await write(connection) for _ in range(2 * LOST)]
        server.process.send_signal(signal.SIGCONT)
        assert await code_of_end(live) == "EVENTS_LOST"
        for cursor in cursors:
            assert await is_refused(server.url, cursor)
        async with Socket.opened(server.url) as resumed:
            query = "subscription ($after: String) { ticketEvents(after: $after) { id } }"
            await resumed.subscribe("s", query, after=event["cursor"])
            assert [(await next_event(resumed))["id"] for _ in later] == later


def _copy(folder: Path, to: Path) -> None:
    # As another account than this one, so that its owner is kept.

    subprocess.run(["/bin/cp", "-a", str(folder), str(to)], check=True)


async def test_deleted_rows_are_not_lost_rows(
    stream: Stream, notifier: Notifier, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The process that has found the rows must be the one that does not find them any longer.
    monkeypatch.setattr("engine.database.idle_connections.IDLE_S", 600)
    async with connected(database_url) as connection, Reader.following(stream) as reader:
        await until(lambda: stream.subscriber_count == 1)
        await write_many(connection, 3)
        notifier.notify()
        await reader.wait_for(3)
        await connection.execute("DELETE FROM ticket_events")
        await until(lambda: stream._position == START)
        # The reader then reads in another process of PostgreSQL.
        await connection.execute(_END_SESSIONS)
        event_id = await write(connection)
        assert (await reader.wait_for(4))[3:] == [event_id]


_END_SESSIONS = """
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


async def test_rows_of_different_sessions_cannot_have_the_same_position(database_url: str) -> None:
    async with connected(database_url) as one, connected(database_url) as other:
        origins = {await _origin(one), await _origin(one), await _origin(other)}
        assert len(origins) == 2
        async with one.transaction():
            written = [await write(one, "ordered") for _ in range(3)]
            rows = await one.fetch(
                "SELECT id FROM ticket_events WHERE ticket_id = 'ordered' ORDER BY sequence"
            )
            assert [row["id"] for row in rows] == written


async def _origin(connection: asyncpg.Connection) -> int:
    """Write an event, and return the part of its sequence that depends on the session."""
    event_id = await write(connection, "origin")
    origin: int = await connection.fetchval(
        "SELECT sequence >> 40 FROM ticket_events WHERE id = $1", event_id
    )
    return origin
