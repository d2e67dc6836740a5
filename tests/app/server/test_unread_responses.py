"""Clients that do not read: how long, and how many bytes, the server waits for them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from app.http.request_record import RequestRecord
from app.http.unread_bytes import UNREAD
from app.server import unread_responses
from app.server.unread_responses import UnreadResponses
from tests.app.server.connection_arguments import connection_arguments
from tests.waiting import until

MIB = 2**20
# Twice as much as the buffers of the sockets take.
BODY = b"x" * (16 * MIB)


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """Send 16 MiB: a response, a streamed response, or messages on a WebSocket."""
    record = scope.setdefault("state", {})["record"] = RequestRecord("r")
    record.limits_key = scope["query_string"].decode()
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        with suppress(OSError):
            for _ in range(3):
                await send({"type": "websocket.send", "bytes": BODY})
        await receive()
        return
    await receive()
    headers = [(b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/stream":
        for start in range(0, len(BODY), MIB):
            part = BODY[start : start + MIB]
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    else:
        await send({"type": "http.response.body", "body": BODY})


@asynccontextmanager
async def _serving(
    *, timeout_s: float = 1000, per_caller: int = 2**30, in_total: int = 2**30
) -> AsyncIterator[tuple[int, UnreadResponses]]:
    """Yield the port of a server, and what it counts."""
    unread = UnreadResponses(
        timeout_s=timeout_s, max_bytes_per_caller=per_caller, max_bytes_in_total=in_total
    )
    config = uvicorn.Config(
        _app,
        port=0,
        **connection_arguments(unread=unread),
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        assert not running.done(), running.result()
        await asyncio.sleep(0.01)
    try:
        async with asyncio.timeout(120):
            yield server.servers[0].sockets[0].getsockname()[1], unread
    finally:
        server.should_exit = True
        await running


_UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


async def _request(port: int, target: str, headers: bytes = b"") -> socket.socket:
    """Send a request, and return its socket without having read anything."""
    client = socket.create_connection(("127.0.0.1", port))
    client.settimeout(0)
    loop = asyncio.get_running_loop()
    head = b"GET %b HTTP/1.1\r\nHost: x\r\n%b\r\n" % (target.encode(), headers)
    await loop.sock_sendall(client, head)
    return client


async def _read(client: socket.socket, size: int) -> int:
    """Read at least this many bytes, or until the connection ends; return the number."""
    received = 0
    while received < size:
        try:
            data = await asyncio.get_running_loop().sock_recv(client, MIB)
        except ConnectionResetError:
            break
        if not data:
            break
        received += len(data)
    return received


def _has_response(client: socket.socket) -> bool:
    """Return whether a response has begun to arrive, without reading it."""
    try:
        client.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except ConnectionResetError:
        pass
    return True


@pytest.fixture(autouse=True)
def short_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread_responses, "CHECK_INTERVAL_S", 0.05)


@pytest.mark.parametrize("path", ["/", "/stream"])
async def test_a_client_that_reads_nothing_is_disconnected(path: str) -> None:
    async with _serving(timeout_s=0.3) as (port, unread):
        client = await _request(port, f"{path}?a")
        before = UNREAD.used - unread.total_bytes
        await until(lambda: unread.total_bytes > 65_536)
        # For the metrics.
        assert UNREAD.used - before == unread.total_bytes
        await until(lambda: not unread.total_bytes)
        assert UNREAD.used == before
        assert await _read(client, len(BODY)) < len(BODY)
        client.close()


@pytest.mark.parametrize("path", ["/", "/stream"])
async def test_a_client_that_reads_slowly_receives_the_whole_response(path: str) -> None:
    # In all it reads for longer than this.
    async with _serving(timeout_s=2) as (port, unread):
        client = await _request(port, f"{path}?a")
        received = 0
        while received < len(BODY):
            await asyncio.sleep(0.15)
            received += await _read(client, min(MIB, len(BODY) - received))
        await until(lambda: not unread.total_bytes)
        client.close()


async def test_a_websocket_that_reads_nothing_is_disconnected() -> None:
    async with _serving(timeout_s=0.3) as (port, unread):
        client = await _request(port, "/?a", _UPGRADE)
        await until(lambda: unread.total_bytes > 65_536)
        await until(lambda: not unread.total_bytes)
        assert await _read(client, len(BODY)) < len(BODY)
        client.close()


async def test_a_caller_with_too_many_unread_bytes_loses_its_slowest_connections() -> None:
    async with _serving(per_caller=40 * MIB) as (port, unread):
        other = await _request(port, "/?other")
        greedy = [await _request(port, "/?greedy") for _ in range(2)]
        await until(lambda: len(unread._unread) == 3)
        greedy += [await _request(port, "/?greedy") for _ in range(4)]
        await until(lambda: all(map(_has_response, greedy)))
        await until(lambda: unread._by_caller["greedy"] <= 40 * MIB)
        assert 20 * MIB < unread._by_caller["greedy"] <= 40 * MIB
        assert await _read(other, len(BODY)) >= len(BODY)
        assert await _read(greedy[0], len(BODY)) < len(BODY)
        assert await _read(greedy[-1], len(BODY)) >= len(BODY)
        for client in (other, *greedy):
            client.close()
        await until(lambda: not unread.total_bytes)
        assert not unread._unread
        assert not unread._by_caller


async def test_at_the_total_limit_the_caller_with_the_most_unread_bytes_loses_connections() -> None:
    async with _serving(in_total=40 * MIB) as (port, unread):
        honest = await _request(port, "/?honest")
        await until(lambda: unread.total_bytes > 0)
        greedy = [await _request(port, "/?greedy") for _ in range(6)]
        await until(lambda: all(map(_has_response, greedy)))
        await until(lambda: unread.total_bytes <= 40 * MIB)
        assert 20 * MIB < unread.total_bytes <= 40 * MIB
        assert await _read(honest, len(BODY)) >= len(BODY)
        for client in (honest, *greedy):
            client.close()
        await until(lambda: not unread.total_bytes)


async def test_a_client_that_vanishes_is_not_counted() -> None:
    async with _serving() as (port, unread):
        clients = [await _request(port, "/?a") for _ in range(3)]
        await until(lambda: len(unread._unread) == 3)
        for client in clients:
            client.close()
        await until(lambda: not unread._unread)
        assert not unread.total_bytes
