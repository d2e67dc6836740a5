"""MAX_CONNECTIONS and MAX_SUBSCRIPTIONS limit what one caller has open."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
import websockets

from tests.app.graphql.operations import EVENTS, TYPENAME
from tests.app.graphql.subscriptions.event_source import EventSource
from tests.app.graphql.subscriptions.test_access_check import SECRET, bearer
from tests.app.graphql.subscriptions.transport_ws import Socket
from tests.app.http.serving import served


@pytest.fixture(scope="module")
def limited(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a server that allows two connections and three subscriptions a caller."""
    log_file = tmp_path_factory.mktemp("log") / "server.log"
    limits = {"MAX_CONNECTIONS": "2", "MAX_SUBSCRIPTIONS": "3"}
    with served(log_file, database_url, AUTH="required", JWT_SECRET=SECRET, **limits) as running:
        yield running.url


@pytest.fixture
def ada() -> dict[str, str]:
    """Return the credential of a caller."""
    return {"Authorization": bearer("read write")}


@pytest.fixture
async def http(limited: str, ada: dict[str, str]) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of that caller."""
    async with httpx2.AsyncClient(base_url=limited, timeout=30, headers=ada) as http:
        yield http


async def rejected_socket(server: str, headers: dict[str, str]) -> tuple[int, str]:
    async with Socket.opened(server, init=False, additional_headers=headers) as socket:
        await socket.send(type="connection_init")
        return await socket.closed()


async def is_accepted(server: str, headers: dict[str, str]) -> bool:
    async with Socket.opened(server, init=False, additional_headers=headers) as socket:
        await socket.send(type="connection_init")
        try:
            return await socket.receive() == {"type": "connection_ack"}
        except websockets.ConnectionClosed:
            return False


async def subscribed(socket: Socket, id: str) -> None:
    await socket.subscribe(id, EVENTS)
    await socket.wait_until_open()


async def test_a_websocket_above_the_limit_closes_with_4429_until_another_closes(
    limited: str, ada: dict[str, str]
) -> None:
    async with Socket.opened(limited, additional_headers=ada):
        async with Socket.opened(limited, additional_headers=ada):
            code, reason = await rejected_socket(limited, ada)
            assert code == 4429
            assert "at most 2 connections open (MAX_CONNECTIONS)" in reason
            # Short requests are not limited.
            async with httpx2.AsyncClient(base_url=limited, headers=ada) as http:
                assert (await http.post("/graphql", json={"query": TYPENAME})).status_code == 200
        # The server needs a moment to notice that the other WebSocket is closed.
        async with asyncio.timeout(10):
            while not await is_accepted(limited, ada):
                pass


async def test_an_event_stream_above_the_limit_is_429(
    limited: str, ada: dict[str, str], http: httpx2.AsyncClient
) -> None:
    async with Socket.opened(limited, additional_headers=ada), EventSource.opened(http, EVENTS):
        async with EventSource.opened(http, EVENTS) as refused:
            assert refused.response.status_code == 429
            answer = (await refused.response.aread()).decode()
            assert '"code":"RATE_LIMITED"' in answer
        # A query over events is short, so it is not limited.
        async with EventSource.opened(http, TYPENAME) as source:
            assert await source.next() == {"__typename": "Query"}


async def test_each_caller_has_its_own_limit(limited: str, ada: dict[str, str]) -> None:
    other = {"Authorization": bearer("read", sub="grace")}
    async with (
        Socket.opened(limited, additional_headers=ada),
        Socket.opened(limited, additional_headers=ada),
        Socket.opened(limited, additional_headers=other) as socket,
    ):
        await subscribed(socket, "1")


async def test_a_subscription_above_the_limit_is_rejected_and_the_others_continue(
    limited: str, ada: dict[str, str]
) -> None:
    async with Socket.opened(limited, additional_headers=ada) as socket:
        for name in "123":
            await subscribed(socket, name)
        await socket.subscribe("4", EVENTS)
        message = await socket.receive()
        assert (message["id"], message["type"]) == ("4", "error")
        assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        # A query does not count as a subscription.
        await socket.subscribe("5", TYPENAME)
        await socket.next("5")
        assert (await socket.receive())["type"] == "complete"
        await socket.send(type="complete", id="1")
        await subscribed(socket, "6")


async def test_a_subscription_completed_at_once_releases_its_reservation(
    limited: str, ada: dict[str, str]
) -> None:
    async with Socket.opened(limited, additional_headers=ada) as socket:
        for number in range(20):
            await asyncio.gather(
                socket.subscribe(str(number), EVENTS), socket.send(type="complete", id=str(number))
            )
        await socket.wait_until_open()
        for name in "abc":
            await subscribed(socket, name)


async def test_a_disconnect_releases_the_reservations(
    limited: str, ada: dict[str, str], http: httpx2.AsyncClient
) -> None:
    for _ in range(3):
        async with Socket.opened(limited, additional_headers=ada) as socket:
            for name in "123":
                await subscribed(socket, name)
            socket.connection.transport.abort()
    async with EventSource.opened(http, TYPENAME) as source:
        await source.next()
    async with asyncio.timeout(10):
        while True:
            async with EventSource.opened(http, EVENTS) as source:
                if source.response.status_code == 200:
                    break
