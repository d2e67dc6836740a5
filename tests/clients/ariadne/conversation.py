"""A generated client talks with a real server: URL, and TOKEN where it needs one."""

# ruff: noqa: INP001  # a script of a project of its own

import asyncio
import json
import os

from ticketops_client import (
    CreateTicketInput,
    SendToOpsInput,
    TicketOps,
    TicketPriority,
    UpdateTicketInput,
)
from ticketops_client.update_ticket import (
    UpdateTicketUpdateTicket,
    UpdateTicketUpdateTicketErrorsConflictError,
    UpdateTicketUpdateTicketErrorsNotFoundError,
)


def tell(outcome: UpdateTicketUpdateTicket) -> str:
    """Return what a user is told of an update."""
    match outcome.errors:
        case []:
            return f"updated to {outcome.ticket.version}" if outcome.ticket else "nothing happened"
        case [UpdateTicketUpdateTicketErrorsConflictError(current=current), *_]:
            return f"conflict with {current.version if current else 'a deletion'}"
        case [UpdateTicketUpdateTicketErrorsNotFoundError(id=id), *_]:
            return f"no ticket {id}"
        case [error, *_]:
            return f"{'.'.join(error.path)}: {error.code.value}"
        case _:
            return "nothing happened"


async def talk(client: TicketOps) -> dict[str, object]:
    """Create, update, conflict, send, read the log."""
    new = CreateTicketInput(
        subject="Printer on fire",
        description="",
        customer_name="Ada Lovelace",
        customer_email="ada@example.com",
        metadata={"floor": 3},
    )
    ticket = (await client.create_ticket(new)).create_ticket.ticket
    assert ticket is not None
    told = [
        tell((await client.update_ticket(update)).update_ticket)
        for update in (
            UpdateTicketInput(
                id=ticket.id,
                expected_version=ticket.version,
                priority=TicketPriority.HIGH,
                assigned_to=None,
            ),
            UpdateTicketInput(id=ticket.id, expected_version=ticket.version, subject="It is out"),
            UpdateTicketInput(id="none", subject="Nothing"),
            UpdateTicketInput(id=ticket.id, subject=""),
        )
    ]
    sent = (await client.send_to_ops(SendToOpsInput(ticket_id=ticket.id))).send_to_ops.ticket
    read = (await client.ticket_log(ticket.id, first=10)).ticket
    assert sent is not None
    assert read is not None
    assert read.log_entries.nodes[0].timestamp > ticket.created_at
    return {
        "told": told,
        "opsState": sent.ops_state.value,
        "log": [f"{entry.action.value} {entry.status.value}" for entry in read.log_entries.nodes],
    }


async def main() -> None:
    """Talk, and print what came of it."""
    token = os.environ.get("TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else None
    async with TicketOps(os.environ["URL"], headers=headers) as client:
        print(json.dumps(await talk(client)))  # noqa: T201  # to who started this


asyncio.run(main())
