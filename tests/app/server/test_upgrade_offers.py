"""Offers to upgrade a connection that the server ignores, accepts, or cannot accept."""

import asyncio
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from tests.app.server.echo import GET, POST, Connect, Echo, next_response, rejection, until_closed
from tests.proof.wire import statuses

H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAA\r\n"
Split: TypeAlias = Callable[[bytes, bytes], Iterator[bytes]]

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
WEBSOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + KEY
SOCKET = b"GET /socket HTTP/1.1\r\nHost: localhost\r\n"
# A body that would be a valid request.
BODY = b"POST /smuggled HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
OFFERS = {
    "h2c": H2C,
    "TLS": b"Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n",
    "several": b"Connection: keep-alive, upgrade\r\nUpgrade: foo/2\r\nUpgrade: h2c, bar\r\n",
    "WebSocket": WEBSOCKET,
}
FRAMINGS = {
    "length": (b"Content-Length: %d\r\n\r\n" % len(BODY), BODY),
    "chunks": (
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    ),
}


def at_once(head: bytes, rest: bytes) -> Iterator[bytes]:
    yield head + rest


def head_first(head: bytes, rest: bytes) -> Iterator[bytes]:
    yield head
    yield rest


def byte_by_byte(head: bytes, rest: bytes) -> Iterator[bytes]:
    for byte in head + rest:
        yield bytes([byte])


@pytest.mark.parametrize("split", [at_once, head_first, byte_by_byte])
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("offer", OFFERS)
async def test_a_request_with_an_ignored_offer_is_an_ordinary_one(
    connect: Connect,
    echo: Echo,
    offer: str,
    framing: str,
    split: Callable[[bytes, bytes], Iterator[bytes]],
) -> None:
    end_of_head, body = FRAMINGS[framing]
    request = POST + OFFERS[offer] + end_of_head
    async with connect() as (reader, writer):
        for part in split(request, body + request + body + GET + b"\r\n"):
            writer.write(part)
            # Each part is a segment of its own.
            await writer.drain()
            await asyncio.sleep(0)
        assert [await next_response(reader) for _ in range(3)] == [BODY, BODY, b""]
    assert echo.requests == [("POST", "/"), ("POST", "/"), ("GET", "/")]


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("start", [POST, b"POST / HTTP/1.0\r\n"], ids=["HTTP/1.1", "HTTP/1.0"])
async def test_an_ignored_offer_on_a_connection_that_closes(
    connect: Connect, echo: Echo, start: bytes, offer: str, framing: str
) -> None:
    end_of_head, body = FRAMINGS[framing]
    closing = OFFERS[offer].replace(b"keep-alive, ", b"")
    async with connect() as (reader, writer):
        writer.write(start + b"Connection: close\r\n" + closing + end_of_head + body)
        assert await next_response(reader) == BODY
        assert await until_closed(reader) == b""
    assert echo.requests == [("POST", "/")]


@pytest.mark.parametrize(
    "request_line", [b"GET / HTTP/1.1", b"GET /socket/ HTTP/1.1", b"POST /socket HTTP/1.1"]
)
async def test_a_websocket_is_accepted_only_by_get_on_its_path(
    connect: Connect, echo: Echo, request_line: bytes
) -> None:
    async with connect() as (reader, writer):
        writer.write(request_line + b"\r\nHost: localhost\r\n" + WEBSOCKET + b"\r\n")
        await next_response(reader)
        writer.write(GET + b"\r\n")
        await next_response(reader)
    assert len(echo.requests) == 2


@pytest.mark.parametrize(
    ("before", "head"),
    [
        pytest.param(GET + b"\r\n", SOCKET, id="before the response to an earlier request"),
        pytest.param(b"", b"GET /socket HTTP/1.0\r\nConnection: keep-alive\r\n", id="HTTP/1.0"),
        pytest.param(b"", SOCKET + b"Transfer-Encoding: chunked\r\n", id="with a body"),
        pytest.param(b"", SOCKET + b"Content-Length: 5\r\n", id="with a body of known length"),
    ],
)
async def test_a_websocket_is_not_accepted(
    connect: Connect, echo: Echo, before: bytes, head: bytes
) -> None:
    async with connect() as (reader, writer):
        writer.write(before + head + WEBSOCKET + b"\r\n0\r\n\r\n")
        for _ in range(2 if before else 1):
            await next_response(reader)
        assert echo.requests[-1] == ("GET", "/socket")


@pytest.mark.parametrize(
    "headers",
    [
        WEBSOCKET,
        WEBSOCKET.replace(b"websocket", b"h2c, WebSocket"),
        WEBSOCKET + b"Upgrade: h2c\r\n",
        WEBSOCKET.replace(b": Upgrade", b": keep-alive, upgrade") + b"Content-Length: 0\r\n",
    ],
)
async def test_a_websocket_is_accepted(connect: Connect, headers: bytes) -> None:
    async with connect() as (reader, writer):
        writer.write(SOCKET + headers + b"\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert statuses(head) == [101]
        assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (WEBSOCKET.replace(b"13", b"8"), 426),
        (WEBSOCKET.replace(b"13", b"13, 8"), 426),
        (WEBSOCKET + b"Sec-WebSocket-Version: 13\r\n", 426),
        (WEBSOCKET.removesuffix(KEY), 400),
        (WEBSOCKET + KEY, 400),
        (WEBSOCKET.replace(b"ub25jZQ", b"ub25"), 400),
    ],
)
async def test_an_invalid_handshake_is_rejected(
    connect: Connect, headers: bytes, status: int
) -> None:
    async with connect() as (reader, writer):
        writer.write(SOCKET + headers + b"\r\n")
        answer = await until_closed(reader)
        rejection(answer, status)
        assert (b"\r\nsec-websocket-version: 13\r\n" in answer) is (status == 426)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(b"CONNECT localhost:80 HTTP/1.1\r\nHost: x\r\n\r\n", 501, id="CONNECT"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, id="the preface of HTTP/2"),
        pytest.param(b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, id="HTTP/2.0"),
        pytest.param(b"GET /\r\n\r\n", 505, id="HTTP/0.9"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", 400, id="TLS"),
    ],
)
async def test_another_protocol_is_rejected(
    connect: Connect, echo: Echo, request_: bytes, status: int
) -> None:
    async with connect() as (reader, writer):
        writer.write(request_ + GET + b"\r\n")
        rejection(await until_closed(reader), status)
    assert echo.requests == []
