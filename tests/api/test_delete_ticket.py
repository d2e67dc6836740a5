"""deleteTicket deletes a ticket and keeps its deliveries, log and history."""

from models import OpsDelivery, OpsState, Ticket, TicketEvent, TicketEventType
from tests.api.operations import Ask, create, send

DELETE = """
    mutation ($input: DeleteTicketInput!) {
      deleteTicket(input: $input) {
        deletedId
        errors {
          __typename code path
          ... on ConflictError { current { version } }
          ... on NotFoundError { id }
        }
      }
    }
"""


async def test_a_deleted_ticket_is_not_found(ask: Ask) -> None:
    document = """
        query ($id: ID!) {
          ticket(id: $id) { id }
          node(id: $id) { id }
          nodes(ids: [$id]) { id }
          tickets(filter: {id: {eq: $id}}) { totalCount nodes { id } }
        }
    """
    ticket_id = await create(ask)
    payload = (await ask(DELETE, input={"id": ticket_id}))["deleteTicket"]
    assert payload == {"deletedId": ticket_id, "errors": []}
    assert await ask(document, id=ticket_id) == {
        "ticket": None,
        "node": None,
        "nodes": [None],
        "tickets": {"totalCount": 0, "nodes": []},
    }


async def test_deliveries_log_and_history_are_kept(ask: Ask) -> None:
    document = """
        query ($id: ID!) {
          logEntries(filter: {ticketId: {eq: $id}}) { nodes { action ticketId ticket { id } } }
          opsDeliveries(filter: {ticketId: {eq: $id}}) { nodes { id state ticket { id } } }
        }
    """
    ticket_id = await create(ask)
    delivery_id = await send(ask, ticket_id)
    await ask(DELETE, input={"id": ticket_id})
    assert await ask(document, id=ticket_id) == {
        "logEntries": {"nodes": [{"action": "SEND", "ticketId": ticket_id, "ticket": None}]},
        "opsDeliveries": {"nodes": [{"id": delivery_id, "state": "DELIVERED", "ticket": None}]},
    }


async def test_the_deleted_event_has_the_last_values(ask: Ask) -> None:
    document = """
        query ($id: ID!) {
          node(id: $id) {
            ... on TicketEvent { type ticketId ticket { id } changes { field before after } }
          }
        }
    """
    ticket_id = await create(ask, subject="Gone", metadata={"a": 1})
    await ask(DELETE, input={"id": ticket_id})
    event = await TicketEvent.get(type=TicketEventType.DELETED)
    node = (await ask(document, id=event.id))["node"]
    changes = {change["field"]: (change["before"], change["after"]) for change in node["changes"]}
    assert (node["type"], node["ticketId"], node["ticket"]) == ("DELETED", ticket_id, None)
    assert changes["subject"] == ("Gone", None)
    assert changes["status"] == ("OPEN", None)
    assert changes["metadata"] == ({"a": 1}, None)


async def test_a_pending_delivery_is_cancelled_with_the_ticket(ask: Ask) -> None:
    ticket_id = await create(ask)
    delivery = await OpsDelivery.create(
        ticket_id=ticket_id, payload="{}", next_attempt_at="2999-01-01T00:00:00Z"
    )
    await ask(DELETE, input={"id": ticket_id})
    await delivery.refresh_from_db()
    assert (delivery.state, delivery.next_attempt_at) == (OpsState.CANCELLED, None)


async def test_delete_fails_for_another_version(ask: Ask) -> None:
    ticket_id = await create(ask)
    payload = (await ask(DELETE, input={"id": ticket_id, "expectedVersion": 2}))["deleteTicket"]
    assert payload == {
        "deletedId": None,
        "errors": [
            {
                "__typename": "ConflictError",
                "code": "VERSION_CONFLICT",
                "path": ["input", "expectedVersion"],
                "current": {"version": 1},
            }
        ],
    }
    assert await Ticket.all().count() == 1
    payload = (await ask(DELETE, input={"id": ticket_id, "expectedVersion": 1}))["deleteTicket"]
    assert payload == {"deletedId": ticket_id, "errors": []}


async def test_an_unknown_ticket_is_not_found(ask: Ask) -> None:
    payload = (await ask(DELETE, input={"id": "nobody"}))["deleteTicket"]
    error = {
        "__typename": "NotFoundError",
        "code": "NOT_FOUND",
        "path": ["input", "id"],
        "id": "nobody",
    }
    assert payload == {"deletedId": None, "errors": [error]}
