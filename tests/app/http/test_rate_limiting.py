"""RATE_LIMIT: how many requests one caller may make, whatever carries them."""

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

VIEWER = {"query": "{ viewer { name } }"}
SECRET = "a-key-of-the-tests-" * 4


def signed(key: str = SECRET, sub: str = "ann") -> str:
    claims = {"sub": sub, "scope": "read", "exp": time.time() + 300}
    return jwt.encode(claims, key, algorithm="HS256")


def test_without_a_limit_nothing_is_told(serve: Serve) -> None:
    response = serve().http.post("/graphql", json=VIEWER)
    assert "RateLimit-Limit" not in response.headers


def test_what_is_left_is_told_and_then_refused_over_graphql_and_rest_together(
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
        assert 0 < int(response.headers["RateLimit-Reset"]) <= 3600
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


def test_health_is_not_counted(serve: Serve) -> None:
    http = serve(RATE_LIMIT="1/hour").http
    assert [http.get("/readyz").status_code for _ in range(3)] == [200, 200, 200]


def test_operations_of_a_socket_are_counted_one_by_one(serve: Serve) -> None:
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


@pytest.fixture
def guarded(serve: Serve) -> Served:
    """Serve with access required, and three requests an hour."""
    return serve(AUTH="required", JWT_SECRET=SECRET, RATE_LIMIT="3/hour")


def ask(http: httpx2.Client, token: str) -> httpx2.Response:
    return http.post("/graphql", json=VIEWER, headers={"Authorization": f"Bearer {token}"})


@contextmanager
def from_elsewhere(served: Served) -> Iterator[httpx2.Client]:
    """Ask from another address."""
    transport = httpx2.HTTPTransport(local_address="127.0.0.2")
    with httpx2.Client(base_url=served.url, transport=transport, timeout=30) as http:
        yield http


async def test_bad_credentials_are_counted_and_then_not_even_looked_up(
    guarded: Served, database_url: str
) -> None:
    http = guarded.http
    assert [ask(http, f"ticketops_{number}").status_code for number in range(3)] == [401] * 3
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        # Who asks the database for a token now gets no answer.
        await connection.execute("LOCK TABLE api_tokens IN ACCESS EXCLUSIVE MODE")
        refused = ask(http, "ticketops_3")
        rest = http.get("/tickets", headers={"Authorization": "Bearer ticketops_4"})
    await connection.close()
    assert refused.status_code == 429
    assert refused.json()["errors"][0]["extensions"] == {"code": "RATE_LIMITED"}
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert rest.status_code == 429
    assert rest.json()["code"] == "RATE_LIMITED"


def test_bad_jwts_are_counted_with_them(guarded: Served) -> None:
    bad = [signed("other" * 10), "ticketops_x", signed("other" * 10), signed("other" * 10)]
    assert [ask(guarded.http, token).status_code for token in bad] == [401, 401, 401, 429]


def test_a_socket_of_bad_credentials_closes_with_4429(guarded: Served) -> None:
    codes = []
    url = guarded.url.replace("http", "ws") + "/graphql"
    for _ in range(4):
        with connect(url, subprotocols=["graphql-transport-ws"]) as opened:  # type: ignore[list-item]  # as above
            payload = {"authorization": "Bearer ticketops_x"}
            opened.send(json.dumps({"type": "connection_init", "payload": payload}))
            with pytest.raises(ConnectionClosed) as closed:
                opened.recv()
            assert closed.value.rcvd is not None
            codes.append(closed.value.rcvd.code)
    assert codes == [4401, 4401, 4401, 4429]


def test_whom_bad_credentials_of_the_same_address_hold_up(
    guarded: Served, new_token: Tokens
) -> None:
    """Tokens that were not seen here before, and nobody else."""
    known, new = new_token("read"), new_token("read")
    assert ask(guarded.http, known).status_code == 200
    for number in range(4):
        ask(guarded.http, f"ticketops_{number}")
    # Known from before, or checked without asking anybody.
    assert ask(guarded.http, known).status_code == 200
    assert ask(guarded.http, signed(sub="ann")).status_code == 200
    assert ask(guarded.http, new).status_code == 429
    with from_elsewhere(guarded) as http:
        assert ask(http, new).status_code == 200


def test_good_credentials_and_missing_ones_are_no_bad_ones(
    guarded: Served, new_token: Tokens
) -> None:
    for _ in range(4):
        assert guarded.http.post("/graphql", json=VIEWER).status_code == 401
        assert ask(guarded.http, new_token("read")).status_code == 200
    assert ask(guarded.http, "ticketops_x").status_code == 401


def test_a_token_that_has_ended_is_no_guess_but_counts_from_then_on(
    guarded: Served, tokens: Tokens
) -> None:
    """A client learns of it by the first answer, and asks with another token."""
    ended = tokens("create", "ended", "--scope", "read")
    assert ask(guarded.http, ended).status_code == 200
    tokens("revoke", "ended")
    while ask(guarded.http, ended).status_code != 401:
        # What was found good is kept for some seconds.
        time.sleep(0.2)
    assert [ask(guarded.http, ended).status_code for _ in range(4)] == [401, 401, 401, 429]


def test_a_jwt_and_a_token_of_one_name_are_two_callers(guarded: Served, tokens: Tokens) -> None:
    token = tokens("create", "twin", "--scope", "read")
    for credential in (token, signed(sub="twin")):
        answers = [ask(guarded.http, credential) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].json() == {"data": {"viewer": {"name": "twin"}}}


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """Run a Redis, and return its URL."""
    with redis_server(tmp_path) as url:
        yield url


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_processes_count_together_where_they_share_the_storage(
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


def test_a_storage_that_goes_away_or_hangs_keeps_nobody_out(serve: Serve, tmp_path: Path) -> None:
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
def test_a_storage_that_cannot_be_used_is_told_at_the_start(storage: str) -> None:
    environ = {"RATE_LIMIT": "2/hour", "RATE_LIMIT_STORAGE": storage}
    with pytest.raises(CommandError, match="Cannot use RATE_LIMIT_STORAGE"):
        RateLimit(Settings.load(environ, dotenv=None))
