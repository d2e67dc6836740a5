"""npm's graphql-ws and graphql-sse, which the two protocols come from, against the server."""

import asyncio
import json
import os
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tests.app.graphql.operations import CREATE
from tests.app.http.serving import Served
from tests.clients.conftest import NewProject
from tests.clients.project import Project
from tests.feed.servers import Server, serve

CLIENTS = ["graphql-ws", "graphql-sse"]
SAID = {
    "query": ["ops", "read", "write"],
    "event": "CREATED",
    "heardOfOneThatWasMade": True,
    "wrongInput": [{"code": "INVALID", "path": ["input", "customerEmail"]}],
    "made": True,
    "invalidDocument": "GRAPHQL_VALIDATION_FAILED",
    "invalidCursor": "BAD_USER_INPUT",
}


@pytest.mark.parametrize("client", CLIENTS)
def test_queries_mutations_and_subscriptions_go_over_one_client(
    project: NewProject, closed_server: Served, token: str, client: str
) -> None:
    environ = {"CLIENT": client, "URL": f"{closed_server.url}/graphql", "TOKEN": token}
    assert json.loads(project("subscriptions").run("node", "conversation.js", **environ)) == SAID


@asynccontextmanager
async def listening(project: Project, client: str, url: str) -> AsyncIterator[asyncio.StreamReader]:
    """Run the script that prints each event as it comes."""
    environ = os.environ | {"CLIENT": client, "URL": f"{url}/graphql"}
    node = await asyncio.create_subprocess_exec(
        *("node", "listen.js"), cwd=project.folder, env=environ, stdout=PIPE
    )
    assert node.stdout is not None
    yield node.stdout
    node.kill()
    await node.wait()


async def create(url: str) -> str:
    async with httpx2.AsyncClient(base_url=url, timeout=30) as http:
        answer = (await http.post("/graphql", json={"query": CREATE})).json()
    ticket_id: str = answer["data"]["createTicket"]["ticket"]["id"]
    return ticket_id


async def next_ticket(events: asyncio.StreamReader) -> str:
    async with asyncio.timeout(30):
        ticket_id: str = json.loads(await events.readline())["ticketId"]
    return ticket_id


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_goes_on_with_its_cursor_when_its_server_is_replaced(
    project: NewProject, clients_database_url: str, tmp_path: Path, client: str
) -> None:
    """Told to stop, and killed; what happens meanwhile at another server comes first."""
    async with AsyncExitStack() as opened:

        def start(port: str = "0") -> Awaitable[Server]:
            return opened.enter_async_context(serve(clients_database_url, tmp_path, PORT=port))

        server, other = await asyncio.gather(start(), start())
        port = server.url.rpartition(":")[2]
        own = project("subscriptions")
        events = await opened.enter_async_context(listening(own, client, server.url))
        # Nothing tells when a subscription stands: so tickets are made until one is heard of.
        first = asyncio.create_task(next_ticket(events))
        made = []
        while not first.done():
            made.append(await create(server.url))
            await asyncio.wait([first], timeout=0.3)
        came = await first
        while came != made[-1]:
            came = await next_ticket(events)
        for end in (Server.stop, Server.kill):
            await end(server)
            tickets = [await create(other.url) for _ in range(3)]
            server = await start(port)
            tickets.append(await create(server.url))
            assert [await next_ticket(events) for _ in tickets] == tickets
