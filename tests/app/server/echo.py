"""A small application for tests of connections, and checks of what it and they send."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from tests.proof.wire import statuses

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
# The only path that accepts WebSockets.
WEBSOCKET_PATH = "/socket"

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect: TypeAlias = Callable[..., AbstractAsyncContextManager[Streams]]


class Echo:
    """Application that responds with the request's body once allowed, and records what it sees."""

    def __init__(self) -> None:
        self.may_respond = asyncio.Event()
        self.may_respond.set()
        self.disconnected = asyncio.Event()
        self.reads_body = True
        # Method and path of each HTTP request, and the headers of the last one.
        self.requests: list[tuple[str, str]] = []
        self.headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or accept a WebSocket."""
        self.headers = scope["headers"]
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            return
        self.requests.append((scope["method"], scope["path"]))
        body = b""
        if self.reads_body:
            try:
                body = await Request(scope, receive).body()
            except ClientDisconnect:
                self.disconnected.set()
                return
        await self.may_respond.wait()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """Return everything that the server sends before it closes the connection."""
    return await reader.read()


async def next_response(reader: asyncio.StreamReader) -> bytes:
    """Return the body of the next response, which must be 200."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert statuses(head) == [200], head
    [length] = [line[16:] for line in head.split(b"\r\n") if line.startswith(b"content-length: ")]
    return await reader.readexactly(int(length))


def rejection(response: bytes, status: int) -> dict[str, object]:
    """Check the early response that ends a connection, and return its problem document."""
    head, _, body = response.partition(b"\r\n\r\n")
    assert statuses(response) == [status]
    assert b"\r\ncontent-type: application/problem+json\r\n" in head
    assert b"\r\nx-content-type-options: nosniff\r\n" in head
    assert b"\r\ndate: " in head
    assert head.endswith(b"cache-control: no-store")
    assert b"\r\nconnection: close" in head
    document: dict[str, object] = orjson.loads(body)
    assert document["status"] == status
    return document
