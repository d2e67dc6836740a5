"""Manual retries of failed and cancelled deliveries."""

import asyncio

import pytest

from models import LogAction, OpsState, Ticket
from ops import (
    DeliveryStateError,
    FailureKind,
)
from tests.ops.delivery_requests import (
    CALLER,
    create_ticket,
    deliveries_to,
    ops_state_changes_of,
    request_delivery,
    send,
)
from tests.ops.scripted_ops import ScriptedOps, accepted, failed

pytestmark = pytest.mark.usefixtures("database")


async def test_a_failed_delivery_is_retried_at_once_with_new_attempts() -> None:
    ops = ScriptedOps([failed(FailureKind.REJECTED), failed(), accepted()])
    deliveries, ticket = deliveries_to(ops, max_attempts=2), await create_ticket()
    delivery = (await send(deliveries, ticket)).delivery
    again = await deliveries.retry(delivery.id, **CALLER)
    # The second attempt is the first after the retry, so one more is allowed.
    assert again.delivery.state is OpsState.PENDING
    assert (again.delivery.attempts, again.delivery.attempts_forgiven) == (2, 1)
    assert again.log_entry is not None
    assert (again.log_entry.action, again.log_entry.attempt) == (LogAction.RETRY, 2)
    assert await ops_state_changes_of(ticket) == ["NOT_SENT", "PENDING", "FAILED", "PENDING"]


async def test_a_delivery_fails_without_attempts_left() -> None:
    deliveries = deliveries_to(ScriptedOps([failed()]), max_attempts=1)
    attempt = await send(deliveries, await create_ticket())
    assert attempt.delivery.state is OpsState.FAILED
    assert attempt.failure is not None
    assert attempt.failure.retryable


@pytest.mark.parametrize("kind", [FailureKind.UNAVAILABLE, FailureKind.REJECTED])
async def test_the_last_attempt_is_logged_without_the_text_of_ops(
    caplog: pytest.LogCaptureFixture, kind: FailureKind
) -> None:
    deliveries = deliveries_to(ScriptedOps([failed(kind), failed(kind)]), max_attempts=1)
    delivery = (await send(deliveries, await create_ticket())).delivery
    [line] = [line for line in caplog.records if line.name == "ops.delivery.executor"]
    assert line.getMessage() == "last attempt of a delivery failed"
    assert vars(line)["fields"] == {
        "delivery_id": delivery.id,
        "attempt": 1,
        "failure": kind.value,
    }


@pytest.mark.parametrize("answer", [accepted(), failed()])
async def test_only_a_failed_or_cancelled_delivery_can_be_retried(answer: Exception) -> None:
    deliveries = deliveries_to(ScriptedOps([answer]))
    delivery = (await send(deliveries, await create_ticket())).delivery
    with pytest.raises(DeliveryStateError, match=f"this one is {delivery.state.value}"):
        await deliveries.retry(delivery.id, **CALLER)


async def test_a_delivery_cannot_be_retried_while_another_is_pending() -> None:
    deliveries, ticket = deliveries_to(ScriptedOps([failed()])), await create_ticket()
    first = (await send(deliveries, ticket)).delivery
    await deliveries.cancel(first.id, **CALLER)
    await send(deliveries, ticket)
    with pytest.raises(DeliveryStateError, match="another delivery that is pending"):
        await deliveries.retry(first.id, **CALLER)


async def test_concurrent_retries_make_one_attempt() -> None:
    ops = ScriptedOps([failed(FailureKind.REJECTED), accepted()])
    deliveries = deliveries_to(ops)
    delivery = (await send(deliveries, await create_ticket())).delivery
    tries = [deliveries.retry(delivery.id, **CALLER) for _ in range(10)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(outcome, DeliveryStateError) for outcome in outcomes) == 9
    assert len(ops.calls) == 2


async def test_an_attempt_counts_after_a_cancellation_and_a_retry_during_it() -> None:
    """Otherwise two calls of one delivery would run at the same time."""
    ops, ticket = ScriptedOps(), await create_ticket()
    ops.gate.clear()
    deliveries = deliveries_to(ops)
    delivery, _ = await request_delivery(deliveries, ticket)
    under_way = asyncio.create_task(deliveries.attempt(delivery, **CALLER))
    await ops.called.wait()
    await deliveries.cancel(delivery.id, **CALLER)
    again = await deliveries.retry(delivery.id, **CALLER)
    assert again.log_entry is None
    assert again.delivery.state is OpsState.PENDING
    assert again.delivery.attempts == 1
    ops.gate.set()
    assert (await under_way).delivery.state is OpsState.DELIVERED
    assert len(ops.calls) == 1
    assert await ops_state_changes_of(ticket) == [
        "NOT_SENT",
        "PENDING",
        "CANCELLED",
        "PENDING",
        "DELIVERED",
    ]


async def test_an_older_delivery_does_not_change_the_ticket() -> None:
    """A ticket's state is that of its newest delivery."""
    ops = ScriptedOps([failed(FailureKind.REJECTED), accepted(), failed()])
    deliveries, ticket = deliveries_to(ops), await create_ticket()
    older = (await send(deliveries, ticket)).delivery
    await send(deliveries, ticket)
    again = await deliveries.retry(older.id, **CALLER)
    assert again.delivery.state is OpsState.PENDING
    assert (await Ticket.get(id=ticket.id)).ops_state is OpsState.DELIVERED
