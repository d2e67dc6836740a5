"""Repeated calls with the same idempotency key and input have one effect."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from models import IdempotencyKey, LogEntry, OpsDelivery, Ticket, TicketEvent
from tests.api.operations import NEW, Ask, create

CREATE = """
    mutation ($input: CreateTicketInput!) {
      createTicket(input: $input) {
        ticket { id subject }
        errors { __typename code path message }
      }
    }
"""
SEND = """
    mutation ($input: SendToOpsInput!) {
      sendToOps(input: $input) {
        ticket { id opsState }
        delivery { id state attempts }
        logEntry { action }
        errors { __typename code path message }
      }
    }
"""


async def test_the_same_key_and_input_return_the_first_ticket(ask: Ask) -> None:
    keyed = NEW | {"idempotencyKey": "k", "metadata": {"a": 1, "b": 2}}
    first = await ask(CREATE, input=keyed)
    again = await ask(CREATE, input=keyed | {"metadata": {"b": 2, "a": 1}})
    assert first["createTicket"]["errors"] == []
    assert again == first
    assert await Ticket.all().count() == 1
    assert await TicketEvent.all().count() == 1


async def test_concurrent_calls_with_one_key_create_one_ticket(ask: Ask) -> None:
    keyed = NEW | {"idempotencyKey": "k"}
    answers = await asyncio.gather(*(ask(CREATE, input=keyed) for _ in range(8)))
    assert len({answer["createTicket"]["ticket"]["id"] for answer in answers}) == 1
    assert await Ticket.all().count() == 1


async def test_the_same_key_with_another_input_is_an_error(ask: Ask) -> None:
    await ask(CREATE, input=NEW | {"idempotencyKey": "k"})
    payload = (await ask(CREATE, input=NEW | {"idempotencyKey": "k", "subject": "Other"}))[
        "createTicket"
    ]
    [error] = payload["errors"]
    assert error.pop("message")
    assert error == {
        "__typename": "ConflictError",
        "code": "IDEMPOTENCY_KEY_REUSED",
        "path": ["input", "idempotencyKey"],
    }
    assert payload["ticket"] is None
    assert await Ticket.all().count() == 1


async def test_a_failed_call_does_not_use_its_key(ask: Ask) -> None:
    await create(ask, id="T-1")
    keyed: dict[str, Any] = NEW | {"id": "T-1", "idempotencyKey": "k"}
    [error] = (await ask(CREATE, input=keyed))["createTicket"]["errors"]
    assert error["code"] == "ALREADY_EXISTS"
    payload = (await ask(CREATE, input=keyed | {"id": "T-2"}))["createTicket"]
    assert payload["errors"] == []
    assert payload["ticket"]["id"] == "T-2"


@pytest.mark.parametrize(
    ("key", "code"), [("", "REQUIRED"), ("k" * 256, "TOO_LONG"), ("a\0b", "INVALID")]
)
async def test_a_key_has_1_to_255_characters(ask: Ask, key: str, code: str) -> None:
    payload = (await ask(CREATE, input=NEW | {"idempotencyKey": key}))["createTicket"]
    [error] = payload["errors"]
    assert (error["code"], error["path"]) == (code, ["input", "idempotencyKey"])
    assert await Ticket.all().count() == 0


async def test_keys_of_the_maximum_length_are_compared_completely(ask: Ask) -> None:
    for last in "ab":
        await ask(CREATE, input=NEW | {"idempotencyKey": "k" * 254 + last})
    assert await Ticket.all().count() == 2


async def test_the_key_of_a_deleted_ticket_creates_no_other(ask: Ask) -> None:
    keyed = NEW | {"idempotencyKey": "k"}
    await ask(CREATE, input=keyed)
    await Ticket.all().delete()
    payload = (await ask(CREATE, input=keyed))["createTicket"]
    [error] = payload["errors"]
    assert (error["__typename"], error["code"]) == ("NotFoundError", "NOT_FOUND")
    assert await Ticket.all().count() == 0


async def test_a_repeated_send_returns_the_first_delivery(ask: Ask) -> None:
    ticket_id = await create(ask)
    keyed = {"ticketId": ticket_id, "idempotencyKey": "k"}
    first = (await ask(SEND, input=keyed))["sendToOps"]
    again = (await ask(SEND, input=keyed))["sendToOps"]
    assert first["logEntry"] == {"action": "SEND"}
    assert again == first | {"logEntry": None}
    assert await OpsDelivery.all().count() == 1
    assert await LogEntry.all().count() == 1


async def test_a_key_that_was_forgotten_makes_another_delivery(ask: Ask) -> None:
    """Its id is derived from the key, and taken."""
    keyed = {"ticketId": await create(ask), "idempotencyKey": "k"}
    first = (await ask(SEND, input=keyed))["sendToOps"]["delivery"]
    await IdempotencyKey.all().delete()
    second = (await ask(SEND, input=keyed))["sendToOps"]["delivery"]
    without_key = (await ask(SEND, input=keyed | {"idempotencyKey": None}))["sendToOps"]["delivery"]
    assert len({first["id"], second["id"], without_key["id"]}) == 3
    assert [UUID(one["id"]).version for one in (first, second, without_key)] == [5, 7, 7]


async def test_a_repeated_send_of_another_ticket_is_an_error(ask: Ask) -> None:
    first, second = await create(ask), await create(ask)
    await ask(SEND, input={"ticketId": first, "idempotencyKey": "k"})
    payload = (await ask(SEND, input={"ticketId": second, "idempotencyKey": "k"}))["sendToOps"]
    [error] = payload["errors"]
    assert error["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert (await Ticket.get(id=second)).ops_state.name == "NOT_SENT"


async def test_concurrent_sends_with_one_key_create_one_delivery(ask: Ask) -> None:
    keyed = {"ticketId": await create(ask), "idempotencyKey": "k"}
    answers = await asyncio.gather(*(ask(SEND, input=keyed) for _ in range(8)))
    assert len({answer["sendToOps"]["delivery"]["id"] for answer in answers}) == 1
    assert await OpsDelivery.all().count() == 1


async def test_concurrent_sends_of_several_tickets_with_one_key_create_one_delivery(
    ask: Ask,
) -> None:
    tickets = [await create(ask) for _ in range(4)]
    answers = await asyncio.gather(
        *(ask(SEND, input={"ticketId": one, "idempotencyKey": "k"}) for one in tickets)
    )
    codes = [[error["code"] for error in answer["sendToOps"]["errors"]] for answer in answers]
    assert sorted(codes) == [[], *[["IDEMPOTENCY_KEY_REUSED"]] * 3]
    assert await OpsDelivery.all().count() == 1


async def test_a_key_cannot_be_reused_by_another_mutation(ask: Ask) -> None:
    ticket_id = (await ask(CREATE, input=NEW | {"idempotencyKey": "k"}))["createTicket"]["ticket"][
        "id"
    ]
    payload = (await ask(SEND, input={"ticketId": ticket_id, "idempotencyKey": "k"}))["sendToOps"]
    [error] = payload["errors"]
    assert error["code"] == "IDEMPOTENCY_KEY_REUSED"
