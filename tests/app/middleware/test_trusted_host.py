"""Requests for another Host are rejected: protection against DNS rebinding."""

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
from tests.app.http.conftest import Serve
from tests.app.http.serving import Served
from tests.app.rest.rest_client import create, problem
from tests.proof.wire import connected, statuses, talk

ELSEWHERE = Origin("https://evil.example")
# Headers of a browser during the attack: it considers the page and this server one origin.
REBOUND = {
    "Host": "evil.example:4040",
    "Origin": "http://evil.example:4040",
    "Sec-Fetch-Site": "same-origin",
}


async def status_for(*hosts: str, version: str = "1.1", **environ: str) -> int:
    """Return the status of a response."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    async def send(message: dict[str, object]) -> None:
        said.append(message)

    said: list[dict[str, object]] = []
    settings = Settings.load(environ, dotenv=None)
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
async def test_names_of_this_machine_are_accepted(host: str) -> None:
    assert await status_for(host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "127.0.0.1.evil.example",
        "192.0.2.7:4040",
        "0.0.0.0",  # noqa: S104  # a name that an attacker could use
        "[::1",
        "localhost:4040@evil.example",
        "evil.example/localhost",
        "",
        "é",
        "x" * 70_000,
    ],
)
async def test_other_names_are_rejected_while_access_is_open(host: str) -> None:
    assert await status_for(host) == 421


async def test_the_host_of_a_configured_origin_is_accepted() -> None:
    origins = "https://desk.example,http://other.example:8080"
    for host in ("desk.example", "Desk.Example:443", "other.example"):
        assert await status_for(host, CORS_ORIGINS=origins) == 200
    assert await status_for("evil.example", CORS_ORIGINS=origins) == 421


async def test_any_name_is_accepted_with_authentication() -> None:
    assert await status_for("tickets.example", AUTH="required") == 200


async def test_any_name_is_accepted_on_a_public_address() -> None:
    assert await status_for("tickets.example", AUTH="off", HOST="192.0.2.7") == 200


@pytest.mark.parametrize("auth", ["off", "required"])
async def test_a_request_must_have_one_host(auth: str) -> None:
    """RFC 9112, section 3.2."""
    assert await status_for(AUTH=auth) == 400
    assert await status_for("localhost", "localhost", AUTH=auth) == 400
    assert await status_for(version="1.0", AUTH=auth) == 200


# --------------------------------------------------------------------------- the whole server


@pytest.fixture
def open_server(serve: Serve) -> Iterator[Served]:
    """Run a server with the default settings, and check that it logs no errors."""
    running = serve()
    yield running
    assert [event for event in running.log() if event["level"] not in {"info", "warning"}] == []


def test_an_attacking_page_reads_and_changes_nothing(open_server: Served) -> None:
    http = open_server.http
    ticket = create(http)
    path = f"/tickets/{ticket['id']}"
    problem(http.get(path, headers=REBOUND), 421, "MISDIRECTED_REQUEST")
    problem(http.delete(path, headers=REBOUND), 421, "MISDIRECTED_REQUEST")
    query = {"query": "{ tickets { totalCount } }"}
    problem(http.post("/graphql", json=query, headers=REBOUND), 421, "MISDIRECTED_REQUEST")
    assert http.get(path).json() == ticket


def test_an_attacking_page_opens_no_websocket(open_server: Served) -> None:
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
        (handshake.format(host, "A: b\r\n" * 200), 431),
        (handshake.format(host, f"A: {'b' * 9_000}\r\n"), 400),
    ):
        with connected(open_server.url) as wire:
            answer = talk(wire, sent.encode())
        assert statuses(answer) == [status]
        assert b"x-content-type-options: nosniff" in answer.lower()


def test_a_rejected_websocket_gets_the_reason_and_is_logged(open_server: Served) -> None:
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
