"""Outages of PostgreSQL while the server runs, as clients see them.

The server connects by its Unix socket, which does not exist during an outage.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import jwt
import pytest

from app.database.embedded import VOLATILE, EmbeddedPostgres
from app.database.migrations import migrate
from tests.app.conftest import new_data_dir
from tests.app.graphql.operations import CREATE, EVENTS
from tests.app.graphql.subscriptions.event_source import EventSource
from tests.app.graphql.subscriptions.transport_ws import Socket
from tests.app.http.serving import Served, served
from tests.app.service import ticketops
from tests.feed.readers import connected
from tests.postgres_crash import crash, frozen

VIEWER = "{ viewer { name } }"
# Interval of the access checks.
LOOKED_AT_S = 6


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    """Run a separate PostgreSQL."""
    with new_data_dir() as folder:
        # A crash must not lose a token that was created just before.
        postgres = EmbeddedPostgres(folder, options=VOLATILE | {"synchronous_commit": "on"})
        postgres.start()
        yield postgres
        postgres.stop()


@pytest.fixture(scope="module")
async def closed(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """Run a server on it that requires authentication."""
    await migrate(postgres.url)
    log_file = tmp_path_factory.mktemp("log") / "server.log"
    with served(log_file, postgres.url, AUTH="required", DELIVERY_WORKER="true") as running:
        yield running


@pytest.fixture
async def http(closed: Served) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of that server."""
    async with httpx2.AsyncClient(base_url=closed.url, timeout=30) as http:
        yield http


@pytest.fixture
def token(postgres: EmbeddedPostgres, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Create a token that the server has not cached."""
    arguments = ("token", "create", request.node.name, "--scope", "read", "--scope", "write")
    completed = ticketops(*arguments, cwd=tmp_path, DATABASE_URL=postgres.url)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout.strip()


@asynccontextmanager
async def outage(postgres: EmbeddedPostgres, http: httpx2.AsyncClient) -> AsyncIterator[None]:
    """Stop PostgreSQL during the block; after it, wait until the server has reconnected."""
    await crash(postgres)
    try:
        yield
    finally:
        postgres.stop()
        await asyncio.to_thread(postgres.start)
        async with asyncio.timeout(30):
            while not (await http.get("/readyz")).is_success:  # noqa: ASYNC110  # there is no event to wait for
                await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", "application/json; charset=utf-8"),
        ("application/graphql-response+json", "application/graphql-response+json; charset=utf-8"),
        ("text/event-stream", "application/json; charset=utf-8"),
    ],
)
async def test_an_outage_is_503_in_the_requested_format(
    postgres: EmbeddedPostgres, http: httpx2.AsyncClient, token: str, accept: str, content_type: str
) -> None:
    """Even if the credential cannot be checked."""
    headers = {"Authorization": f"Bearer {token}", "Accept": accept}
    async with outage(postgres, http):
        answer = await http.post("/graphql", json={"query": VIEWER}, headers=headers)
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == content_type
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.json() == {
            "errors": [
                {
                    "message": "The database is unavailable. Try again later.",
                    "extensions": {"code": "SERVICE_UNAVAILABLE"},
                }
            ]
        }
        answer = await http.get("/tickets", headers=headers)
        assert answer.status_code == 503
        assert answer.json()["code"] == "SERVICE_UNAVAILABLE"
    answer = await http.post("/graphql", json={"query": VIEWER}, headers=headers)
    assert answer.status_code == 200


async def test_a_websocket_that_cannot_be_initialized_closes_with_1013(
    postgres: EmbeddedPostgres, closed: Served, http: httpx2.AsyncClient, token: str
) -> None:
    payload = {"authorization": f"Bearer {token}"}
    async with outage(postgres, http), Socket.opened(closed.url, init=False) as socket:
        await socket.send(type="connection_init", payload=payload)
        assert await socket.closed() == (1013, "Try again later")
    async with Socket.opened(closed.url, init=False) as socket:
        await socket.send(type="connection_init", payload=payload)
        assert await socket.receive() == {"type": "connection_ack"}


async def test_subscriptions_continue_after_an_outage_until_the_token_is_revoked(
    postgres: EmbeddedPostgres, closed: Served, http: httpx2.AsyncClient, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    http.headers.update(headers)
    async with (
        Socket.opened(closed.url, additional_headers=headers) as socket,
        EventSource.opened(http, EVENTS) as source,
    ):
        await socket.subscribe("1", EVENTS)
        await socket.wait_until_open()
        assert await source.block() == b":"
        async with outage(postgres, http):
            # Long enough for access checks to fail.
            await asyncio.sleep(LOOKED_AT_S)
            await socket.subscribe("2", EVENTS)
            refused = await socket.receive()
            assert refused["payload"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
        await http.post("/graphql", json={"query": CREATE})
        assert await socket.next("1") == await source.next()

        async with connected(postgres.url) as connection:
            await connection.execute("UPDATE api_tokens SET revoked_at = now()")
        assert await socket.closed(retry_for_s=60) == (4401, "Unauthorized")
        event = await source.event(retry_for_s=60)
        assert event is not None
        assert event[1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert await source.event() == ("complete", None)
        assert await source.event() is None


async def test_a_failing_access_check_ends_the_subscription(
    postgres: EmbeddedPostgres, closed: Served, http: httpx2.AsyncClient, token: str
) -> None:
    """Unless it fails because of an outage, which is temporary."""
    headers = {"Authorization": f"Bearer {token}"}
    http.headers.update(headers)
    async with (
        connected(postgres.url) as connection,
        Socket.opened(closed.url, additional_headers=headers) as socket,
        EventSource.opened(http, EVENTS) as source,
    ):
        await socket.subscribe("1", EVENTS)
        await socket.wait_until_open()
        await connection.execute("ALTER TABLE api_tokens RENAME TO renamed")
        try:
            assert await socket.closed(retry_for_s=60) == (4500, "Internal server error")
            event = await source.event(retry_for_s=60)
            assert event is not None
            assert event[1]["errors"][0]["extensions"]["code"] == "INTERNAL"
            assert await source.event() == ("complete", None)

            answer = await http.post("/graphql", json={"query": VIEWER})
            assert answer.status_code == 500
            assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
            [error] = answer.json()["errors"]
            request_id = answer.headers["X-Request-Id"]
            assert error["extensions"] == {"code": "INTERNAL", "requestId": request_id}
            assert "api_tokens" not in answer.text
        finally:
            await connection.execute("ALTER TABLE renamed RENAME TO api_tokens")


async def test_authentication_has_a_time_limit(
    postgres: EmbeddedPostgres, http: httpx2.AsyncClient, token: str
) -> None:
    """Even if PostgreSQL keeps the connection open and does not respond."""
    # The pool has a connection for each request.
    unknown = [{"Authorization": f"Bearer ticketops_{number}"} for number in range(4)]
    await asyncio.gather(*(http.get("/tickets", headers=headers) for headers in unknown))
    headers = {"Authorization": f"Bearer {token}"}
    with frozen(postgres):
        answer = await http.post("/graphql", json={"query": VIEWER}, headers=headers)
    assert answer.status_code == 503
    answer = await http.post("/graphql", json={"query": VIEWER}, headers=headers)
    assert answer.status_code == 200


async def test_an_os_error_is_not_taken_for_a_disconnect(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    """Both are an OSError: here the file of certificates is missing."""
    settings = {"AUTH": "required", "JWT_JWKS_URL": "https://127.0.0.1:1/keys"}
    payload = {"authorization": "Bearer " + jwt.encode({"sub": "ada"}, "k" * 32)}
    with served(tmp_path / "log", postgres.url, SSL_CERT_FILE="/nowhere", **settings) as running:
        async with Socket.opened(running.url, init=False) as socket:
            await socket.send(type="connection_init", payload=payload)
            assert await socket.closed() == (1013, "Try again later")


async def test_deliveries_wait_for_the_database_and_log_one_line_without_traceback(
    postgres: EmbeddedPostgres, closed: Served, http: httpx2.AsyncClient
) -> None:
    async with outage(postgres, http):
        await asyncio.to_thread(closed.wait_for_text, "deliveries are waiting")
    await asyncio.to_thread(closed.wait_for_text, "deliveries continue")
    of_worker = [event for event in closed.log() if event.get("logger") == "ops.delivery.worker"]
    assert {event["level"] for event in of_worker} == {"warning"}
