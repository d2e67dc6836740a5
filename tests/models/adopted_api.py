"""Use the whole API on adopted databases, in one process for many of them.

Reads the URL of a migrated database from each line of its input, serves it, and writes a line of
JSON: the list of the steps that failed. The tests' own process serves another database already.
"""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import httpx2
import orjson

from app.config.settings import Settings
from tests.conftest import serving
from tests.models.former import TICKETS

NEW = {
    "subject": "Rehearsed zebra",
    "description": "d",
    "customer_name": "Ann",
    "customer_email": "ann@example.com",
}
DETAILS = """
    query ($id: ID!) {
      ticket(id: $id) {
        opsState version
        delivery { state reference }
        logEntries { nodes { action status } }
        history(last: 50) { nodes { type } }
      }
    }
"""
SEARCH = """
    { tickets(filter: {search: "zebra"}) { nodes { id } } }
"""
CREATE = """
    mutation {
      createTicket(input: {
        id: "graphql-1", subject: "s", description: "", customerName: "n",
        customerEmail: "n@example.com", metadata: {a: 1}
      }) { ticket { id } errors { message } }
      updateTicket(input: {id: "graphql-1", status: RESOLVED, metadataPatch: {b: 2}}) {
        ticket { version metadata } errors { message }
      }
      sendToOps(input: {ticketId: "graphql-1"}) {
        delivery { state } logEntry { status } errors { message }
      }
      deleteTicket(input: {id: "graphql-1"}) { deletedId errors { message } }
    }
"""


class Steps:
    """Steps against one server, and the descriptions of those that failed."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self.failures: list[str] = []

    async def rest(
        self, status: int, method: str, path: str, json: Mapping[str, Any] | None = None
    ) -> Any:
        """Send a request that must be answered with this status, and return the body."""
        response = await self._client.request(method, path, json=json)
        if response.status_code != status:
            self.failures.append(f"{method} {path}: {response.status_code} {response.text[:300]}")
            return {}
        return response.json() if response.content else None

    async def graphql(self, document: str, **variables: Any) -> Any:
        """Execute an operation without errors, and return its data."""
        response = await self._client.post(
            "/graphql", json={"query": document, "variables": variables}
        )
        answer = response.json()
        if "errors" in answer:
            self.failures.append(f"{document.split(maxsplit=1)[0]}: {answer['errors']}")
        return answer.get("data") or {}

    def expect(self, what: str, found: object, expected: object) -> None:
        """Compare a value."""
        if found != expected:
            self.failures.append(f"{what}: {found} instead of {expected}")


async def use_api(url: str) -> list[str]:
    """Create, update, send, search, list and delete tickets of a database."""
    settings = Settings.load(
        {"OPS_SIM_LATENCY_MS": "0", "DELIVERY_WORKER": "false", "LOG_LEVEL": "error"}, dotenv=None
    )
    async with (
        serving(settings, url) as server,
        httpx2.AsyncClient(base_url=server, timeout=60) as client,
    ):
        steps = Steps(client)
        before = [ticket["id"] for ticket in await steps.rest(200, "GET", "/tickets?limit=100")]
        await steps.rest(201, "POST", "/tickets", NEW | {"id": "rest-1"})
        changed = await steps.rest(200, "PUT", "/tickets/rest-1", {"status": "resolved"})
        steps.expect("version", changed.get("version"), 2)
        sent = await steps.rest(200, "POST", "/api/ops/rest-1")
        steps.expect("sent", sent.get("ops_state"), "delivered")
        status = await steps.rest(200, "GET", "/api/status/rest-1")
        steps.expect("status", status.get("status"), "received")
        await _check_details(steps, "rest-1", "CREATED")
        found = await steps.graphql(SEARCH)
        steps.expect("search", found, {"tickets": {"nodes": [{"id": "rest-1"}]}})
        created = await steps.graphql(CREATE)
        steps.expect("version", created["updateTicket"]["ticket"]["version"], 2)
        steps.expect("delivery", created["sendToOps"]["delivery"], {"state": "DELIVERED"})
        steps.expect("deleted", created["deleteTicket"]["deletedId"], "graphql-1")
        if TICKETS[0][0] in before:
            await steps.rest(200, "PUT", f"/tickets/{TICKETS[0][0]}", {"assigned_to": None})
            await steps.rest(200, "PUT", f"/tickets/{TICKETS[0][0]}", {"subject": "Changed"})
            await steps.rest(200, "POST", f"/api/ops/{TICKETS[0][0]}")
        await steps.rest(204, "DELETE", "/tickets/rest-1")
        await steps.rest(404, "GET", "/tickets/rest-1")
        after = [ticket["id"] for ticket in await steps.rest(200, "GET", "/tickets?limit=100")]
        steps.expect("tickets", set(after), set(before))
        return steps.failures


async def _check_details(steps: Steps, ticket_id: str, first_event: str) -> None:
    ticket = (await steps.graphql(DETAILS, id=ticket_id)).get("ticket") or {}
    steps.expect("opsState", ticket.get("opsState"), "DELIVERED")
    entries = [(entry["action"], entry["status"]) for entry in ticket["logEntries"]["nodes"]]
    steps.expect("log", entries, [("QUERY", "SUCCESS"), ("SEND", "SUCCESS")])
    events = [event["type"] for event in ticket["history"]["nodes"]]
    steps.expect("history", events[-2:], ["UPDATED", first_event])
    if not (ticket.get("delivery") or {}).get("reference"):
        steps.failures.append("the delivery lacks a reference")


async def main() -> None:
    """Answer each line of the input."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            failures = await use_api(line.strip())
        except Exception as error:  # noqa: BLE001  # the test reports it
            failures = [f"{type(error).__name__}: {error}"]
        print(orjson.dumps(failures).decode(), flush=True)  # noqa: T201  # read by the test


if __name__ == "__main__":
    asyncio.run(main())
