"""The server, started on a database of the former service."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from tests.feed.servers import serve
from tests.models.former import LOG_ENTRIES, ORPHAN, TICKETS, Former, insert

# The zero time of Go, which the former service stored for unset times.
ZERO_TIME = "0001-01-01 00:00:00"
UNDATED = tuple(
    (
        f"undated-{number}",
        "s",
        "d",
        "open",
        ZERO_TIME,
        "n",
        "e@example.com",
        None,
        None,
        "low",
        "c",
        None,
    )
    for number in range(5)
)
IDS = {row[0] for row in (*TICKETS, *UNDATED)}
LOG_IDS = {row[0] for row in (*LOG_ENTRIES, ORPHAN)}


@pytest.fixture
async def service(empty_database_url: str, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """Start `ticketops serve` on the former service's database, and return a client of it."""
    connection = await asyncpg.connect(empty_database_url)
    await Former(time="timestamp", json="json").make(connection)
    await insert(connection, "tickets", UNDATED)
    await connection.close()
    async with (
        serve(empty_database_url, tmp_path) as server,
        httpx2.AsyncClient(base_url=server.url, timeout=60) as client,
    ):
        yield client


async def pages(client: httpx2.AsyncClient, field: str, arguments: str = "") -> list[Any]:
    """Walk a connection in pages of two, and return its nodes."""
    document = f"""
        query ($after: String) {{
            page: {field}(first: 2, after: $after{arguments}) {{
                nodes {{ id }}
                pageInfo {{ hasNextPage endCursor }}
            }}
        }}
    """
    nodes: list[Any] = []
    after = None
    while True:
        response = await client.post(
            "/graphql", json={"query": document, "variables": {"after": after}}
        )
        page = response.json()["data"]["page"]
        nodes += [node["id"] for node in page["nodes"]]
        assert len(nodes) <= len(IDS), "the pages repeat themselves"
        if not page["pageInfo"]["hasNextPage"]:
            return nodes
        after = page["pageInfo"]["endCursor"]


async def test_every_row_is_listed(service: httpx2.AsyncClient) -> None:
    """In every order of GraphQL, in both directions, and in the pages of REST."""
    for field in ("CREATED_AT", "UPDATED_AT", "PRIORITY", "STATUS", "SUBJECT"):
        for direction in ("ASC", "DESC"):
            order = f", orderBy: {{field: {field}, direction: {direction}}}"
            found = await pages(service, "tickets", order)
            assert len(found) == len(IDS), order
            assert set(found) == IDS
    found = await pages(service, "logEntries")
    assert (len(found), set(found)) == (len(LOG_IDS), LOG_IDS)

    rest: list[str] = []
    url: str | None = "/tickets?limit=2"
    while url is not None:
        response = await service.get(url)
        rest += [ticket["id"] for ticket in response.json()]
        url = response.links.get("next", {}).get("url")
    assert (len(rest), set(rest)) == (len(IDS), IDS)


async def test_a_row_has_its_former_values(service: httpx2.AsyncClient) -> None:
    response = await service.post(
        "/graphql",
        json={
            "query": """{
                ticket(id: "ticket-2") {
                    subject description status priority category customerName customerEmail
                    customerPhone assignedTo metadata createdAt updatedAt version opsState
                    delivery { id }
                }
            }"""
        },
    )
    assert response.json()["data"]["ticket"] == {
        "subject": "",
        "description": "",
        "status": "IN_PROGRESS",
        "priority": "MEDIUM",
        "category": "general",
        "customerName": "Bob",
        "customerEmail": "not an address",
        "customerPhone": "",
        "assignedTo": "carol",
        "metadata": {"z": 1, "a": {"b": [1, 2.5, 1000, None]}},
        "createdAt": "2021-10-31T01:30:00.123456Z",
        "updatedAt": "2021-10-31T01:30:00.123456Z",
        "version": 1,
        "opsState": "NOT_SENT",
        "delivery": None,
    }


async def test_a_former_ticket_can_be_changed_and_sent(service: httpx2.AsyncClient) -> None:
    """Also a ticket with other fields that are invalid today."""
    changed = await service.put("/tickets/ticket-2", json={"status": "resolved"})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    sent = await service.post("/api/ops/ticket-2")
    assert sent.status_code == httpx2.codes.OK, sent.text
    assert (await service.get("/tickets/ticket-2")).json()["ops_state"] == "delivered"
