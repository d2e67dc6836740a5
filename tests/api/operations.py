"""Operations that many tests of the API use."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

# Executes an operation, asserts that it has no errors, and returns its data.
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
    """Create a ticket and return its id."""
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
    """Send a ticket to OPS and return the id of the delivery."""
    answer = (await ask(SEND, id=ticket_id))["sendToOps"]
    delivery_id: str = answer["delivery"]["id"]
    return delivery_id
