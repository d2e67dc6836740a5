"""A request leaves no reference cycles behind.

Cycles would make the garbage collector run often and hold memory until then.
"""

import asyncio
import gc
import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import orjson
import pytest

from tests.api.operations import Ask, create

REQUESTS = 20

ONE = "query ($id: ID!) { ticket(id: $id) { id subject logEntries { nodes { id } } } }"
PAGE = "query ($id: ID!) { tickets(filter: {id: {eq: $id}}) { edges { cursor node { id } } } }"
CHANGE = """
    mutation ($id: ID!, $subject: String) {
      updateTicket(input: {id: $id, subject: $subject}) { ticket { version } }
    }
"""


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.skipif(
    os.environ.get("GRAPHQL_SHORTCUTS") == "false",
    reason="graphql-core leaves reference cycles behind",
)
@pytest.mark.parametrize("clients", [1, 5], ids=["alone", "together"])
@pytest.mark.parametrize("document", [ONE, PAGE, CHANGE], ids=["a row", "a page", "a change"])
@pytest.mark.usefixtures("no_collector")
async def test_a_request_leaves_no_reference_cycles(
    ask: Ask, server: str, document: str, clients: int
) -> None:
    ticket_id = await create(ask)
    place = urlsplit(server)
    connections = [
        await asyncio.open_connection(place.hostname, place.port) for _ in range(clients)
    ]

    async def send(times: int) -> None:
        for number in range(times):
            variables = {"id": ticket_id, "subject": str(number)}
            body = orjson.dumps({"query": document, "variables": variables})
            head = f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            for _, writer in connections:
                writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
            for reader, _ in connections:
                answer = await reader.readuntil(b"\r\n\r\n")
                length = int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                assert b"errors" not in await reader.readexactly(length)

    await send(3)
    gc.collect()
    await send(REQUESTS)
    assert gc.collect() < REQUESTS
    for _, writer in connections:
        writer.close()
