"""A client that reconnects to any server and resumes at its cursor."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeAlias

import httpx2
import websockets

from tests.app.graphql.operations import EVENTS
from tests.app.graphql.subscriptions.event_source import EventSource
from tests.app.graphql.subscriptions.transport_ws import Socket

__all__ = ["Received", "follow"]

# A client that receives nothing for this time reconnects.
IDLE_S = 30

# The events that a client received, in order.
Received: TypeAlias = list[dict[str, Any]]

# The errors that a client sees when a server or its database dies.
_CLIENT_ERRORS = (
    OSError,
    TimeoutError,
    websockets.WebSocketException,
    httpx2.HTTPError,
    AssertionError,
)


class Running(Protocol):
    """A server that can be replaced by one at another address."""

    @property
    def url(self) -> str:
        """The base URL."""


async def follow(servers: Sequence[Running], received: Received, *, by_socket: bool) -> None:
    """Subscribe at a random server; after any error resume at another with the last cursor."""
    while True:
        url = random.choice(servers).url  # noqa: S311  # varies the test
        after = {"after": received[-1]["cursor"]} if received else {}
        with suppress(*_CLIENT_ERRORS):
            if by_socket:
                async with Socket.opened(url) as socket:
                    await socket.subscribe("1", EVENTS, **after)
                    while True:
                        async with asyncio.timeout(IDLE_S):
                            result = await socket.next("1")
                        received.append(result["ticketEvents"])
            async with (
                httpx2.AsyncClient(base_url=url, timeout=IDLE_S, trust_env=False) as http,
                EventSource.opened(http, EVENTS, **after) as source,
            ):
                while True:
                    async with asyncio.timeout(IDLE_S):
                        result = await source.next()
                    received.append(result["ticketEvents"])
        await asyncio.sleep(0.05)
