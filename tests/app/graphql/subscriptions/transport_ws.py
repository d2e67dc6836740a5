"""A client of graphql-transport-ws that can also do what no client should."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

PROTOCOL = "graphql-transport-ws"
RETRY_FOR_S = 10


class Socket:
    """One end of a WebSocket."""

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
        """Open a socket, with the connection initialised unless told otherwise."""
        url = server.replace("http://", "ws://") + "/graphql"
        wanted = [Subprotocol(name) for name in protocols] or None
        async with websockets.connect(url, subprotocols=wanted, **options) as connection:
            socket = cls(connection)
            if init:
                await socket.tell(type="connection_init")
                assert await socket.hear() == {"type": "connection_ack"}
            yield socket

    async def tell(self, **message: Any) -> None:
        """Send a message."""
        await self.connection.send(json.dumps(message))

    async def tell_raw(self, message: str | bytes) -> None:
        """Send whatever it is."""
        await self.connection.send(message)

    async def hear(self) -> dict[str, Any]:
        """Wait for the next message."""
        async with asyncio.timeout(RETRY_FOR_S):
            message: dict[str, Any] = json.loads(await self.connection.recv())
        return message

    async def hears_nothing(self, *, for_s: float = 0.3) -> bool:
        """Tell whether no message comes."""
        try:
            async with asyncio.timeout(for_s):
                await self.connection.recv()
        except TimeoutError:
            return True
        return False

    async def subscribe(self, id: str, query: str, /, **variables: Any) -> None:
        """Ask for an operation, and wait until a subscription stands."""
        await self.tell(type="subscribe", id=id, payload={"query": query, "variables": variables})

    async def stands(self) -> None:
        """Wait until all that was asked for before stands; no other message may come meanwhile."""
        await self.tell(type="ping")
        assert await self.hear() == {"type": "pong"}

    async def next(self, id: str) -> Any:
        """Wait for the next result of an operation, and return its data."""
        message = await self.hear()
        assert message["type"] == "next", message
        assert message["id"] == id
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def closed(self, *, retry_for_s: float = RETRY_FOR_S) -> tuple[int, str]:
        """Wait until the server closes the socket; return the code and the reason that it gave."""
        async with asyncio.timeout(retry_for_s):
            with suppress(websockets.ConnectionClosed):
                while True:
                    await self.connection.recv()
        received = self.connection.protocol.close_rcvd
        assert received is not None, "closed without a close frame: 1006"
        return received.code, received.reason
