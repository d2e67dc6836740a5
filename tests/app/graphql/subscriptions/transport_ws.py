"""A client of graphql-transport-ws that can also violate the protocol."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

PROTOCOL = "graphql-transport-ws"
RETRY_FOR_S = 60


class Socket:
    """Client end of a WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        server: str,
        *,
        protocols: tuple[str, ...] = (PROTOCOL,),
        init: bool = True,
        **options: Any,
    ) -> AsyncIterator["Socket"]:
        """Open a WebSocket, and initialize the connection if `init` is true."""
        url = server.replace("http://", "ws://") + "/graphql"
        wanted = [Subprotocol(name) for name in protocols] or None
        async with websockets.connect(url, subprotocols=wanted, **options) as connection:
            socket = cls(connection)
            if init:
                await socket.send(type="connection_init")
                assert await socket.receive() == {"type": "connection_ack"}
            yield socket

    async def send(self, **message: Any) -> None:
        """Send a message."""
        await self.connection.send(json.dumps(message))

    async def send_raw(self, message: str | bytes) -> None:
        """Send any frame."""
        await self.connection.send(message)

    async def receive(self) -> dict[str, Any]:
        """Return the next message."""
        async with asyncio.timeout(RETRY_FOR_S):
            message: dict[str, Any] = json.loads(await self.connection.recv())
        return message

    async def receives_nothing(self, *, for_s: float = 0.3) -> bool:
        """Return whether no message arrives."""
        try:
            async with asyncio.timeout(for_s):
                await self.connection.recv()
        except TimeoutError:
            return True
        return False

    async def subscribe(self, id: str, query: str, /, **variables: Any) -> None:
        """Start an operation."""
        await self.send(type="subscribe", id=id, payload={"query": query, "variables": variables})

    async def wait_until_open(self) -> None:
        """Wait until all subscriptions sent before are open; expect no other message until then."""
        await self.send(type="ping")
        assert await self.receive() == {"type": "pong"}

    async def next(self, id: str) -> Any:
        """Return the data of the next result of an operation."""
        message = await self.receive()
        assert message["type"] == "next", message
        assert message["id"] == id
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def closed(self, *, retry_for_s: float = RETRY_FOR_S) -> tuple[int, str]:
        """Wait until the server closes the WebSocket, and return code and reason."""
        async with asyncio.timeout(retry_for_s):
            with suppress(websockets.ConnectionClosed):
                while True:
                    await self.connection.recv()
        received = self.connection.protocol.close_rcvd
        assert received is not None, "closed without a close frame: 1006"
        return received.code, received.reason
