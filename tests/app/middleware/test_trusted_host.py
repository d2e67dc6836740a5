"""A page whose name was made to lead to this machine has that name in Host, and is not let in."""

import json
from collections.abc import Iterator

import pytest
from starlette.types import Receive, Scope, Send
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from app.config.settings import Settings
from app.middleware.request import RequestMiddleware
from app.middleware.trusted_host import TrustedHostMiddleware
from tests.app.http.asking import create, problem
from tests.app.http.conftest import Serve
from tests.app.http.serving import Served
from tests.proof.wire import connected, statuses, talk

ELSEWHERE = Origin("https://evil.example")
# What a browser says of such a page: for it the page and we are one.
REBOUND = {
    "Host": "evil.example:4040",
    "Origin": "http://evil.example:4040",
    "Sec-Fetch-Site": "same-origin",
}


async def answered(*hosts: str, version: str = "1.1", **given: str) -> int:
    """Return the status with which a request is answered."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    async def send(message: dict[str, object]) -> None:
        said.append(message)

    said: list[dict[str, object]] = []
    settings = Settings.load(given, dotenv=None)
    scope = {
        "type": "http",
        "http_version": version,
        "method": "GET",
        "path": "/",
        "headers": [(b"host", host.encode("latin-1")) for host in hosts],
    }
    await RequestMiddleware(TrustedHostMiddleware(app, settings))(scope, receive, send)  # type: ignore[arg-type]  # plain dictionaries
    status = said[0]["status"]
    assert isinstance(status, int)
    return status


@pytest.mark.parametrize(
    "host",
    ["localhost", "LocalHost:4040", "localhost.", "tickets.localhost", "127.0.0.1:1", "[::1]:4040"],
)
async def test_names_of_this_machine_are_taken(host: str) -> None:
    assert await answered(host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "127.0.0.1.evil.example",
        "192.0.2.7:4040",
        "0.0.0.0",  # noqa: S104  # where a page elsewhere would try it
        "[::1",
        "localhost:4040@evil.example",
        "evil.example/localhost",
        "",
        "é",
        "x" * 70_000,
    ],
)
async def test_others_are_not_where_everybody_is_let_in(host: str) -> None:
    assert await answered(host) == 421


async def test_a_name_of_cors_origins_is_taken() -> None:
    origins = "https://desk.example,http://other.example:8080"
    for host in ("desk.example", "Desk.Example:443", "other.example"):
        assert await answered(host, CORS_ORIGINS=origins) == 200
    assert await answered("evil.example", CORS_ORIGINS=origins) == 421


async def test_any_name_is_taken_where_a_credential_is_asked_for() -> None:
    assert await answered("tickets.example", AUTH="required") == 200


async def test_any_name_is_taken_where_access_was_opened_to_others() -> None:
    assert await answered("tickets.example", AUTH="off", HOST="192.0.2.7") == 200


@pytest.mark.parametrize("auth", ["off", "required"])
async def test_a_request_has_one_host(auth: str) -> None:
    """RFC 9112, section 3.2."""
    assert await answered(AUTH=auth) == 400
    assert await answered("localhost", "localhost", AUTH=auth) == 400
    assert await answered(version="1.0", AUTH=auth) == 200


# ------------------------------------------------------------------------------- as it is run


@pytest.fixture
def open_server(serve: Serve) -> Iterator[Served]:
    """Run one as by default, and check that nothing of it was a fault of ours."""
    running = serve()
    yield running
    assert [event for event in running.log() if event["level"] not in {"info", "warning"}] == []


def test_such_a_page_reads_nothing_and_changes_nothing(open_server: Served) -> None:
    http = open_server.http
    ticket = create(http)
    path = f"/tickets/{ticket['id']}"
    problem(http.get(path, headers=REBOUND), 421, "MISDIRECTED_REQUEST")
    problem(http.delete(path, headers=REBOUND), 421, "MISDIRECTED_REQUEST")
    query = {"query": "{ tickets { totalCount } }"}
    problem(http.post("/graphql", json=query, headers=REBOUND), 421, "MISDIRECTED_REQUEST")
    assert http.get(path).json() == ticket


def test_such_a_page_opens_no_socket(open_server: Served) -> None:
    host = open_server.url.removeprefix("http://")
    handshake = (
        "GET /graphql HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n{}\r\n"
    )
    for sent, status in (
        (handshake.format(host, ""), 101),
        (handshake.format("evil.example", ""), 421),
        (handshake.format(host, "Host: localhost\r\n"), 400),
        (handshake.format(host, "A: b\r\n" * 200), 400),
        (handshake.format(host, f"A: {'b' * 9_000}\r\n"), 400),
    ):
        with connected(open_server.url) as wire:
            answer = talk(wire, sent.encode())
        assert statuses(answer) == [status]
        assert b"x-content-type-options: nosniff" in answer.lower()


def test_a_refused_socket_is_told_why_and_logged_as_any_request(open_server: Served) -> None:
    url = open_server.url.replace("http", "ws") + "/graphql"
    with pytest.raises(InvalidStatus) as refused, connect(url, origin=ELSEWHERE):
        pass
    response = refused.value.response
    assert response.status_code == 403
    assert response.body is not None
    assert json.loads(response.body)["code"] == "FORBIDDEN"
    request_id = response.headers["X-Request-Id"]
    open_server.wait_for_text(request_id)
    [line] = [event for event in open_server.log() if event.get("request_id") == request_id]
    assert (line["level"], line["status"], line["method"]) == ("info", 403, "WEBSOCKET")
