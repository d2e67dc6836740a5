"""A replica that fails, lags, or is no replica: queries read elsewhere, and nobody notices."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx2
import psutil
import pytest

from tests.app.database.standby import Standby
from tests.app.http.serving import Served, served
from tests.engine.pools import own_postgres
from tests.feed.readers import connected
from tests.replicas.callers import TICKET
from tests.replicas.streaming import (
    Streaming,
    pause_replay,
    resume_replay,
    states,
    streaming_postgres,
    wait_for_states,
    wait_until_used,
)
from tests.superuser import superuser_url
from tests.waiting import until

QUERY = "{ tickets { totalCount nodes { id subject } } ticketGroups(by: STATUS) { count } }"
# Waits of queries on a replica for the locks of a table.
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::regclass"
_LOCKED = """
SELECT count(*)
FROM pg_locks
WHERE granted AND relation = $1::regclass AND mode = 'AccessExclusiveLock'
"""
_END_WAITING = """
SELECT count(*) FILTER (WHERE {function}(pid))
FROM pg_locks
WHERE NOT granted AND relation = 'ticket_events'::regclass
"""


@pytest.fixture(scope="module")
def replicated() -> Iterator[Streaming]:
    """Run a primary and a standby that cancels queries which are in the way of its replay."""
    with streaming_postgres(options={"max_standby_streaming_delay": "0"}) as streaming:
        yield streaming


@pytest.fixture(scope="module")
def server(replicated: Streaming, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("server")
    with served(folder / "log", replicated.primary.url, **replicated.settings) as server:
        wait_until_used(server)
        yield server


def query(server: Served, document: str = QUERY) -> httpx2.Response:
    response = server.http.post("/graphql", json={"query": document})
    assert response.status_code == 200
    assert "errors" not in response.json(), response.text
    return response


async def until_counted(session: asyncpg.Connection, statement: str, *values: object) -> None:
    await until(lambda: session.fetchval(statement, *values))


@asynccontextmanager
async def locked(
    streaming: Streaming, table: str
) -> AsyncIterator[tuple[asyncpg.Connection, asyncpg.Connection]]:
    """Lock a table on the primary and on the replica; yield superusers' sessions of both."""
    [standby] = streaming.standbys
    async with (
        connected(superuser_url(streaming.primary.url)) as primary,
        connected(superuser_url(standby.url)) as replica,
        primary.transaction(),
    ):
        await primary.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        await primary.execute("SELECT pg_logical_emit_message(false, 'test', 'flush', true)")
        await until_counted(replica, _LOCKED, table)
        yield primary, replica


@pytest.mark.parametrize("function", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_a_query_that_is_ended_on_the_replica_runs_on_the_primary(
    replicated: Streaming, server: Served, function: str
) -> None:
    document = '{ node(id: "nothing") { id } tickets { totalCount } }'
    async with locked(replicated, "ticket_events") as (primary, replica):
        running = asyncio.create_task(asyncio.to_thread(query, server, document))
        await until_counted(replica, _WAITING, "ticket_events")
        assert await replica.fetchval(_END_WAITING.format(function=function)) == 1
        # It now waits on the primary, until the end of the transaction.
        await until_counted(primary, _WAITING, "ticket_events")
        assert not running.done()
    response = await running
    assert response.json()["data"]["node"] is None


async def test_a_query_in_the_way_of_the_replay_runs_on_the_primary(
    replicated: Streaming, server: Served
) -> None:
    """It has read from one table, and waits for another one."""
    document = '{ node(id: "nothing") { id } }'
    async with locked(replicated, "ticket_events") as (primary, replica):
        running = asyncio.create_task(asyncio.to_thread(query, server, document))
        await until_counted(replica, _WAITING, "ticket_events")
        async with locked(replicated, "tickets"):
            await until_counted(primary, _WAITING, "tickets")
        await until_counted(primary, _WAITING, "ticket_events")
    assert (await running).json()["data"]["node"] is None
    assert states(server) == {"1": "used"}


def is_stopped(standby: Standby) -> None:
    standby.process.kill()
    standby.process.wait()


async def under_load(server: Served, during: Callable[[], None]) -> None:
    """Call a function while clients read and write all the time; none receives an error."""
    ended = asyncio.Event()
    counts = [0] * 8

    async def client(number: int) -> None:
        async with httpx2.AsyncClient(base_url=server.url, timeout=60) as http:
            while not ended.is_set():
                response = await http.post("/tickets", json=TICKET)
                assert response.status_code == 201, response.text
                path = f"/tickets/{response.json()['id']}"
                response = await http.get(path)
                assert response.status_code == 200, response.text
                response = await http.post("/graphql", json={"query": QUERY})
                assert "errors" not in response.json(), response.text
                counts[number] += 1

    async def more(least: int) -> None:
        goal = [count + least for count in counts]
        await until(
            lambda: (
                any(one.done() for one in clients)
                or all(count >= wanted for count, wanted in zip(counts, goal, strict=True))
            ),
            within_s=120,
        )

    clients = [asyncio.create_task(client(number)) for number in range(len(counts))]
    try:
        await more(3)
        await asyncio.to_thread(during)
        await more(5)
    finally:
        ended.set()
        await asyncio.gather(*clients)


@pytest.fixture
def own_streaming() -> Iterator[Streaming]:
    """Run a primary and a standby for one test."""
    with streaming_postgres() as streaming:
        yield streaming


@pytest.fixture
def own_server(own_streaming: Streaming, tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "log", own_streaming.primary.url, **own_streaming.settings) as server:
        wait_until_used(server)
        yield server


async def test_a_replica_that_is_killed_causes_no_error(
    own_streaming: Streaming, own_server: Served
) -> None:
    [standby] = own_streaming.standbys
    await under_load(own_server, lambda: is_stopped(standby))
    wait_for_states(own_server, lambda found: found["1"].startswith("It cannot be reached: "))


async def test_a_replica_that_freezes_causes_no_error(
    own_streaming: Streaming, own_server: Served
) -> None:
    [standby] = own_streaming.standbys

    def freeze() -> None:
        for pid in children_of(standby.process.pid):
            os.kill(pid, signal.SIGSTOP)
        wait_for_states(own_server, lambda found: found["1"] != "used")

    try:
        await under_load(own_server, freeze)
    finally:
        for pid in children_of(standby.process.pid):
            os.kill(pid, signal.SIGCONT)
    wait_until_used(own_server)


async def test_a_replica_that_is_promoted_is_not_used(
    own_streaming: Streaming, own_server: Served
) -> None:
    [standby] = own_streaming.standbys

    def promote() -> None:
        standby.promote()
        wait_for_states(own_server, lambda found: "promoted" in found["1"])

    await under_load(own_server, promote)
    own_server.wait_for_text("It is not a standby; perhaps it was promoted.")


def children_of(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


async def test_a_replica_that_lags_too_much_is_not_used(
    replicated: Streaming, tmp_path: Path
) -> None:
    [standby] = replicated.standbys
    settings = replicated.settings | {"DATABASE_REPLICA_MAX_LAG_MS": "1000"}
    with served(tmp_path / "log", replicated.primary.url, **settings) as server:
        wait_until_used(server)
        await pause_replay(standby)
        try:
            assert server.http.post("/tickets", json=TICKET).status_code == 201
            wait_for_states(server, lambda found: "lags by more than 1 s" in found["1"])
            query(server)
        finally:
            await resume_replay(standby)
        wait_until_used(server)


async def test_a_replica_without_the_newest_migration_is_not_used(
    replicated: Streaming, tmp_path: Path
) -> None:
    async with connected(replicated.primary.url) as owner:
        newest = await owner.fetchrow(
            "DELETE FROM aerich WHERE id = (SELECT max(id) FROM aerich)"
            " RETURNING version, app, content"
        )
        assert newest is not None
        missing: str = newest["version"]
        try:
            with served(tmp_path / "log", replicated.primary.url, **replicated.settings) as server:
                wait_for_states(server, lambda found: missing in found["1"])
                query(server)
                await restore(owner, newest)
                newest = None
                wait_until_used(server)
        finally:
            if newest is not None:
                await restore(owner, newest)


async def restore(owner: asyncpg.Connection, row: asyncpg.Record) -> None:
    await owner.execute(
        "INSERT INTO aerich (version, app, content) VALUES ($1, $2, $3)", *row.values()
    )


async def test_another_database_of_the_cluster_is_not_used(
    replicated: Streaming, tmp_path: Path
) -> None:
    """Nor the same tables in another schema."""
    name = f"copy_{uuid4().hex}"
    [standby] = replicated.standbys
    async with connected(superuser_url(replicated.primary.url)) as administrator:
        await administrator.execute(f"CREATE DATABASE {name}")
    other_database = standby.url.replace("/ticketops?", f"/{name}?")
    other_schema = f"{standby.url}&options=-csearch_path%3Dpg_catalog"
    settings = replicated.settings | {"DATABASE_REPLICA_URL": f"{other_database},{other_schema}"}
    with served(tmp_path / "log", replicated.primary.url, **settings) as server:

        def are_refused(found: dict[str, str]) -> bool:
            return all("another database or schema" in reason for reason in found.values())

        # The standby may not yet have replayed the creation of the database.
        wait_for_states(server, are_refused)
        query(server)


def test_what_is_no_replica_is_not_used(replicated: Streaming, tmp_path: Path) -> None:
    with own_postgres() as other:
        urls = [other.url, replicated.primary.url, "postgresql://127.0.0.1:1/nothing"]
        settings = replicated.settings | {"DATABASE_REPLICA_URL": ",".join(urls)}
        with served(tmp_path / "log", replicated.primary.url, **settings) as server:
            wait_for_states(server, lambda found: "not asked" not in str(found))
            assert states(server) == {
                "1": "It is not a replica of the primary: its system differs.",
                "2": "It is not a standby; perhaps it was promoted.",
                "3": "It cannot be reached: ConnectionRefusedError.",
            }
            query(server)
            assert server.http.get("/readyz").status_code == 200
            for number in (1, 2, 3):
                server.wait_for_text(f'"replica":{number},')
