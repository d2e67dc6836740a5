"""Query, create, update, cause a conflict, and subscribe, with each client; print JSON."""

# ruff: noqa: INP001  # a script of a project of its own

import asyncio
import json
from typing import Any

from clients import CLIENTS, SUBSCRIBING, Execute, subscribe

CREATE = """
    mutation Create($input: CreateTicketInput!) {
      createTicket(input: $input) {
        ticket { id version history(first: 1) { nodes { cursor } } }
      }
    }
"""
UPDATE = """
    mutation Update($input: UpdateTicketInput!) {
      updateTicket(input: $input) { ticket { version } errors { code } }
    }
"""
EVENTS = """
    subscription Events($after: String, $ticketId: ID) {
      ticketEvents(after: $after, ticketId: $ticketId) { type }
    }
"""
INPUT = {
    "subject": "Ä 日本",
    "description": "",
    "customerName": "N",
    "customerEmail": "n@example.com",
}


async def converse(name: str, execute: Execute) -> dict[str, Any]:
    """Return the results of one client."""
    viewer = (await execute("{ viewer { name } }", {}))["viewer"]
    ticket = (await execute(CREATE, {"input": INPUT}))["createTicket"]["ticket"]
    change = {"input": {"id": ticket["id"], "expectedVersion": 1, "priority": "HIGH"}}
    updated = (await execute(UPDATE, change))["updateTicket"]
    conflict = (await execute(UPDATE, change))["updateTicket"]
    results = {
        "viewer": viewer["name"],
        "created": ticket["version"],
        "updated": updated["ticket"]["version"],
        "conflict": conflict["errors"][0]["code"],
    }
    if name in SUBSCRIBING:
        after = ticket["history"]["nodes"][0]["cursor"]
        event = await subscribe(name, EVENTS, {"after": after, "ticketId": ticket["id"]})
        results["event"] = event["ticketEvents"]["type"]
    return results


async def main() -> None:
    """Print the results of all clients."""
    results = {name: await converse(name, execute) for name, execute in CLIENTS.items()}
    print(json.dumps(results))  # noqa: T201  # read by the test


asyncio.run(main())
