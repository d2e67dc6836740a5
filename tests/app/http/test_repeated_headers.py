"""Headers that a request has in several lines, or in a list."""

import gzip
from typing import TypeAlias

import httpx2
import orjson
import pytest

from tests.app.http.conftest import Serve, Tokens
from tests.app.http.serving import Served
from tests.app.rest.rest_client import NEW, create, problem
from tests.proof.wire import connected, handshake, received, statuses

Lines: TypeAlias = list[tuple[str, str]]

JSON = ("Content-Type", "application/json")
QUERY = b'{"query": "{ viewer { name } }"}'


def lines(name: str, *values: str) -> Lines:
    return [(name, value) for value in values]


def values(name: str, *values: str, joined: bool) -> Lines:
    """Return a header with a list of values, in one line or in several."""
    return lines(name, ", ".join(values)) if joined else lines(name, *values)


several_or_one = pytest.mark.parametrize("joined", [False, True], ids=["several lines", "one line"])


@several_or_one
@pytest.mark.parametrize(
    ("accepted", "media_type"),
    [
        (("text/plain", "application/json"), "application/json"),
        (("text/plain", "application/graphql-response+json"), "graphql-response+json"),
        (("application/json;q=0.5", "application/graphql-response+json"), "response+json"),
        (("application/graphql-response+json;q=0.5", "application/json"), "application/json"),
        (("text/event-stream", "text/plain"), "text/event-stream"),
    ],
)
def test_all_lines_of_accept_are_read(
    http: httpx2.Client, accepted: tuple[str, ...], media_type: str, *, joined: bool
) -> None:
    headers = [JSON, *values("Accept", *accepted, joined=joined)]
    response = http.post("/graphql", content=QUERY, headers=headers)
    assert response.status_code == 200
    assert media_type in response.headers["Content-Type"]


@several_or_one
@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (("br", "gzip"), "gzip"),
        (("gzip;q=0", "*"), None),
        (("br", "x-gzip;q=0.1"), "gzip"),
        (("identity", "br"), None),
    ],
)
def test_all_lines_of_accept_encoding_are_read(
    http: httpx2.Client, accepted: tuple[str, ...], coding: str | None, *, joined: bool
) -> None:
    ticket = create(http, description="x" * 20_000)
    text = "query ($id: ID!) { ticket(id: $id) { description } }"
    query = orjson.dumps({"query": text, "variables": {"id": ticket["id"]}})
    # The client's own Accept-Encoding would be another line.
    with httpx2.Client(base_url=http.base_url) as plain:
        del plain.headers["Accept-Encoding"]
        headers = [JSON, *values("Accept-Encoding", *accepted, joined=joined)]
        response = plain.post("/graphql", content=query, headers=headers)
    assert response.headers.get("Content-Encoding") == coding
    assert response.json()["data"]["ticket"]["description"] == ticket["description"]


@several_or_one
def test_all_lines_of_content_encoding_are_read(http: httpx2.Client, *, joined: bool) -> None:
    headers = [JSON, *values("Content-Encoding", "identity", "gzip", joined=joined)]
    response = http.post("/graphql", content=gzip.compress(QUERY), headers=headers)
    assert "data" in response.json()


@several_or_one
def test_all_lines_of_if_none_match_are_read(http: httpx2.Client, *, joined: bool) -> None:
    etag = http.get("/openapi.json").headers["ETag"]
    for second, status in ((f"W/{etag}", 304), ('"another"', 200)):
        headers = values("If-None-Match", '"other"', second, joined=joined)
        assert http.get("/openapi.json", headers=headers).status_code == status


@several_or_one
def test_the_first_forwarded_protocol_is_that_of_the_client(
    http: httpx2.Client, *, joined: bool
) -> None:
    create(http)
    create(http)
    for protocols, scheme in ((("https", "http"), "https:"), (("http", "https"), "http:")):
        headers = values("X-Forwarded-Proto", *protocols, joined=joined)
        response = http.get("/tickets?limit=1", headers=headers)
        assert response.links["next"]["url"].startswith(scheme + "//")


@several_or_one
def test_all_lines_of_sec_websocket_protocol_are_read(server: Served, *, joined: bool) -> None:
    protocols = values("Sec-WebSocket-Protocol", "a", "graphql-transport-ws", joined=joined)
    offered = "".join(f"{name}: {value}\r\n" for name, value in protocols).encode()
    one = b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n"
    with connected(server.url) as wire:
        wire.sendall(handshake("localhost").replace(one, offered))
        head = received(wire, b"\r\n\r\n")
    assert statuses(head) == [101]
    assert one in head


def test_a_repeated_content_type_is_rejected(http: httpx2.Client) -> None:
    for second in ("application/json", "text/plain"):
        headers = [JSON, ("Content-Type", second)]
        assert http.post("/graphql", content=QUERY, headers=headers).status_code == 415
        response = http.post("/tickets", content=orjson.dumps(NEW), headers=headers)
        problem(response, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_repeated_credential_is_rejected(serve: Serve, new_token: Tokens) -> None:
    http = serve(AUTH="required").http
    valid = f"Bearer {new_token('read')}"
    for values in ((valid, valid), (valid, "Bearer x"), (f"{valid}, {valid}",)):
        response = http.get("/tickets", headers=lines("Authorization", *values))
        problem(response, 401, "UNAUTHENTICATED")
    assert http.get("/tickets", headers={"Authorization": valid}).status_code == 200


def test_the_first_request_id_is_used(http: httpx2.Client) -> None:
    response = http.get("/healthz", headers=lines("X-Request-Id", "first", "second"))
    assert response.headers["X-Request-Id"] == "first"


@pytest.mark.parametrize(
    ("repeated", "status"),
    [
        (b"Host: localhost\r\n", 400),
        (b"Content-Length: 0\r\nContent-Length: 0\r\n", 400),
        (b"Connection: close\r\nConnection: keep-alive\r\n", 200),
    ],
)
def test_repeated_headers_of_the_connection(server: Served, repeated: bytes, status: int) -> None:
    with connected(server.url) as wire:
        wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + repeated + b"\r\n")
        assert statuses(received(wire, b"\r\n\r\n")) == [status]
