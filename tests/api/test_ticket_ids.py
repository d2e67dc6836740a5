"""An id names one ticket: after its deletion, its id and its deliveries cannot be used again."""

import asyncio
from typing import Any

import httpx2
import pytest

from models import LogEntry, OpsDelivery, OpsState, Ticket, TicketEvent
from models.ticket_lock import ticket_transaction
from tests.api.operations import CREATE, NEW, Ask, create, send
from tests.api.test_delete_ticket import DELETE

RETRY = """
    mutation ($id: ID!) {
      retryDelivery(input: {deliveryId: $id}) {
        delivery { id }
        logEntry { id }
        errors { __typename code message path }
      }
    }
"""
REST_TICKET = {
    "id": "T-1",
    "subject": "Second",
    "description": "",
    "customer_name": "Eve",
    "customer_email": "eve@example.com",
}


async def refused(ask: Ask, ticket_id: str, **fields: Any) -> str:
    """Assert that a ticket with this id is refused, and return the message."""
    payload = (await ask(CREATE, input=NEW | {"id": ticket_id} | fields))["createTicket"]
    assert payload["ticket"] is None
    [error] = payload["errors"]
    assert (error["code"], error["path"]) == ("ALREADY_EXISTS", ["input", "id"])
    return str(error["message"])


async def test_the_id_of_a_deleted_ticket_is_refused(ask: Ask, http: httpx2.AsyncClient) -> None:
    await create(ask, id="T-1", subject="First")
    await send(ask, "T-1")
    await ask(DELETE, input={"id": "T-1"})
    assert "belonged to a ticket that was deleted" in await refused(ask, "T-1")
    assert "belonged to a ticket" in await refused(ask, "T-1", idempotencyKey="k")

    response = await http.post("/tickets", json=REST_TICKET)
    document = response.json()
    assert (response.status_code, document["code"]) == (409, "ALREADY_EXISTS")
    assert "belonged to a ticket that was deleted" in document["detail"]
    assert "current" not in document
    assert (await http.get("/api/status/T-1")).status_code == 404
    assert await Ticket.all().count() == 0


async def test_the_message_for_a_ticket_that_exists_is_another(ask: Ask) -> None:
    await create(ask, id="T-1")
    assert "already taken" in await refused(ask, "T-1")


@pytest.mark.parametrize("kept", [TicketEvent, OpsDelivery, LogEntry])
async def test_an_id_is_used_if_anything_of_its_ticket_is_kept(
    ask: Ask, kept: type[TicketEvent] | type[OpsDelivery] | type[LogEntry]
) -> None:
    """Such as a log entry of a ticket that the former service deleted."""
    fields: dict[type[Any], dict[str, Any]] = {
        TicketEvent: {"type": "deleted", "changes": "[]"},
        OpsDelivery: {"state": OpsState.FAILED, "payload": "{}"},
        LogEntry: {"action": "send", "status": "failed"},
    }
    await kept.create(ticket_id="T-1", **fields[kept])
    await refused(ask, "T-1")


async def test_a_repeated_call_with_a_key_returns_its_ticket(ask: Ask) -> None:
    """Although the history has the id by then."""
    first = await create(ask, id="T-1", idempotencyKey="k")
    assert await create(ask, id="T-1", idempotencyKey="k") == first


async def test_a_ticket_is_not_created_while_another_of_its_id_is_deleted(ask: Ask) -> None:
    """The id of a ticket without history, such as an adopted one, is known by its deletion only."""
    await Ticket.create(
        id="T-1", subject="s", description="", customer_name="n", customer_email="n@example.com"
    )
    async with ticket_transaction("T-1") as connection:
        await Ticket.filter(id="T-1").using_db(connection).delete()
        await TicketEvent.create(ticket_id="T-1", type="deleted", changes="[]", using_db=connection)
        creating = asyncio.create_task(refused(ask, "T-1"))
        done, _ = await asyncio.wait({creating}, timeout=0.3)
        assert not done
    assert "belonged to a ticket that was deleted" in await creating


@pytest.mark.parametrize("state", [OpsState.FAILED, OpsState.CANCELLED])
async def test_a_delivery_of_a_deleted_ticket_is_not_retried(ask: Ask, state: OpsState) -> None:
    await create(ask, id="T-1")
    delivery = await OpsDelivery.create(ticket_id="T-1", payload="{}", state=state)
    await ask(DELETE, input={"id": "T-1"})
    payload = (await ask(RETRY, id=delivery.id))["retryDelivery"]
    assert payload == {
        "delivery": None,
        "logEntry": None,
        "errors": [
            {
                "__typename": "ConflictError",
                "code": "INVALID_STATE",
                "message": "The ticket of this delivery was deleted, so it cannot be retried.",
                "path": ["input", "deliveryId"],
            }
        ],
    }
    await delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (state, 0)


async def test_a_ticket_that_an_older_version_created_again_has_no_former_delivery(
    ask: Ask, http: httpx2.AsyncClient
) -> None:
    await create(ask, id="T-1", subject="First")
    await send(ask, "T-1")
    failed = await OpsDelivery.create(ticket_id="T-1", payload="{}", state=OpsState.FAILED)
    await ask(DELETE, input={"id": "T-1"})
    await Ticket.create(
        id="T-1", subject="s", description="", customer_name="n", customer_email="n@example.com"
    )

    status = await http.get("/api/status/T-1")
    assert (status.status_code, status.json()["code"]) == (409, "NOT_SENT")
    payload = (await ask(RETRY, id=failed.id))["retryDelivery"]
    assert payload["errors"][0]["code"] == "INVALID_STATE"

    await send(ask, "T-1")
    assert (await http.get("/api/status/T-1")).status_code == 200
