"""Listeners as clients are: when their server dies they go on at another, with their cursor."""

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

__all__ = ["Heard", "follow"]

# The events that one has heard, in the order in which they came.
Heard: TypeAlias = list[dict[str, Any]]

# What a client sees of a server that dies, or has no database.
_DEATHS = (OSError, TimeoutError, websockets.WebSocketException, httpx2.HTTPError, AssertionError)


class Running(Protocol):
    """A server that may die, and be replaced by one that listens elsewhere."""

    @property
    def url(self) -> str:
        """Where it listens."""


async def follow(servers: Sequence[Running], came: Heard, *, by_socket: bool) -> None:
    """Listen to any server; when that ends, however it does, go on at another with the cursor."""
    while True:
        url = random.choice(servers).url  # noqa: S311  # varies the test
        after = {"after": came[-1]["cursor"]} if came else {}
        with suppress(*_DEATHS):
            if by_socket:
                async with Socket.opened(url) as socket:
                    await socket.subscribe("1", EVENTS, **after)
                    while True:
                        came.append((await socket.next("1"))["ticketEvents"])
            async with (
                httpx2.AsyncClient(base_url=url, timeout=10, trust_env=False) as http,
                EventSource.opened(http, EVENTS, **after) as source,
            ):
                while True:
                    came.append((await source.next())["ticketEvents"])
        await asyncio.sleep(0.05)
