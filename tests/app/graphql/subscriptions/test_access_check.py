"""Access to subscriptions: at their start, and while they are open."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import jwt
import pytest

from tests.app.auth.key_server import new_key, token_of
from tests.app.graphql.operations import EVENTS, TYPENAME
from tests.app.graphql.subscriptions.event_source import EventSource
from tests.app.graphql.subscriptions.transport_ws import Socket
from tests.app.http.serving import served

SECRET = "a-key-of-the-tests-" * 4
# Tolerated difference between clocks.
LEEWAY_S = 30


def bearer(scope: str = "read", *, for_s: float = 60, sub: str = "ada") -> str:
    claims = {"sub": sub, "scope": scope, "exp": time.time() + for_s}
    return "Bearer " + jwt.encode(claims, SECRET, algorithm="HS256")


@pytest.fixture(scope="module")
def closed(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a server that requires authentication, and return its URL."""
    log_file = tmp_path_factory.mktemp("log") / "server.log"
    with served(log_file, database_url, AUTH="required", JWT_SECRET=SECRET) as running:
        yield running.url


@pytest.fixture
async def http(closed: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of that server."""
    async with httpx2.AsyncClient(base_url=closed, timeout=30) as http:
        yield http


@pytest.mark.parametrize("payload", [None, {}, {"authorization": "Bearer x"}, {"authorization": 5}])
async def test_a_websocket_without_a_valid_credential_is_closed(
    closed: str, payload: object
) -> None:
    async with Socket.opened(closed, init=False) as socket:
        await socket.send(type="connection_init", payload=payload)
        assert await socket.closed() == (4401, "Unauthorized")


async def test_a_websocket_closes_with_1013_if_the_credential_cannot_be_checked(
    database_url: str, tmp_path: Path
) -> None:
    settings = {"AUTH": "required", "JWT_JWKS_URL": "http://127.0.0.1:1/keys"}
    with served(tmp_path / "server.log", database_url, **settings) as running:
        async with Socket.opened(running.url, init=False) as socket:
            credential = f"Bearer {token_of('first', new_key())}"
            await socket.send(type="connection_init", payload={"authorization": credential})
            assert await socket.closed() == (1013, "Try again later")


@pytest.mark.parametrize("name", ["authorization", "Authorization"])
async def test_the_initialization_can_contain_the_credential(closed: str, name: str) -> None:
    async with Socket.opened(closed, init=False) as socket:
        await socket.send(type="connection_init", payload={name: bearer()})
        assert await socket.receive() == {"type": "connection_ack"}
        await socket.subscribe("1", "{ viewer { name } }")
        assert await socket.next("1") == {"viewer": {"name": "ada"}}


async def test_a_header_can_contain_the_credential(closed: str) -> None:
    headers = {"Authorization": bearer()}
    async with Socket.opened(closed, additional_headers=headers) as socket:
        await socket.subscribe("1", EVENTS)
        await socket.wait_until_open()


async def test_the_credential_of_the_initialization_takes_precedence(closed: str) -> None:
    headers = {"Authorization": "Bearer of-another"}
    async with Socket.opened(closed, init=False, additional_headers=headers) as socket:
        await socket.send(type="connection_init", payload={"authorization": bearer()})
        assert await socket.receive() == {"type": "connection_ack"}


async def test_a_subscription_over_websocket_requires_its_scope(closed: str) -> None:
    headers = {"Authorization": bearer("write")}
    async with Socket.opened(closed, additional_headers=headers) as socket:
        await socket.subscribe("1", EVENTS)
        message = await socket.receive()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_websocket_closes_after_its_credential_expires(closed: str) -> None:
    headers = {"Authorization": bearer(for_s=2 - LEEWAY_S)}
    async with Socket.opened(closed, additional_headers=headers) as socket:
        await socket.subscribe("1", EVENTS)
        await socket.wait_until_open()
        assert await socket.closed() == (4401, "Unauthorized")


async def test_a_revoked_token_closes_its_websocket_and_its_stream(
    closed: str, http: httpx2.AsyncClient, database_url: str
) -> None:
    """Within REVOCATION_DELAY_S."""
    client = ("--database-url", database_url)
    secret = await ticketops("token", "create", "leaked", "--scope", "read", *client)
    headers = {"Authorization": f"Bearer {secret}"}
    http.headers.update(headers)
    async with (
        Socket.opened(closed, additional_headers=headers) as socket,
        EventSource.opened(http, EVENTS) as source,
    ):
        await socket.subscribe("1", EVENTS)
        await socket.wait_until_open()
        await ticketops("token", "revoke", "leaked", *client)
        assert await socket.closed(retry_for_s=60) == (4401, "Unauthorized")
        event = await source.event(retry_for_s=60)
        assert event is not None
        assert event[1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def ticketops(*arguments: str) -> str:
    """Run a command, and return its output."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *arguments), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        printed, _ = await program.communicate()
    assert program.returncode == 0
    return printed.decode().strip()


async def test_an_event_stream_requires_a_credential(http: httpx2.AsyncClient) -> None:
    async with EventSource.opened(http, TYPENAME) as source:
        assert source.response.status_code == 401
        assert source.response.headers["www-authenticate"] == "Bearer"
        assert source.response.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_subscription_over_events_requires_its_scope(http: httpx2.AsyncClient) -> None:
    http.headers["Authorization"] = bearer("write")
    async with EventSource.opened(http, EVENTS) as source:
        assert source.response.status_code == 403


async def test_a_stream_ends_after_its_credential_expires(
    http: httpx2.AsyncClient,
) -> None:
    http.headers["Authorization"] = bearer(for_s=2 - LEEWAY_S)
    async with EventSource.opened(http, EVENTS) as source:
        event = await source.event()
        assert event is not None
        name, result = event
        assert name == "next"
        assert result["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert await source.event() == ("complete", None)
        assert await source.event() is None
