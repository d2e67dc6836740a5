"""Limits of a connection in bytes and time, and responses to invalid input."""

import asyncio

import pytest

from app.server.request_parser import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_PATH_BYTES,
    MAX_PIPELINED,
)
from tests.app.server.echo import CHUNKED, GET, POST, Connect, Echo, rejection, until_closed
from tests.proof.wire import statuses

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


async def test_the_length_of_a_path_is_limited(connect: Connect) -> None:
    def head(path: bytes) -> bytes:
        return b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"

    longest = b"/" + b"%41" * 341
    assert len(longest) == MAX_PATH_BYTES
    async with connect() as (reader, writer):
        for target in (longest, longest + b"?q=" + b"x" * 10_000):
            writer.write(head(target))
            assert statuses(await reader.readuntil(b"\r\n\r\n")) == [200]
        writer.write(head(longest + b"/"))
        answer = rejection(await until_closed(reader), 414)
        assert answer["code"] == "URI_TOO_LONG"
        assert f"{MAX_PATH_BYTES} bytes" in str(answer["detail"])


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


async def test_an_invalid_body_is_not_requested(
    connect: Connect, echo: Echo, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect() as (reader, writer):
        writer.write(CHUNKED[:-2] + b"Expect: 100-continue\r\n\r\nx\r\n")
        rejection(await until_closed(reader), 400)
        await echo.disconnected.wait()
    assert not caplog.records


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
