"""Deliveries: send, retry, cancel, list, and health.

`test_failing_ops` has the cases in which OPS fails.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import LogEntry, OpsDelivery, OpsState, Ticket, TicketEvent
from tests.api.operations import Ask, create, send
from tests.conftest import GraphQL
from tests.feed.readers import connected

SEND = """
    mutation ($id: ID!) {
      sendToOps(input: {ticketId: $id}) {
        ticket { id opsState version }
        delivery {
          id ticketId ticket { id } state attempts reference remoteStatus lastError requestedBy
          createdAt nextAttemptAt deliveredAt
          logEntries { totalCount nodes { id } }
        }
        logEntry {
          id ticketId deliveryId action status attempt durationMs response actor requestId
        }
        errors { __typename code path message ... on NotFoundError { id } }
      }
    }
"""
FAR_AWAY = datetime(2999, 1, 1, tzinfo=UTC)


async def pending_delivery(ask: Ask) -> OpsDelivery:
    """Return a delivery with a scheduled next attempt."""
    ticket_id = await create(ask)
    await Ticket.filter(id=ticket_id).update(ops_state=OpsState.PENDING)
    return await OpsDelivery.create(
        ticket_id=ticket_id, payload="{}", attempts=1, next_attempt_at=FAR_AWAY, last_error="busy"
    )


async def test_an_accepted_ticket_is_delivered_by_the_first_attempt(ask: Ask) -> None:
    ticket_id = await create(ask)
    payload = (await ask(SEND, id=ticket_id))["sendToOps"]
    delivery, entry = payload["delivery"], payload["logEntry"]
    assert payload["errors"] == []
    assert payload["ticket"] == {"id": ticket_id, "opsState": "DELIVERED", "version": 1}

    assert delivery.pop("createdAt") <= delivery.pop("deliveredAt")
    delivery_id, reference = delivery.pop("id"), delivery.pop("reference")
    assert reference
    assert delivery == {
        "ticketId": ticket_id,
        "ticket": {"id": ticket_id},
        "state": "DELIVERED",
        "attempts": 1,
        "remoteStatus": "RECEIVED",
        "lastError": None,
        "requestedBy": None,
        "nextAttemptAt": None,
        "logEntries": {"totalCount": 1, "nodes": [{"id": entry.pop("id")}]},
    }

    assert entry.pop("durationMs") >= 0
    assert entry.pop("requestId")
    assert entry == {
        "ticketId": ticket_id,
        "deliveryId": delivery_id,
        "action": "SEND",
        "status": "SUCCESS",
        "attempt": 1,
        "response": {"reference": reference, "status": "received"},
        "actor": None,
    }


async def test_ops_state_changes_are_in_the_history(ask: Ask) -> None:
    document = """
        query ($id: ID!) {
          ticket(id: $id) { history { nodes { type changes { field before after } } } }
        }
    """
    ticket_id = await create(ask)
    await send(ask, ticket_id)
    nodes = (await ask(document, id=ticket_id))["ticket"]["history"]["nodes"]
    assert [(node["type"], *node["changes"]) for node in nodes[:2]] == [
        ("OPS_STATE_CHANGED", {"field": "opsState", "before": "PENDING", "after": "DELIVERED"}),
        ("OPS_STATE_CHANGED", {"field": "opsState", "before": "NOT_SENT", "after": "PENDING"}),
    ]


async def test_the_log_entry_has_the_request_id(ask: Ask, graphql: GraphQL) -> None:
    ticket_id = await create(ask)
    answer = await graphql(SEND, id=ticket_id)
    entry = answer["data"]["sendToOps"]["logEntry"]
    events = await TicketEvent.filter(ticket_id=ticket_id, request_id=entry["requestId"]).count()
    assert events == 2


async def test_a_second_send_returns_the_pending_delivery(ask: Ask) -> None:
    delivery = await pending_delivery(ask)
    payload = (await ask(SEND, id=delivery.ticket_id))["sendToOps"]
    assert payload["delivery"]["id"] == delivery.id
    assert payload["delivery"]["state"] == "PENDING"
    assert payload["logEntry"] is None
    assert payload["errors"] == []
    assert await OpsDelivery.all().count() == 1
    assert await LogEntry.all().count() == 0


async def test_concurrent_sends_have_one_pending_delivery_at_a_time(ask: Ask) -> None:
    ticket_id = await create(ask)
    answers = await asyncio.gather(*(ask(SEND, id=ticket_id) for _ in range(8)))
    payloads = [answer["sendToOps"] for answer in answers]
    assert all(payload["errors"] == [] for payload in payloads)
    made = {payload["delivery"]["id"] for payload in payloads if payload["logEntry"]}
    assert {payload["delivery"]["id"] for payload in payloads} == made
    assert await OpsDelivery.all().count() == len(made)
    assert await LogEntry.all().count() == len(made)


async def test_a_delivered_ticket_can_be_sent_again_with_its_current_values(ask: Ask) -> None:
    update = 'mutation { updateTicket(input: {id: "T-1", subject: "New"}) { errors { code } } }'
    await create(ask, id="T-1", subject="Old")
    first = await send(ask, "T-1")
    await ask(update)
    second = await send(ask, "T-1")
    assert first != second
    old, new = await OpsDelivery.get(id=first), await OpsDelivery.get(id=second)
    assert '"subject": "Old"' in old.payload
    assert '"subject": "New"' in new.payload


async def test_send_fails_for_an_unknown_ticket(ask: Ask) -> None:
    payload = (await ask(SEND, id="nobody"))["sendToOps"]
    [error] = payload.pop("errors")
    assert payload == {"ticket": None, "delivery": None, "logEntry": None}
    assert error.pop("message")
    assert error == {
        "__typename": "NotFoundError",
        "code": "NOT_FOUND",
        "path": ["input", "ticketId"],
        "id": "nobody",
    }


CANCEL = """
    mutation ($id: ID!) {
      cancelDelivery(input: {deliveryId: $id}) {
        delivery { id state nextAttemptAt ticket { opsState } }
        errors { __typename code path }
      }
    }
"""


async def test_a_pending_delivery_is_cancelled(ask: Ask) -> None:
    delivery = await pending_delivery(ask)
    payload = (await ask(CANCEL, id=delivery.id))["cancelDelivery"]
    assert payload == {
        "delivery": {
            "id": delivery.id,
            "state": "CANCELLED",
            "nextAttemptAt": None,
            "ticket": {"opsState": "CANCELLED"},
        },
        "errors": [],
    }


RETRY = """
    mutation ($id: ID!) {
      retryDelivery(input: {deliveryId: $id}) {
        delivery { id state attempts lastError ticket { opsState } }
        logEntry { action status attempt }
        errors { __typename code path }
      }
    }
"""


async def test_a_cancelled_delivery_can_be_retried(ask: Ask) -> None:
    delivery = await pending_delivery(ask)
    await ask(CANCEL, id=delivery.id)
    payload = (await ask(RETRY, id=delivery.id))["retryDelivery"]
    assert payload == {
        "delivery": {
            "id": delivery.id,
            "state": "DELIVERED",
            "attempts": 2,
            "lastError": None,
            "ticket": {"opsState": "DELIVERED"},
        },
        "logEntry": {"action": "RETRY", "status": "SUCCESS", "attempt": 2},
        "errors": [],
    }


@pytest.mark.parametrize(("mutation", "document"), [("retry", RETRY), ("cancel", CANCEL)])
async def test_a_delivered_delivery_cannot_be_retried_or_cancelled(
    ask: Ask, mutation: str, document: str
) -> None:
    delivery_id = await send(ask, await create(ask))
    payload = (await ask(document, id=delivery_id))[f"{mutation}Delivery"]
    assert payload["delivery"] is None
    assert payload["errors"] == [
        {
            "__typename": "ConflictError",
            "code": "INVALID_STATE",
            "path": ["input", "deliveryId"],
        }
    ]
    assert (await OpsDelivery.get()).state is OpsState.DELIVERED


@pytest.mark.parametrize(("mutation", "document"), [("retry", RETRY), ("cancel", CANCEL)])
async def test_an_unknown_delivery_is_not_found(ask: Ask, mutation: str, document: str) -> None:
    payload = (await ask(document, id="nobody"))[f"{mutation}Delivery"]
    assert payload["delivery"] is None
    assert payload["errors"] == [
        {"__typename": "NotFoundError", "code": "NOT_FOUND", "path": ["input", "deliveryId"]}
    ]


async def test_a_retry_creates_no_second_pending_delivery(ask: Ask) -> None:
    pending = await pending_delivery(ask)
    older = await OpsDelivery.create(
        ticket_id=pending.ticket_id, payload="{}", attempts=1, state=OpsState.FAILED
    )
    payload = (await ask(RETRY, id=older.id))["retryDelivery"]
    assert [error["code"] for error in payload["errors"]] == ["INVALID_STATE"]
    assert (await OpsDelivery.get(id=older.id)).state is OpsState.FAILED


async def make(*states: OpsState) -> list[str]:
    """Create deliveries a minute apart, each of its own ticket."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number, state in enumerate(states):
        await OpsDelivery.create(
            id=f"d{number}",
            ticket_id=f"t{number}",
            payload="{}",
            state=state,
            created_at=start + timedelta(minutes=number),
            next_attempt_at=FAR_AWAY if state is OpsState.PENDING else None,
        )
    return [f"d{number}" for number in range(len(states))]


async def test_deliveries_are_listed_newest_first_in_pages(ask: Ask) -> None:
    document = """
        query ($after: String) {
          opsDeliveries(first: 2, after: $after) {
            totalCount
            nodes { id }
            edges { cursor node { ticketId } }
            pageInfo { hasNextPage endCursor }
          }
        }
    """
    await make(OpsState.FAILED, OpsState.PENDING, OpsState.DELIVERED)
    first = (await ask(document))["opsDeliveries"]
    assert first["totalCount"] == 3
    assert [node["id"] for node in first["nodes"]] == ["d2", "d1"]
    assert [edge["node"]["ticketId"] for edge in first["edges"]] == ["t2", "t1"]
    second = (await ask(document, after=first["pageInfo"]["endCursor"]))["opsDeliveries"]
    assert [node["id"] for node in second["nodes"]] == ["d0"]
    assert not second["pageInfo"]["hasNextPage"]


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"state": {"eq": "PENDING"}}, ["d1"]),
        ({"state": {"nin": ["PENDING"]}}, ["d2", "d0"]),
        ({"ticketId": {"in": ["t0", "t1", "t9"]}}, ["d1", "d0"]),
        ({"ticketId": {"neq": "t0"}}, ["d2", "d1"]),
        ({"createdAt": {"gt": "2026-01-01T00:00:00Z"}}, ["d2", "d1"]),
        ({"createdAt": {"lte": "2026-01-01T00:00:00Z"}}, ["d0"]),
        ({"state": {"eq": "PENDING"}, "ticketId": {"eq": "t0"}}, []),
        ({"state": {"in": []}}, []),
        ({}, ["d2", "d1", "d0"]),
    ],
)
async def test_deliveries_are_filtered(
    ask: Ask, filter_: dict[str, Any], expected: list[str]
) -> None:
    document = """
        query ($filter: OpsDeliveryFilter) {
          opsDeliveries(filter: $filter) { totalCount nodes { id } }
        }
    """
    await make(OpsState.FAILED, OpsState.PENDING, OpsState.DELIVERED)
    deliveries = (await ask(document, filter=filter_))["opsDeliveries"]
    assert [node["id"] for node in deliveries["nodes"]] == expected
    assert deliveries["totalCount"] == len(expected)


async def test_health_counts_pending_and_failed_deliveries(ask: Ask) -> None:
    document = "{ opsHealth { circuit pending failed oldestPendingAt } }"
    assert (await ask(document))["opsHealth"] == {
        "circuit": "CLOSED",
        "pending": 0,
        "failed": 0,
        "oldestPendingAt": None,
    }
    states = [OpsState.DELIVERED, OpsState.PENDING, OpsState.PENDING, OpsState.FAILED]
    await make(*states, OpsState.CANCELLED)
    assert (await ask(document))["opsHealth"] == {
        "circuit": "CLOSED",
        "pending": 2,
        "failed": 1,
        "oldestPendingAt": "2026-01-01T00:01:00Z",
    }


async def test_health_estimates_the_number_of_many_deliveries(
    ask: Ask, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = "{ opsHealth { pending pendingIsEstimate failed failedIsEstimate } }"
    await make(*[OpsState.PENDING] * 5, *[OpsState.FAILED] * 2)
    async with connected(database_url) as connection:
        await connection.execute("ANALYZE ops_deliveries")
    exact = {"pending": 5, "pendingIsEstimate": False, "failed": 2, "failedIsEstimate": False}
    assert (await ask(document))["opsHealth"] == exact
    monkeypatch.setattr("resolvers.ops_health.MAX_COUNTED", 2)
    assert (await ask(document))["opsHealth"] == {**exact, "pendingIsEstimate": True}
