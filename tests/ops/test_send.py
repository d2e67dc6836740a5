"""Sending a ticket to OPS: the delivery, its log entry, and the state of the ticket."""

import orjson
import pytest

from models import LogAction, LogStatus, OpsRemoteStatus, OpsState, Ticket
from ops import (
    FailureKind,
)
from tests.ops.delivery_requests import (
    CALLER,
    create_ticket,
    deliveries_to,
    log_entries_of,
    ops_state_changes_of,
    request_delivery,
    send,
)
from tests.ops.scripted_ops import ScriptedOps, accepted, failed

pytestmark = pytest.mark.usefixtures("database")


async def test_a_ticket_that_ops_accepts_is_delivered() -> None:
    ops = ScriptedOps([accepted("R-7")])
    ticket = await create_ticket()
    attempt = await send(deliveries_to(ops), ticket)

    delivery = attempt.delivery
    assert attempt.failure is None
    assert delivery.state is OpsState.DELIVERED
    assert (delivery.reference, delivery.remote_status) == ("R-7", OpsRemoteStatus.RECEIVED)
    assert (delivery.attempts, delivery.requested_by) == (1, "alice")
    assert delivery.next_attempt_at is None
    assert delivery.lease_until is None
    assert delivery.last_error is None
    assert delivery.delivered_at >= delivery.created_at
    assert [(call.key, call.attempt) for call in ops.calls] == [(delivery.id, 1)]


async def test_the_log_entry_has_response_duration_attempt_and_caller() -> None:
    ops = ScriptedOps([accepted(response={"reference": "R-1", "token": "s3cret"})])
    attempt = await send(deliveries_to(ops), await create_ticket())

    [entry] = await log_entries_of(attempt.delivery)
    assert attempt.log_entry == entry
    assert (entry.action, entry.status) == (LogAction.SEND, LogStatus.SUCCESS)
    assert orjson.loads(entry.response) == {"reference": "R-1", "token": "***"}
    assert entry.attempt == 1
    assert entry.duration_ms is not None
    assert 0 <= entry.duration_ms < 1_000
    assert (entry.actor, entry.request_id) == ("alice", "request-1")


async def test_the_ticket_gets_the_state_with_an_event_and_keeps_its_version() -> None:
    ticket = await create_ticket()
    updated_at = ticket.updated_at
    delivery, _ = await request_delivery(deliveries := deliveries_to(ScriptedOps()), ticket)
    assert ticket.ops_state is OpsState.PENDING
    assert ticket.updated_at > updated_at

    await deliveries.attempt(delivery, **CALLER)
    now = await Ticket.get(id=ticket.id)
    assert now.ops_state is OpsState.DELIVERED
    assert now.updated_at > ticket.updated_at
    assert now.version == 1
    assert await ops_state_changes_of(ticket) == ["NOT_SENT", "PENDING", "DELIVERED"]


async def test_every_attempt_sends_the_ticket_at_the_time_of_the_request() -> None:
    ops = ScriptedOps([failed(), accepted()])
    ticket = await create_ticket(subject="before", metadata='{"n": 12345678901234567890.12}')
    deliveries = deliveries_to(ops)
    attempt = await send(deliveries, ticket)
    await Ticket.filter(id=ticket.id).update(subject="after")
    await deliveries.cancel(attempt.delivery.id, **CALLER)
    await deliveries.retry(attempt.delivery.id, **CALLER)

    first, second = ops.calls
    assert first.payload == second.payload
    assert (first.key, first.attempt + 1) == (second.key, second.attempt)
    sent = orjson.loads(first.payload)
    assert sent["id"] == ticket.id
    assert sent["subject"] == "before"
    assert sent["customer_email"] == "bob@example.com"
    assert sent["created_at"].endswith("Z")
    assert "12345678901234567890.12" in first.payload


async def test_a_retryable_failure_leaves_the_delivery_pending() -> None:
    attempt = await send(
        deliveries_to(ScriptedOps([failed(retry_after_s=60)])), await create_ticket()
    )

    delivery = attempt.delivery
    assert attempt.failure is not None
    assert attempt.failure.retryable
    assert delivery.state is OpsState.PENDING
    assert delivery.last_error == "OPS said unavailable"
    assert delivery.lease_until is None
    assert 59 < (delivery.next_attempt_at - delivery.created_at).total_seconds() < 62
    [entry] = await log_entries_of(delivery)
    assert entry.status is LogStatus.FAILED
    assert orjson.loads(entry.response) == {
        "error": "unavailable",
        "message": "OPS said unavailable",
        "retryAfterSeconds": 60,
    }


async def test_a_rejection_fails_the_delivery_at_once() -> None:
    ticket = await create_ticket()
    refusal = failed(FailureKind.REJECTED, response={"reason": "unknown category"})
    attempt = await send(deliveries_to(ScriptedOps([refusal])), ticket)

    assert attempt.delivery.state is OpsState.FAILED
    assert attempt.delivery.next_attempt_at is None
    assert attempt.log_entry is not None
    assert orjson.loads(attempt.log_entry.response)["answer"] == {"reason": "unknown category"}
    assert await ops_state_changes_of(ticket) == ["NOT_SENT", "PENDING", "FAILED"]


async def test_a_timeout_is_logged() -> None:
    ops = ScriptedOps()
    ops.gate.clear()
    attempt = await send(deliveries_to(ops, timeout_ms=50), await create_ticket())

    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.TIMEOUT
    assert attempt.delivery.state is OpsState.PENDING
    assert attempt.log_entry is not None
    assert attempt.log_entry.duration_ms is not None
    assert 50 <= attempt.log_entry.duration_ms < 500


async def test_an_unexpected_exception_is_a_failed_attempt(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("ERROR")
    attempt = await send(deliveries_to(ScriptedOps([ZeroDivisionError()])), await create_ticket())
    assert attempt.delivery.state is OpsState.PENDING
    assert attempt.delivery.last_error is not None
    assert "ZeroDivisionError" in attempt.delivery.last_error
    assert "unexpected exception while calling OPS" in caplog.text


@pytest.mark.parametrize(
    "response",
    [
        {"text": "NUL \x00 and \ud800 a lone surrogate"},
        {"\x00": 1, "\udfff": 2},
        [float("nan"), float("-inf"), 10**100, 10**5000],
        {"text": "x" * 200_000},
        "just a string",
        None,
    ],
)
async def test_any_response_can_be_logged(response: object) -> None:
    ops = ScriptedOps([accepted(response=response), failed(response=response)])  # type: ignore[arg-type]  # whatever JSON
    deliveries, ticket = deliveries_to(ops), await create_ticket()
    assert (await send(deliveries, ticket)).delivery.state is OpsState.DELIVERED
    attempt = await send(deliveries, ticket)
    assert attempt.delivery.state is OpsState.PENDING
    assert attempt.log_entry is not None
    assert len(str(attempt.log_entry.response).encode()) < 70_000
