"""RATE_LIMIT limits the requests of a caller over all transports."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx2
import jwt
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from app.auth.rate_limit import RateLimit
from app.config.settings import Settings
from app.errors import CommandError
from tests.app.http.conftest import Serve, Tokens
from tests.app.http.serving import Served
from tests.app.redis_server import PASSWORD, redis_server

FIELDS = ("subject", "description", "customerName", "customerEmail")
VIEWER = {"query": "{ viewer { name } }"}
SECRET = "a-key-of-the-tests-" * 4


def signed(key: str = SECRET, sub: str = "ann") -> str:
    claims = {"sub": sub, "scope": "read", "exp": time.time() + 300}
    return jwt.encode(claims, key, algorithm="HS256")


def test_without_a_limit_there_are_no_headers(serve: Serve) -> None:
    response = serve().http.post("/graphql", json=VIEWER)
    assert not [name for name in response.headers if name.startswith("ratelimit")]


def test_graphql_and_rest_share_one_limit(
    serve: Serve,
) -> None:
    http = serve(RATE_LIMIT="3/hour").http
    left = []
    for response in (
        http.post("/graphql", json=VIEWER),
        http.get("/tickets"),
        http.get("/graphql", params=VIEWER),
    ):
        assert response.status_code == 200
        assert response.headers["RateLimit-Limit"] == "3"
        reset_s = int(response.headers["RateLimit-Reset"])
        assert 0 < reset_s <= 3600
        assert response.headers["RateLimit-Policy"] == '"default";q=3;w=3600'
        remaining = response.headers["RateLimit-Remaining"]
        assert response.headers["RateLimit"] == f'"default";r={remaining};t={reset_s}'
        left.append(response.headers["RateLimit-Remaining"])
    assert left == ["2", "1", "0"]

    refused = http.post("/graphql", json=VIEWER)
    assert refused.status_code == 429
    assert refused.json()["errors"][0]["extensions"] == {"code": "RATE_LIMITED"}
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    refused = http.get("/tickets")
    assert refused.status_code == 429
    assert refused.json()["code"] == "RATE_LIMITED"


def test_health_checks_are_not_counted(serve: Serve) -> None:
    http = serve(RATE_LIMIT="1/hour").http
    assert [http.get("/readyz").status_code for _ in range(3)] == [200, 200, 200]


def test_each_operation_on_a_websocket_is_counted(serve: Serve) -> None:
    url = serve(RATE_LIMIT="2/hour").url.replace("http", "ws") + "/graphql"
    with connect(url, subprotocols=["graphql-transport-ws"]) as opened:  # type: ignore[list-item]  # a NewType of str
        opened.send(json.dumps({"type": "connection_init"}))
        assert json.loads(opened.recv())["type"] == "connection_ack"
        answers = []
        for number in range(3):
            message = {"id": str(number), "type": "subscribe", "payload": VIEWER}
            opened.send(json.dumps(message))
            answer = json.loads(opened.recv())
            answers.append(answer["type"])
            if answer["type"] == "next":
                assert json.loads(opened.recv())["type"] == "complete"
            else:
                assert answer["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert answers == ["next", "next", "error"]


def test_each_event_that_a_subscription_answers_is_counted(serve: Serve) -> None:
    server = serve(RATE_LIMIT="7/hour")
    url = server.url.replace("http", "ws") + "/graphql"
    fields = ", ".join(f'{name}: "a@b.example"' for name in FIELDS)
    payload = "ticket { history(first: 1) { nodes { cursor } } }"
    creation = f"createTicket(input: {{{fields}}}) {{ {payload} }}"
    # One request and two subscriptions leave four events; each subscription has six.
    mutation = " ".join(f"t{number}: {creation}" for number in range(7))
    created = server.http.post("/graphql", json={"query": f"mutation {{ {mutation} }}"}).json()
    first = created["data"]["t0"]["ticket"]["history"]["nodes"][0]["cursor"]
    subscription = f'subscription {{ ticketEvents(after: "{first}") {{ cursor }} }}'
    query = {"query": subscription}
    with connect(url, subprotocols=["graphql-transport-ws"]) as opened:  # type: ignore[list-item]  # a NewType of str
        for message in (
            {"type": "connection_init"},
            {"id": "1", "type": "subscribe", "payload": query},
            {"id": "2", "type": "subscribe", "payload": query},
        ):
            opened.send(json.dumps(message))
        acknowledged, *received = [json.loads(opened.recv(timeout=30)) for _ in range(7)]
        assert acknowledged["type"] == "connection_ack"
        events = [message for message in received if message["type"] == "next"]
        errors = [message for message in received if message["type"] == "error"]
        assert len(events) == 4
        assert {message["id"] for message in errors} == {"1", "2"}
        for message in errors:
            [error] = message["payload"]
            assert error["extensions"]["code"] == "RATE_LIMITED"
            assert "RATE_LIMIT" in error["message"]


@pytest.fixture
def limited(serve: Serve) -> Served:
    """Run a server that requires authentication and allows three requests an hour."""
    return serve(AUTH="required", JWT_SECRET=SECRET, RATE_LIMIT="3/hour")


def ask(http: httpx2.Client, token: str) -> httpx2.Response:
    return http.post("/graphql", json=VIEWER, headers={"Authorization": f"Bearer {token}"})


@contextmanager
def from_elsewhere(served: Served) -> Iterator[httpx2.Client]:
    """Return a client with another address."""
    transport = httpx2.HTTPTransport(local_address="127.0.0.2")
    with httpx2.Client(base_url=served.url, transport=transport, timeout=30) as http:
        yield http


async def test_invalid_credentials_are_limited_before_the_database_is_queried(
    limited: Served, database_url: str
) -> None:
    http = limited.http
    assert [ask(http, f"ticketops_{number}").status_code for number in range(3)] == [401] * 3
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        # From here on a lookup of a token would fail.
        await connection.execute("LOCK TABLE api_tokens IN ACCESS EXCLUSIVE MODE")
        refused = ask(http, "ticketops_3")
        rest = http.get("/tickets", headers={"Authorization": "Bearer ticketops_4"})
    await connection.close()
    assert refused.status_code == 429
    assert refused.json()["errors"][0]["extensions"] == {"code": "RATE_LIMITED"}
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert rest.status_code == 429
    assert rest.json()["code"] == "RATE_LIMITED"


def test_invalid_jwts_share_the_limit_of_invalid_tokens(limited: Served) -> None:
    bad = [signed("other" * 10), "ticketops_x", signed("other" * 10), signed("other" * 10)]
    assert [ask(limited.http, token).status_code for token in bad] == [401, 401, 401, 429]


def test_a_websocket_above_the_limit_of_invalid_credentials_closes_with_4429(
    limited: Served,
) -> None:
    codes = []
    url = limited.url.replace("http", "ws") + "/graphql"
    for _ in range(4):
        with connect(url, subprotocols=["graphql-transport-ws"]) as opened:  # type: ignore[list-item]  # as above
            payload = {"authorization": "Bearer ticketops_x"}
            opened.send(json.dumps({"type": "connection_init", "payload": payload}))
            with pytest.raises(ConnectionClosed) as closed:
                opened.recv()
            assert closed.value.rcvd is not None
            codes.append(closed.value.rcvd.code)
    assert codes == [4401, 4401, 4401, 4429]


def test_callers_affected_by_invalid_credentials_from_their_address(
    limited: Served, new_token: Tokens
) -> None:
    """Only tokens that are not cached are affected."""
    known, new = new_token("read"), new_token("read")
    assert ask(limited.http, known).status_code == 200
    for number in range(4):
        ask(limited.http, f"ticketops_{number}")
    # Cached, or verified without a query.
    assert ask(limited.http, known).status_code == 200
    assert ask(limited.http, signed(sub="ann")).status_code == 200
    assert ask(limited.http, new).status_code == 429
    with from_elsewhere(limited) as http:
        assert ask(http, new).status_code == 200


def test_valid_and_missing_credentials_are_not_counted_as_invalid(
    limited: Served, new_token: Tokens
) -> None:
    for _ in range(4):
        assert limited.http.post("/graphql", json=VIEWER).status_code == 401
        assert ask(limited.http, new_token("read")).status_code == 200
    assert ask(limited.http, "ticketops_x").status_code == 401


def test_a_revoked_token_counts_as_invalid_after_the_first_rejection(
    limited: Served, tokens: Tokens
) -> None:
    """The first rejection tells the client to use another token."""
    ended = tokens("create", "ended", "--scope", "read")
    assert ask(limited.http, ended).status_code == 200
    tokens("revoke", "ended")
    while ask(limited.http, ended).status_code != 401:
        # A valid token is cached for some seconds.
        time.sleep(0.2)
    assert [ask(limited.http, ended).status_code for _ in range(4)] == [401, 401, 401, 429]


def test_a_jwt_and_a_token_of_one_name_are_two_callers(limited: Served, tokens: Tokens) -> None:
    token = tokens("create", "twin", "--scope", "read")
    for credential in (token, signed(sub="twin")):
        answers = [ask(limited.http, credential) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].json() == {"data": {"viewer": {"name": "twin"}}}


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """Run Redis, and return its URL."""
    with redis_server(tmp_path) as url:
        yield url


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_processes_with_a_shared_storage_share_the_limit(
    serve: Serve, redis_url: str, scheme: str
) -> None:
    storage = redis_url.replace("redis", scheme, 1)
    settings = {"RATE_LIMIT": "3/hour", "RATE_LIMIT_STORAGE": storage, "LOG_LEVEL": "debug"}
    settings |= {"AUTH": "required", "JWT_SECRET": SECRET}
    one, other = serve(**settings), serve(**settings)
    answers = [ask(server.http, signed()) for server in (one, other, one, other)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600
    bad = [ask(server.http, "ticketops_x") for server in (one, other, one, other)]
    assert [answer.status_code for answer in bad] == [401, 401, 401, 429]
    assert PASSWORD not in one.log_text()


def test_an_unavailable_storage_rejects_no_requests(serve: Serve, tmp_path: Path) -> None:
    with redis_server(tmp_path) as gone:
        leaving = serve(RATE_LIMIT="1/hour", RATE_LIMIT_STORAGE=gone)
        assert leaving.http.post("/graphql", json=VIEWER).headers["RateLimit-Limit"] == "1"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = serve(
            RATE_LIMIT="1/hour",
            RATE_LIMIT_STORAGE=f"redis://127.0.0.1:{silent.getsockname()[1]}",
        )
        for served in (leaving, hanging):
            for _ in range(2):
                response = served.http.post("/graphql", json=VIEWER)
                assert response.status_code == 200
                assert "RateLimit-Limit" not in response.headers
            served.wait_for_text("rate limit storage unavailable")
            assert PASSWORD not in served.log_text()


@pytest.mark.parametrize(
    "storage",
    ["redis+sentinel://127.0.0.1:1", "redis://127.0.0.1:1?socket_timeout=long"],
    ids=["without a service", "with a bad option"],
)
def test_an_unusable_storage_is_reported_at_the_start(storage: str) -> None:
    environ = {"RATE_LIMIT": "2/hour", "RATE_LIMIT_STORAGE": storage}
    with pytest.raises(CommandError, match="Cannot use RATE_LIMIT_STORAGE"):
        RateLimit(Settings.load(environ, dotenv=None))
