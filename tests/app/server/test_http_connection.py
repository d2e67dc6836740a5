"""Limits of a connection in bytes and time, and responses to invalid input."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

import orjson
import pytest
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from app.server.http_connection import MAX_HEAD_BYTES, MAX_HEADERS, MAX_PIPELINED
from app.server.timeouts import ConnectionTimeouts
from tests.app.server.connection_arguments import connection_arguments
from tests.proof.wire import statuses

FOREVER_S = 3600.0
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect: TypeAlias = Callable[..., AbstractAsyncContextManager[Streams]]


class Echo:
    """Application that responds with the request's body once allowed, and records disconnects."""

    def __init__(self) -> None:
        self.may_respond = asyncio.Event()
        self.may_respond.set()
        self.disconnected = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            self.disconnected.set()
            return
        await self.may_respond.wait()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def connect(echo: Echo) -> Connect:
    @asynccontextmanager
    async def connect(
        *, idle_s: float = FOREVER_S, header_s: float = FOREVER_S
    ) -> AsyncIterator[Streams]:
        timeouts = ConnectionTimeouts(idle_s=idle_s, header_s=header_s)
        config = uvicorn.Config(
            echo,
            port=0,
            **connection_arguments(timeouts=timeouts),
            lifespan="off",
            log_config=None,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            assert not serving.done(), serving.result()
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            # Fail at the line of the test that waits in vain.
            async with asyncio.timeout(20):
                yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await serving

    return connect


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    return await reader.read()


def rejection(response: bytes, status: int) -> dict[str, object]:
    """Check the early response that ends a connection, and return its problem document."""
    head, _, body = response.partition(b"\r\n\r\n")
    assert statuses(response) == [status]
    assert b"\r\ncontent-type: application/problem+json\r\n" in head
    assert b"\r\nx-content-type-options: nosniff\r\n" in head
    assert b"\r\ndate: " in head
    assert head.endswith(b"cache-control: no-store")
    assert b"\r\nconnection: close\r\n" in head
    document: dict[str, object] = orjson.loads(body)
    assert document["status"] == status
    return document


# ------------------------------------------------------------------------------------ bytes


@pytest.mark.parametrize("piece", [1_000, 10_000_000], ids=["in parts", "at once"])
async def test_the_size_of_a_head_is_limited_to_64_kib(connect: Connect, piece: int) -> None:
    def head(size: int) -> bytes:
        filled = GET + b"A: "
        return filled + b"x" * (size - len(filled) - 4) + b"\r\n\r\n"

    async with connect() as (reader, writer):
        for size, status in ((MAX_HEAD_BYTES, 200), (MAX_HEAD_BYTES + 1_000, 431)):
            whole = head(size)
            for at in range(0, size, piece):
                writer.write(whole[at : at + piece])
                await writer.drain()
            if status == 200:
                assert statuses(await reader.readuntil(b"\r\n\r\n")) == [200]
        assert rejection(await until_closed(reader), 431)["code"] == "HEADERS_TOO_LARGE"


async def test_the_number_of_headers_is_limited(connect: Connect) -> None:
    host = 1
    async with connect() as (reader, writer):
        writer.write(GET + b"a:b\r\n" * (MAX_HEADERS - host) + b"\r\n")
        assert statuses(await reader.readuntil(b"\r\n\r\n")) == [200]
        writer.write(GET + b"a:b\r\n" * MAX_HEADERS + b"\r\n")
        assert "100 headers" in str(rejection(await until_closed(reader), 431)["detail"])


@pytest.mark.parametrize(
    ("beginning", "more"),
    [
        pytest.param(GET + b"A: ", b"x" * 1_000, id="a header"),
        pytest.param(GET + b"A", b"x" * 1_000, id="the name of a header"),
        pytest.param(GET, b"A: x\r\n" * 200, id="headers"),
        pytest.param(b"GET /", b"x" * 1_000, id="a path"),
        pytest.param(b"", b"\r\n" * 500, id="line breaks"),
        pytest.param(CHUNKED + b"0\r\nA: ", b"x" * 1_000, id="a trailer"),
        pytest.param(CHUNKED + b"0\r\n", b"A: x\r\n" * 200, id="trailers"),
        pytest.param(CHUNKED + b"1;a=", b"x" * 1_000, id="an extension of a chunk"),
    ],
)
async def test_endless_input_is_rejected(connect: Connect, beginning: bytes, more: bytes) -> None:
    async with connect() as (reader, writer):
        writer.write(beginning)
        answer = asyncio.create_task(until_closed(reader))
        sent = 0
        while not answer.done() and sent < 4 * MAX_HEAD_BYTES:
            writer.write(more)
            await writer.drain()
            sent += len(more)
            await asyncio.sleep(0)
        rejection(await answer, 431)


async def test_the_body_does_not_count_against_the_limit_of_the_head(connect: Connect) -> None:
    body = b"x" * 300_000
    async with connect() as (reader, writer):
        for _ in range(2):
            writer.write(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(body)) == body


async def test_a_complete_request_is_answered_before_invalid_input_closes_the_connection(
    connect: Connect, echo: Echo
) -> None:
    echo.may_respond.clear()
    async with connect() as (reader, writer):
        writer.write(GET + b"\r\n" + b"\0\r\n\r\n")
        await writer.drain()
        echo.may_respond.set()
        answer = await until_closed(reader)
        assert statuses(answer) == [200]
        assert b"\r\nconnection: close\r\n" in answer


async def test_reading_an_invalid_body_reports_a_disconnect(connect: Connect, echo: Echo) -> None:
    async with connect() as (reader, writer):
        writer.write(CHUNKED + b"zz\r\n")
        assert rejection(await until_closed(reader), 400)["code"] == "BAD_REQUEST"
        await echo.disconnected.wait()


async def test_the_number_of_pipelined_requests_is_limited(connect: Connect, echo: Echo) -> None:
    echo.may_respond.clear()
    async with connect() as (reader, writer):
        writer.write((GET + b"\r\n") * 3 * MAX_PIPELINED)
        await writer.drain()
        echo.may_respond.set()
        assert statuses(await until_closed(reader)) == [200] * (1 + MAX_PIPELINED)


# ------------------------------------------------------------------------------------- time


async def test_an_unused_connection_is_closed_after_the_idle_timeout(connect: Connect) -> None:
    async with connect(idle_s=0.05) as (reader, _):
        assert await until_closed(reader) == b""


async def test_a_connection_without_further_requests_is_closed_after_the_idle_timeout(
    connect: Connect,
) -> None:
    async with connect(idle_s=0.05) as (reader, writer):
        writer.write(GET + b"\r\n")
        answer = await until_closed(reader)
        assert statuses(answer) == [200]
        assert b"connection: close" not in answer


async def test_line_breaks_do_not_keep_a_connection_open(connect: Connect) -> None:
    async with connect(idle_s=0.05) as (reader, writer):
        writer.write(b"\r\n")
        assert await until_closed(reader) == b""


@pytest.mark.parametrize("before", [b"", GET + b"\r\n"], ids=["first request", "second request"])
async def test_an_incomplete_head_is_rejected_after_the_header_timeout(
    connect: Connect, before: bytes
) -> None:
    async with connect(header_s=0.05) as (reader, writer):
        if before:
            writer.write(before)
            assert statuses(await reader.readuntil(b"\r\n\r\n")) == [200]
        writer.write(GET)
        assert rejection(await until_closed(reader), 408)["code"] == "TIMEOUT"


async def test_an_incomplete_head_after_a_request_does_not_prevent_its_response(
    connect: Connect, echo: Echo
) -> None:
    echo.may_respond.clear()
    async with connect(header_s=0.05) as (reader, writer):
        writer.write(GET + b"\r\n" + GET)
        await asyncio.sleep(0.2)
        echo.may_respond.set()
        assert statuses(await until_closed(reader)) == [200]


async def test_the_timeouts_do_not_apply_to_bodies_and_responses(
    connect: Connect, echo: Echo
) -> None:
    """They have limits of their own, in the code that reads and produces them."""
    echo.may_respond.clear()
    async with connect(idle_s=0.05, header_s=0.05) as (reader, writer):
        writer.write(POST + b"Content-Length: 2\r\n\r\n1")
        await asyncio.sleep(0.2)
        writer.write(b"2")
        await asyncio.sleep(0.2)
        echo.may_respond.set()
        answer = await until_closed(reader)
        assert statuses(answer) == [200]
        assert answer.endswith(b"12")


async def test_the_connection_lingers_until_the_client_has_read_the_rejection(
    connect: Connect,
) -> None:
    """To close while the client is sending would reset the connection and lose the response."""
    async with connect() as (reader, writer):
        for _ in range(100):
            writer.write(b"x" * 100_000)
            await writer.drain()
        rejection(await until_closed(reader), 400)
