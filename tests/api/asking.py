"""What the tests of the API ask over and over."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

# Runs an operation that must go without errors, and returns its data.
Ask: TypeAlias = Callable[..., Awaitable[dict[str, Any]]]

NEW = {
    "subject": "Printer on fire",
    "description": "It started this morning.",
    "customerName": "Ada Lovelace",
    "customerEmail": "ada@example.com",
}

CREATE = """
    mutation ($input: CreateTicketInput!) {
      createTicket(input: $input) {
        ticket { id version }
        errors { __typename code path message }
      }
    }
"""


async def create(ask: Ask, **fields: Any) -> str:
    """Make a ticket and return its id."""
    answer = (await ask(CREATE, input=NEW | fields))["createTicket"]
    assert answer["errors"] == []
    ticket_id: str = answer["ticket"]["id"]
    return ticket_id


SEND = """
    mutation ($id: ID!) {
      sendToOps(input: {ticketId: $id}) { delivery { id } errors { message } }
    }
"""


async def send(ask: Ask, ticket_id: str) -> str:
    """Send a ticket to OPS and return the delivery's id."""
    answer = (await ask(SEND, id=ticket_id))["sendToOps"]
    delivery_id: str = answer["delivery"]["id"]
    return delivery_id
