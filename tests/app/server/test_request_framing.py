"""Where a request ends, what belongs to it, and when its connection closes."""

import asyncio

import pytest

from app.server import discarded_input, timeouts
from app.server.discarded_input import MAX_BYTES, DiscardedInput
from app.server.timeouts import MAX_LINGER_S
from tests.app.server.echo import (
    CHUNKED,
    GET,
    POST,
    Connect,
    Echo,
    next_response,
    rejection,
    until_closed,
)
from tests.proof.wire import statuses


@pytest.mark.parametrize(
    ("framing", "status"),
    [
        (b"Transfer-Encoding: gzip, chunked\r\n", 501),
        (b"Transfer-Encoding: gzip\r\n", 501),
        (b"Transfer-Encoding: identity\r\n", 501),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", 400),
        (b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Content-Length: 0\r\nContent-Length: 0\r\n", 400),
        (b"Content-Length: 0, 0\r\n", 400),
        (b"Content-Length: +0\r\n", 400),
        (b"Content-Length : 0\r\n", 400),
    ],
)
async def test_ambiguous_framing_is_rejected(
    connect: Connect, echo: Echo, framing: bytes, status: int
) -> None:
    for offer in (b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"):
        async with connect() as (reader, writer):
            writer.write(POST + offer + framing + b"\r\n0\r\n\r\n" + GET + b"\r\n")
            rejection(await until_closed(reader), status)
    assert echo.requests == []


async def test_trailers_are_not_headers(connect: Connect, echo: Echo) -> None:
    async with connect() as (reader, writer):
        trailers = b"Authorization: Bearer x\r\nExpect: 100-continue\r\nHost: elsewhere\r\n"
        writer.write(CHUNKED + b"1\r\na\r\n0\r\n" + trailers + b"\r\n" + GET + b"\r\n")
        assert await next_response(reader) == b"a"
        assert await next_response(reader) == b""
    assert echo.headers == [(b"host", b"localhost")]


@pytest.mark.parametrize("reads_body", [True, False])
async def test_a_trailer_that_closes_the_connection_leaves_no_request_without_response(
    connect: Connect,
    echo: Echo,
    *,
    reads_body: bool,
) -> None:
    echo.reads_body = reads_body
    async with connect() as (reader, writer):
        writer.write(CHUNKED + b"1\r\na\r\n")
        if not reads_body:
            await next_response(reader)
        writer.write(b"0\r\nConnection: close\r\n\r\n")
        if reads_body:
            assert await next_response(reader) == b"a"
        assert await until_closed(reader) == b""
    assert echo.requests == [("POST", "/")]


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        (b"http://tickets.example:80/a?b", "/a", b"tickets.example:80"),
        (b"HTTP://[::1]:4040", "/", b"[::1]:4040"),
        (b"/http://b", "/http://b", b"localhost"),
    ],
)
async def test_the_host_of_an_absolute_target_replaces_the_header(
    connect: Connect, echo: Echo, target: bytes, path: str, host: bytes
) -> None:
    async with connect() as (reader, writer):
        writer.write(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % target)
        await next_response(reader)
    assert echo.requests == [("GET", path)]
    assert echo.headers == [(b"host", host)]


# -------------------------------------------------------------------------------- keep-alive


@pytest.mark.parametrize(
    ("version", "connection", "keeps_alive"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: foo, Close\r\n", False),
        (b"1.1", b"Connection: close\r\nConnection: foo\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
        (b"1.0", b"Connection: foo\r\nConnection: keep-alive\r\n", True),
        (b"1.0", b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n", False),
    ],
)
async def test_a_connection_is_kept_as_the_client_asks(
    connect: Connect, version: bytes, connection: bytes, *, keeps_alive: bool
) -> None:
    async with connect() as (reader, writer):
        writer.write(b"POST / HTTP/%b\r\nHost: x\r\n%b\r\n" % (version, connection))
        if b"chunked" in connection:
            writer.write(b"0\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert (b"\r\nconnection: close\r\n" in head) is not keeps_alive
        assert (b"\r\nconnection: keep-alive\r\n" in head) is (keeps_alive and version == b"1.0")
        if keeps_alive:
            writer.write(GET + b"\r\n")
            await next_response(reader)
        else:
            assert await until_closed(reader) == b""


# -------------------------------------------------------------------------------- expectations

EXPECT = b"Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n"


async def test_a_body_is_requested_when_it_is_read(connect: Connect) -> None:
    async with connect() as (reader, writer):
        for _ in range(2):
            writer.write(POST + EXPECT)
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"ab")
            assert await next_response(reader) == b"ab"


async def test_http_1_0_knows_no_expectation(connect: Connect) -> None:
    async with connect() as (reader, writer):
        writer.write(b"POST / HTTP/1.0\r\n" + EXPECT + b"ab")
        answer = await until_closed(reader)
        assert statuses(answer) == [200]
        assert answer.endswith(b"\r\n\r\nab")


async def test_a_body_that_is_not_requested_ends_the_connection(
    connect: Connect, echo: Echo
) -> None:
    """The client may omit the body: its next bytes would be taken for one."""
    echo.reads_body = False
    async with connect() as (reader, writer):
        writer.write(POST + EXPECT)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"\r\nconnection: close\r\n" in head
        writer.write(GET + b"\r\n")
        assert await until_closed(reader) == b""
    assert echo.requests == [("POST", "/")]


# -------------------------------------------------------------------- bodies that nobody reads

LARGE = 20 * 2**20


async def send(writer: asyncio.StreamWriter, size: int) -> None:
    """Send a body without reading anything meanwhile."""
    for _ in range(size // 2**16):
        writer.write(b"x" * 2**16)
        await writer.drain()


async def test_the_rest_of_a_body_is_discarded(connect: Connect, echo: Echo) -> None:
    echo.reads_body = False
    async with connect() as (reader, writer):
        for _ in range(2):
            writer.write(POST + b"Content-Length: %d\r\n\r\n" % LARGE)
            await send(writer, LARGE)
            await next_response(reader)
        writer.write(GET + b"\r\n")
        await next_response(reader)
    assert len(echo.requests) == 3


async def test_a_client_that_closes_sends_its_whole_body_and_reads_the_response(
    connect: Connect, echo: Echo
) -> None:
    echo.reads_body = False
    async with connect() as (reader, writer):
        writer.write(POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % LARGE)
        await send(writer, LARGE)
        assert statuses(await until_closed(reader)) == [200]


@pytest.mark.parametrize("connection", [b"", b"Connection: close\r\n"])
async def test_a_body_without_end_is_not_discarded_for_ever(
    connect: Connect, echo: Echo, monkeypatch: pytest.MonkeyPatch, connection: bytes
) -> None:
    monkeypatch.setattr(timeouts, "LINGER_S", 0.1)
    monkeypatch.setattr(discarded_input, "MAX_BYTES", 2**20)
    echo.reads_body = False
    async with connect() as (_, writer):
        writer.write(POST + connection + b"Content-Length: 9999999999\r\n\r\n")
        with pytest.raises(ConnectionError):
            await send(writer, 2 * LARGE)


@pytest.mark.parametrize("connection", [b"", b"Connection: close\r\n"])
async def test_a_body_that_does_not_arrive_ends_the_connection(
    connect: Connect, echo: Echo, monkeypatch: pytest.MonkeyPatch, connection: bytes
) -> None:
    monkeypatch.setattr(timeouts, "LINGER_S", 0.1)
    echo.reads_body = False
    async with connect() as (reader, writer):
        writer.write(POST + connection + b"Content-Length: 5\r\n\r\n1")
        assert statuses(await until_closed(reader)) == [200]


async def test_a_body_may_not_arrive_slowly_for_ever(
    connect: Connect, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeouts, "LINGER_S", 0.1)
    monkeypatch.setattr(discarded_input, "MAX_LINGER_S", 0.3)
    echo.reads_body = False
    async with connect() as (reader, writer):
        writer.write(POST + b"Content-Length: 9999\r\n\r\n")
        await next_response(reader)
        ended = asyncio.create_task(reader.read())
        while not ended.done():
            writer.write(b"x")
            await asyncio.sleep(0.01)
        # The server resets the connection if a byte was on its way.
        assert isinstance(ended.exception(), ConnectionError | None)


def test_discarding_continues_while_the_client_sends_within_limits() -> None:
    discarded = DiscardedInput()
    discarded.start(now=100)
    assert discarded.add(1)
    assert discarded.may_continue(now=105)
    assert not discarded.may_continue(now=110)
    assert discarded.add(1)
    assert discarded.may_continue(now=115)
    assert discarded.add(MAX_BYTES - 2)
    assert not discarded.may_continue(now=100 + MAX_LINGER_S)
    assert not discarded.add(1)
    assert not discarded.may_continue(now=120)
    discarded.start(now=120)
    assert not discarded.may_continue(now=125)
