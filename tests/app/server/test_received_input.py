"""Bodies and messages that are not complete: their memory, their time, and that both end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from app.http.body import read_content
from app.http.received_input import MAX_TOTAL_BYTES, UNCOUNTED_BYTES, HeldInput, ReceivedInput
from app.server.timeouts import ConnectionTimeouts
from tests.app.server.connection_arguments import FOREVER_S, connection_arguments
from tests.app.server.echo import POST, WEBSOCKET_PATH, Streams, rejection, until_closed
from tests.proof.wire import frame, frames, handshake, statuses
from tests.waiting import until

SHARE_BYTES = MAX_TOTAL_BYTES // 2
BODY_BYTES = 2**20
# Larger than UNCOUNTED_BYTES.
PART = b"x" * 60_000
INCOMPLETE = POST + b"Content-Length: 100000\r\n\r\n" + PART
Open = Callable[[], Awaitable[Streams]]


class _App:
    """Application that reads bodies and messages, and responds once allowed."""

    def __init__(self) -> None:
        self.may_respond = asyncio.Event()
        self.may_respond.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (await receive())["type"] != "websocket.disconnect":
                await self.may_respond.wait()
                await send({"type": "websocket.send", "text": "handled"})
            return
        if scope["path"] != "/unread":
            try:
                await read_content(scope, receive, max_bytes=BODY_BYTES)
            except ClientDisconnect:
                return
        await self.may_respond.wait()
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
        )
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def app() -> _App:
    """Return the application."""
    return _App()


@pytest.fixture
def received() -> ReceivedInput:
    """Return the account of the server."""
    return ReceivedInput(max_body_bytes=BODY_BYTES)


@asynccontextmanager
async def serving(
    app: _App, received: ReceivedInput, *, message_s: float = FOREVER_S
) -> AsyncIterator[Open]:
    """Run a server, and yield a function that connects to it."""
    timeouts = ConnectionTimeouts(idle_s=FOREVER_S, header_s=message_s)
    arguments = connection_arguments(timeouts=timeouts, received=received)
    config = uvicorn.Config(app, port=0, **arguments, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), task.result()
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    writers = []

    async def open_one() -> Streams:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return reader, writer

    try:
        async with asyncio.timeout(20):
            yield open_one
    finally:
        app.may_respond.set()
        for writer in writers:
            writer.close()
        server.should_exit = True
        await task


async def open_websocket(open_one: Open) -> Streams:
    """Return an open WebSocket of a caller that is authenticated."""
    reader, writer = await open_one()
    writer.write(handshake("localhost").replace(b"/graphql", WEBSOCKET_PATH.encode()))
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def close_code(reader: asyncio.StreamReader) -> int:
    """Return the code of the close frame that ends a WebSocket."""
    answer = b""
    with suppress(ConnectionError):
        answer = await until_closed(reader)
    [payload] = [payload for opcode, payload in frames(answer) if opcode == 8]
    return int.from_bytes(payload[:2])


# ---------------------------------------------------------------------------------- account


def test_a_caller_has_half_of_the_memory() -> None:
    account = ReceivedInput(max_body_bytes=BODY_BYTES)
    assert account.change("flood", SHARE_BYTES)
    assert not account.change("flood", 1)
    assert account.total_bytes == SHARE_BYTES


def test_a_caller_can_send_a_body_even_if_others_have_all_memory() -> None:
    account = ReceivedInput(max_body_bytes=BODY_BYTES)
    for name in ("a", "b"):
        assert account.change(name, SHARE_BYTES)
    assert account.change("light", BODY_BYTES)
    assert not account.change("light", 1)
    assert account.change("a", -SHARE_BYTES)
    assert account.change("light", 1)


def test_the_share_of_a_caller_has_space_for_two_of_the_largest_bodies() -> None:
    account = ReceivedInput(max_body_bytes=MAX_TOTAL_BYTES)
    assert account.change("caller", 2 * MAX_TOTAL_BYTES)
    assert not account.change("caller", 1)


def test_bytes_count_for_the_group_of_the_first_ones() -> None:
    account = ReceivedInput(max_body_bytes=BODY_BYTES)
    held = HeldInput(account)
    assert held.resize("address", SHARE_BYTES - 1)
    assert held.resize("caller", SHARE_BYTES)
    assert not held.resize("caller", SHARE_BYTES + 1)
    held.release()
    held.release()
    assert account.total_bytes == 0
    assert held.resize("caller", UNCOUNTED_BYTES)
    assert account.total_bytes == 0


# ------------------------------------------------------------------------------------- bodies


@pytest.mark.parametrize("path", [b"/", b"/unread"])
async def test_a_body_is_counted_until_its_request_ends(
    app: _App, received: ReceivedInput, path: bytes
) -> None:
    app.may_respond.clear()
    async with serving(app, received) as open_one:
        reader, writer = await open_one()
        writer.write(INCOMPLETE.replace(b"/", path, 1))
        await until(lambda: received.total_bytes >= len(PART))
        writer.write(b"x" * 40_000)
        if path == b"/":
            # It is read, although the response has not begun.
            await until(lambda: received.total_bytes == 0)
        app.may_respond.set()
        assert statuses(await reader.readuntil(b"\r\n\r\n")) == [200]
        await until(lambda: received.total_bytes == 0)


async def test_a_lost_connection_gives_the_bytes_of_its_bodies_back(
    app: _App, received: ReceivedInput
) -> None:
    app.may_respond.clear()
    complete = POST.replace(b"/", b"/unread", 1) + b"Content-Length: 5000\r\n\r\n" + b"x" * 5000
    async with serving(app, received) as open_one:
        _, writer = await open_one()
        writer.write(INCOMPLETE)
        await until(lambda: received.total_bytes >= len(PART))
        writer.transport.abort()
        await until(lambda: received.total_bytes == 0)
        _, writer = await open_one()
        writer.write(complete + INCOMPLETE)
        await until(lambda: received.total_bytes >= 10_000)
        writer.transport.abort()
        # The server does not read from a connection with a request that waits.
        app.may_respond.set()
        await until(lambda: received.total_bytes == 0)


async def test_an_invalid_body_gives_its_bytes_back(app: _App, received: ReceivedInput) -> None:
    async with serving(app, received) as open_one:
        reader, writer = await open_one()
        head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        writer.write(head + b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
        await until(lambda: received.total_bytes > 0)
        writer.write(b"no size\r\n")
        rejection(await until_closed(reader), 400)
        assert received.total_bytes == 0


async def test_a_body_for_which_there_is_no_memory_is_503(
    app: _App, received: ReceivedInput
) -> None:
    async with serving(app, received) as open_one:
        assert received.change("unknown 127.0.0.1", SHARE_BYTES - len(PART))
        first, first_writer = await open_one()
        first_writer.write(INCOMPLETE)
        await until(lambda: received.total_bytes == SHARE_BYTES)
        reader, writer = await open_one()
        writer.write(INCOMPLETE)
        answer = await until_closed(reader)
        assert rejection(answer, 503)["code"] == "SERVICE_UNAVAILABLE"
        assert b"\r\nretry-after: 1\r\n" in answer
        assert received.total_bytes == SHARE_BYTES
        # A small one needs none.
        reader, writer = await open_one()
        writer.write(POST + b"Content-Length: 4\r\n\r\nabcd")
        assert statuses(await reader.readuntil(b"\r\n\r\n")) == [200]
        received.change("unknown 127.0.0.1", len(PART) - SHARE_BYTES)
        first_writer.write(b"x" * 40_000)
        assert statuses(await first.readuntil(b"\r\n\r\n")) == [200]
        await until(lambda: received.total_bytes == 0)


# ----------------------------------------------------------------------------------- messages

FRAGMENTS = [
    pytest.param(frame(1, PART, is_last=False), id="a fragment"),
    pytest.param(frame(1, PART + b"x")[:-1], id="a frame"),
    pytest.param(frame(1, b"", is_last=False) + frame(0, PART, is_last=False), id="fragments"),
]


@pytest.mark.parametrize("beginning", FRAGMENTS)
async def test_a_lost_websocket_gives_the_bytes_of_its_message_back(
    app: _App, received: ReceivedInput, beginning: bytes
) -> None:
    async with serving(app, received) as open_one:
        _, writer = await open_websocket(open_one)
        writer.write(beginning)
        await until(lambda: received.total_bytes >= len(PART))
        writer.transport.abort()
        await until(lambda: received.total_bytes == 0)


async def test_a_message_is_counted_until_it_is_handled(app: _App, received: ReceivedInput) -> None:
    app.may_respond.clear()
    async with serving(app, received) as open_one:
        reader, writer = await open_websocket(open_one)
        writer.write(frame(1, PART, is_last=False) + frame(9, b"") + frame(0, b"end"))
        await until(lambda: received.total_bytes >= len(PART))
        app.may_respond.set()
        await reader.readuntil(b"handled")
        await until(lambda: received.total_bytes == 0)


async def test_a_message_for_which_there_is_no_memory_closes_its_websocket(
    app: _App, received: ReceivedInput
) -> None:
    async with serving(app, received) as open_one:
        received.change("unknown 127.0.0.1", SHARE_BYTES - len(PART) // 2)
        reader, writer = await open_websocket(open_one)
        writer.write(frame(1, PART, is_last=False))
        assert await close_code(reader) == 1013
        assert received.total_bytes == SHARE_BYTES - len(PART) // 2


@pytest.mark.parametrize("beginning", FRAGMENTS)
async def test_a_message_must_end_in_time(
    app: _App, received: ReceivedInput, beginning: bytes
) -> None:
    async with serving(app, received, message_s=0.3) as open_one:
        reader, writer = await open_websocket(open_one)
        writer.write(frame(1, b"complete") + beginning)
        assert await close_code(reader) == 1008
        assert received.total_bytes == 0


async def test_a_websocket_without_an_unfinished_message_has_time(
    app: _App, received: ReceivedInput
) -> None:
    async with serving(app, received, message_s=0.2) as open_one:
        idle, idle_writer = await open_websocket(open_one)
        idle_writer.write(frame(1, b"a", is_last=False) + frame(0, PART))
        await idle.readuntil(b"handled")
        # Another one expires later.
        reader, writer = await open_websocket(open_one)
        writer.write(frame(1, b"a", is_last=False))
        assert await close_code(reader) == 1008
        idle_writer.write(frame(1, b"again"))
        await idle.readuntil(b"handled")
