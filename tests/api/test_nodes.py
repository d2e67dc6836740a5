"""node and nodes return objects of any type by id."""

import pytest

from models import LogEntry, TicketEvent
from tests.api.operations import Ask, create, send
from tests.conftest import GraphQL


async def test_node_returns_an_object_of_any_type(ask: Ask) -> None:
    document = """
        query ($id: ID!) {
          node(id: $id) {
            __typename
            id
            ... on Ticket { subject }
            ... on OpsDelivery { state ticket { subject } }
            ... on LogEntry { action delivery: deliveryId }
            ... on TicketEvent { type cursor changes { field } }
          }
        }
    """
    ticket_id = await create(ask, subject="S")
    delivery_id = await send(ask, ticket_id)
    entry, event = await LogEntry.get(), await TicketEvent.filter(ticket_id=ticket_id).first()
    assert event is not None

    assert (await ask(document, id=ticket_id))["node"] == {
        "__typename": "Ticket",
        "id": ticket_id,
        "subject": "S",
    }
    assert (await ask(document, id=delivery_id))["node"] == {
        "__typename": "OpsDelivery",
        "id": delivery_id,
        "state": "DELIVERED",
        "ticket": {"subject": "S"},
    }
    assert (await ask(document, id=entry.id))["node"] == {
        "__typename": "LogEntry",
        "id": entry.id,
        "action": "SEND",
        "delivery": delivery_id,
    }
    node = (await ask(document, id=event.id))["node"]
    assert (node["__typename"], node["id"], node["type"]) == ("TicketEvent", event.id, "CREATED")


async def test_an_unknown_node_is_null(ask: Ask) -> None:
    assert await ask('{ node(id: "nobody") { id } }') == {"node": None}


async def test_nodes_are_in_the_order_of_the_ids_with_null_for_unknown_ids(ask: Ask) -> None:
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    first, second = await create(ask), await create(ask)
    delivery_id = await send(ask, first)
    ids = [second, "nobody", delivery_id, first, second]
    assert (await ask(document, ids=ids))["nodes"] == [
        {"__typename": "Ticket", "id": second},
        None,
        {"__typename": "OpsDelivery", "id": delivery_id},
        {"__typename": "Ticket", "id": first},
        {"__typename": "Ticket", "id": second},
    ]


async def test_an_empty_list_of_ids_returns_no_nodes(ask: Ask) -> None:
    assert await ask("{ nodes(ids: []) { id } }") == {"nodes": []}


async def test_more_than_100_ids_are_rejected(ask: Ask, graphql: GraphQL) -> None:
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    ticket_id = await create(ask)
    assert (await ask(document, ids=[ticket_id] * 100))["nodes"] == [{"id": ticket_id}] * 100
    [error] = (await graphql(document, ids=[ticket_id] * 101))["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["ids"]}
    assert "100" in error["message"]


@pytest.mark.parametrize("kind", ["OpsDelivery", "LogEntry", "TicketEvent"])
async def test_a_fragment_on_another_type_selects_nothing(ask: Ask, kind: str) -> None:
    document = f"query ($id: ID!) {{ node(id: $id) {{ id ... on {kind} {{ ticketId }} }} }}"
    ticket_id = await create(ask)
    assert await ask(document, id=ticket_id) == {"node": {"id": ticket_id}}


async def test_an_id_of_a_ticket_and_a_log_entry_returns_the_ticket(ask: Ask) -> None:
    document = '{ node(id: "1") { __typename } nodes(ids: ["1", "1"]) { __typename id } }'
    await create(ask, id="1")
    await LogEntry.create(id="1", ticket_id="1", action="send", status="success")
    ticket = {"__typename": "Ticket", "id": "1"}
    assert await ask(document) == {"node": {"__typename": "Ticket"}, "nodes": [ticket, ticket]}
