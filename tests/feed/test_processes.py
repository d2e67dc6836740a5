"""Tests of several servers on one database: stopped or killed, they serve as one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import httpx2
import pytest

from app.database.migrations import migrate
from tests.app.graphql.operations import CREATE, EVENTS
from tests.app.graphql.subscriptions.event_source import EventSource
from tests.app.graphql.subscriptions.transport_ws import Socket
from tests.conftest import empty_database
from tests.feed.clients import Received, follow
from tests.feed.readers import connected
from tests.feed.servers import STOP_TIMEOUT_S, Server, serve, serve_without_polling
from tests.waiting import until

KILLS = 6
chance = Random()  # noqa: S311  # varies the tests, protects nothing


@pytest.fixture
async def database_url() -> AsyncIterator[str]:
    """Return the URL of a separate database, because its connections are terminated."""
    async with empty_database() as url:
        await migrate(url)
        yield url


async def create(url: str) -> str:
    async with httpx2.AsyncClient(base_url=url, timeout=60) as http:
        answer = (await http.post("/graphql", json={"query": CREATE})).json()
    ticket_id: str = answer["data"]["createTicket"]["ticket"]["id"]
    return ticket_id


async def test_an_event_committed_by_one_server_is_sent_at_once_by_another(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        serve(database_url, tmp_path) as one,
        serve_without_polling(database_url, tmp_path) as other,
        Socket.opened(other.url) as socket,
    ):
        await socket.subscribe("1", EVENTS)
        await socket.wait_until_open()
        for _ in range(20):
            ticket_id = await create(one.url)
            # Only a notification of the first server makes the second one read.
            assert (await socket.next("1"))["ticketEvents"]["ticketId"] == ticket_id


async def test_worker_processes_of_one_server_send_the_same_events(
    database_url: str, tmp_path: Path
) -> None:
    async with serve(database_url, tmp_path, WORKERS="2") as server, AsyncExitStack() as opened:
        sockets = [await opened.enter_async_context(Socket.opened(server.url)) for _ in range(8)]
        for socket in sockets:
            await socket.subscribe("1", EVENTS)
            await socket.wait_until_open()
        tickets = [await create(server.url) for _ in range(8)]
        for socket in sockets:
            came = [(await socket.next("1"))["ticketEvents"]["ticketId"] for _ in tickets]
            assert came == tickets


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_stopping_server_closes_subscriptions_so_that_clients_reconnect(
    database_url: str, tmp_path: Path, workers: str
) -> None:
    """Sockets close with a code for reconnecting; event streams end without `complete`."""
    # A server that waited for its subscriptions would wait for this time, longer than `stop` does.
    settings = {"WORKERS": workers, "REQUEST_TIMEOUT_MS": str(2 * STOP_TIMEOUT_S * 1_000)}
    async with serve(database_url, tmp_path, **settings) as server, AsyncExitStack() as opened:
        http = httpx2.AsyncClient(base_url=server.url, timeout=60)
        await opened.enter_async_context(http)
        sockets = [await opened.enter_async_context(Socket.opened(server.url)) for _ in range(4)]
        sources = [
            await opened.enter_async_context(EventSource.opened(http, EVENTS)) for _ in range(4)
        ]
        for socket in sockets:
            await socket.subscribe("1", EVENTS)
            await socket.wait_until_open()
        stopping = asyncio.create_task(server.stop())
        for socket in sockets:
            code, _ = await socket.closed()
            assert code in {1001, 1012}
        for source in sources:
            assert await source.event() is None
        assert await stopping == 0


async def _write(servers: list[Server], committed: list[str]) -> None:
    """Create tickets at random servers. One that dies can have committed without a response."""
    async with httpx2.AsyncClient(timeout=10) as http:
        while True:
            url = chance.choice(servers).url
            with suppress(httpx2.HTTPError, KeyError, TypeError):
                answer = (await http.post(f"{url}/graphql", json={"query": CREATE})).json()
                committed.append(answer["data"]["createTicket"]["ticket"]["id"])


async def _kill_and_replace(
    servers: list[Server], connection: asyncpg.Connection, start: Callable[[], Awaitable[Server]]
) -> None:
    """Alternately replace a server and terminate all connections to the database."""
    for number in range(KILLS):
        await asyncio.sleep(chance.uniform(0.5, 1.5))
        if number % 2:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        else:
            place = chance.randrange(len(servers))
            await servers[place].kill()
            servers[place] = await start()


@asynccontextmanager
async def _running(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(work) for work in works]
    yield
    for task in tasks:
        assert not task.done(), task.exception()
        task.cancel()
    await asyncio.wait(tasks)


async def test_every_client_receives_each_event_once_while_servers_and_connections_die(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    committed: list[str] = []
    everything: list[Received] = [[] for _ in range(12)]
    async with AsyncExitStack() as opened, connected(database_url) as connection:

        def start() -> Awaitable[Server]:
            return opened.enter_async_context(serve(database_url, tmp_path))

        servers = list(await asyncio.gather(*(start() for _ in range(3))))
        clients = (
            follow(servers, came, by_socket=bool(number % 2))
            for number, came in enumerate(everything)
        )
        async with _running(*clients):
            # A client that has received one event has a cursor, and misses nothing from then on.
            while not all(everything):
                await create(servers[0].url)
                await asyncio.sleep(0.2)
            async with _running(*(_write(servers, committed) for _ in range(4))):
                await _kill_and_replace(servers, connection, start)
                await asyncio.sleep(1)
            rows = await connection.fetch(
                "SELECT ticket_id FROM ticket_events ORDER BY transaction, sequence"
            )
            order = [row["ticket_id"] for row in rows]
            last = order[-1]
            await until(
                lambda: all(came[-1]["ticketId"] == last for came in everything), within_s=300
            )
            # Receive what a client would get twice.
            await asyncio.sleep(0.5)

    assert set(committed) <= set(order)
    for came in everything:
        heard = [event["ticketId"] for event in came]
        assert heard == order[order.index(heard[0]) :]
    with capsys.disabled():
        received_count = sum(map(len, everything))
        print(f" {len(order)} events, received {received_count} times: 0 lost, 0 twice", end="")  # noqa: T201
