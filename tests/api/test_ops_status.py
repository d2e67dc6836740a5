"""opsStatus queries OPS for the status of a ticket and logs each answer."""

from models import LogEntry, OpsDelivery, OpsState, Ticket
from tests.api.operations import Ask, create, send

STATUS = """
    query ($id: ID!) {
      opsStatus(ticketId: $id) {
        ticket { id opsState delivery { id remoteStatus } }
        status
        reference
        checkedAt
        logEntry { action status attempt deliveryId timestamp response durationMs }
        errors { __typename code path message ... on OpsError { retryable retryAfterMs } }
      }
    }
"""


async def test_the_status_is_queried_and_logged(ask: Ask) -> None:
    ticket_id = await create(ask)
    delivery_id = await send(ask, ticket_id)
    payload = (await ask(STATUS, id=ticket_id))["opsStatus"]
    entry, reference = payload.pop("logEntry"), payload.pop("reference")
    assert entry.pop("durationMs") >= 0
    assert entry.pop("timestamp") == payload.pop("checkedAt")
    assert entry == {
        "action": "QUERY",
        "status": "SUCCESS",
        "attempt": None,
        "deliveryId": delivery_id,
        "response": {"reference": reference, "status": "received"},
    }
    assert payload == {
        "ticket": {
            "id": ticket_id,
            "opsState": "DELIVERED",
            "delivery": {"id": delivery_id, "remoteStatus": "RECEIVED"},
        },
        "status": "RECEIVED",
        "errors": [],
    }


async def test_each_query_has_its_own_log_entry(ask: Ask) -> None:
    document = """
        query ($id: ID!) {
          first: opsStatus(ticketId: $id) { status }
          second: opsStatus(ticketId: $id) { status }
        }
    """
    ticket_id = await create(ask)
    await send(ask, ticket_id)
    assert await ask(document, id=ticket_id) == {
        "first": {"status": "RECEIVED"},
        "second": {"status": "RECEIVED"},
    }
    assert await LogEntry.filter(action="query").count() == 2


async def test_a_ticket_that_was_never_sent_has_no_status(ask: Ask) -> None:
    payload = (await ask(STATUS, id=await create(ask)))["opsStatus"]
    [error] = payload.pop("errors")
    assert error.pop("message")
    assert error == {
        "__typename": "OpsError",
        "code": "NOT_SENT",
        "path": ["ticketId"],
        "retryable": False,
        "retryAfterMs": None,
    }
    assert set(payload.values()) == {None}
    assert await LogEntry.all().count() == 0


async def test_a_ticket_with_a_pending_delivery_has_no_status_yet(ask: Ask) -> None:
    ticket_id = await create(ask)
    await Ticket.all().update(ops_state=OpsState.PENDING)
    await OpsDelivery.create(
        ticket_id=ticket_id, payload="{}", attempts=1, next_attempt_at="2999-01-01T00:00:00Z"
    )
    [error] = (await ask(STATUS, id=ticket_id))["opsStatus"]["errors"]
    assert (error["code"], error["retryable"]) == ("NOT_SENT", True)


async def test_an_unknown_ticket_is_not_found(ask: Ask) -> None:
    [error] = (await ask(STATUS, id="nobody"))["opsStatus"]["errors"]
    assert (error["__typename"], error["code"], error["path"]) == (
        "NotFoundError",
        "NOT_FOUND",
        ["ticketId"],
    )


async def test_a_reference_unknown_to_ops_is_a_failed_query(ask: Ask) -> None:
    ticket_id = await create(ask)
    await send(ask, ticket_id)
    await OpsDelivery.all().update(reference="of another OPS")
    payload = (await ask(STATUS, id=ticket_id))["opsStatus"]
    assert payload["status"] is None
    assert payload["reference"] == "of another OPS"
    assert payload["logEntry"]["status"] == "FAILED"
    assert [(error["__typename"], error["path"]) for error in payload["errors"]] == [
        ("OpsError", [])
    ]
