"""Writers that repeat each request until it is acknowledged, and the check of the result."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2

from tests.cluster.nodes import WITHIN_S
from tests.cluster.repeating_client import RepeatingClient
from tests.feed.clients import Received, Running
from tests.waiting import until

__all__ = ["Acknowledged", "check", "has_subscribed", "writing"]

CREATE = """
mutation Create($key: String!) {
  createTicket(input: {
    subject: "S", description: "", customerName: $key, customerEmail: "n@example.com",
    idempotencyKey: $key
  }) { ticket { id } errors { message } }
}
"""
SEND = """
mutation Send($id: ID!, $key: String!) {
  sendToOps(input: { ticketId: $id, idempotencyKey: $key }) { ticket { id } errors { message } }
}
"""
DELETE = "mutation Delete($id: ID!) { deleteTicket(input: { id: $id }) { deletedId } }"


class Acknowledged(dict[str, str]):
    """The acknowledged tickets by the key of their request, and the time of each."""

    def __init__(self) -> None:
        super().__init__()
        self.times_s: list[float] = []

    def __setitem__(self, key: str, ticket_id: str) -> None:
        self.times_s.append(time.monotonic())
        super().__setitem__(key, ticket_id)


class Writer:
    """Creates tickets, and repeats each request at any server until it is acknowledged."""

    def __init__(self, servers: Sequence[Running], acknowledged: Acknowledged) -> None:
        self._client = RepeatingClient(servers)
        self._acknowledged = acknowledged

    async def run(self, stop: asyncio.Event) -> None:
        """Write until the event is set; the last ticket is acknowledged."""
        async with httpx2.AsyncClient(timeout=20, trust_env=False) as http:
            while not stop.is_set():
                await self._write_one(http)

    async def _write_one(self, http: httpx2.AsyncClient) -> None:
        """Create a ticket and send it to OPS."""
        key = uuid4().hex
        created = (await self._client.execute(http, CREATE, key=key))["createTicket"]
        assert not created["errors"], created
        ticket_id = self._acknowledged[key] = created["ticket"]["id"]
        sent = await self._client.execute(http, SEND, key=f"send-{key}", id=ticket_id)
        assert not sent["sendToOps"]["errors"], sent


@asynccontextmanager
async def writing(
    servers: Sequence[Running], acknowledged: Acknowledged, *, writers: int, tickets: int
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Write with several writers inside the block.

    Yield a function that waits until this many more tickets are acknowledged.
    """
    stop = asyncio.Event()

    async def more_tickets() -> None:
        wanted = len(acknowledged) + tickets
        await until(lambda: len(acknowledged) >= wanted, within_s=WITHIN_S)

    async with asyncio.TaskGroup() as running:
        for _ in range(writers):
            running.create_task(Writer(servers, acknowledged).run(stop))
        yield more_tickets
        stop.set()


async def has_subscribed(servers: Sequence[Running], received: Received) -> None:
    """Create and delete tickets until the subscriber has received an event, with its cursor."""
    async with httpx2.AsyncClient(base_url=servers[0].url, trust_env=False, timeout=20) as http:
        async with asyncio.timeout(WITHIN_S):
            while not received:
                variables = {"key": uuid4().hex}
                body = {"query": CREATE, "variables": variables}
                content = (await http.post("/graphql", json=body)).json()
                ticket = content["data"]["createTicket"]["ticket"]
                await http.post("/graphql", json={"query": DELETE, "variables": ticket})


async def check(
    connection: asyncpg.Connection, acknowledged: dict[str, str], received: Received
) -> None:
    """Check that each acknowledged ticket was created and sent once, and that each event came."""
    tickets = await connection.fetch("SELECT id, customer_name FROM tickets")
    keys = Counter(row["customer_name"] for row in tickets)
    # Nothing is lost and nothing is doubled: one ticket for each key.
    assert keys == Counter(acknowledged.keys())
    assert {row["customer_name"]: row["id"] for row in tickets} == acknowledged
    deliveries = await connection.fetch("SELECT ticket_id FROM ops_deliveries")
    assert Counter(row["ticket_id"] for row in deliveries) == Counter(acknowledged.values())
    # Nothing is missed, and each event is first received in commit order. An event can come again
    # after a resumption, if it was written by a transaction that was open when that began.
    events = await connection.fetch(
        "SELECT ticket_id, type FROM ticket_events"
        " WHERE ticket_id = ANY ($1) ORDER BY transaction, sequence",
        list(acknowledged.values()),
    )
    wanted = [(row["ticket_id"], row["type"].upper()) for row in events]
    known = set(wanted)
    await until(lambda: known <= set(map(_kind_of, received)), within_s=WITHIN_S)
    first_received = [one for one in dict.fromkeys(map(_kind_of, received)) if one in known]
    assert first_received == list(dict.fromkeys(wanted))


def _kind_of(event: dict[str, Any]) -> tuple[str, str]:
    return event["ticketId"], event["type"]
