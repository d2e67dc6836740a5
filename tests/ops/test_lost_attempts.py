"""Outcomes survive the loss of the caller and the database; lost attempts are logged."""

import asyncio

import pytest

from models import LogStatus, OpsDelivery, OpsState
from ops.delivery.claims import Claim
from tests.ops.delivery_requests import (
    CALLER,
    create_ticket,
    cut_connections,
    deliveries_to,
    log_entries_of,
    request_delivery,
)
from tests.ops.scripted_ops import ScriptedOps, accepted

pytestmark = pytest.mark.usefixtures("database")


async def test_the_outcome_is_recorded_after_the_caller_disconnects() -> None:
    ops = ScriptedOps()
    ops.gate.clear()
    deliveries = deliveries_to(ops)
    delivery, _ = await request_delivery(deliveries, await create_ticket())
    caller = asyncio.create_task(deliveries.attempt(delivery, **CALLER))
    await ops.called.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    ops.gate.set()
    await deliveries.close()
    assert (await OpsDelivery.get(id=delivery.id)).state is OpsState.DELIVERED
    assert ops.closed


async def test_the_outcome_is_recorded_after_a_database_outage(database_url: str) -> None:
    ops = ScriptedOps()
    ops.gate.clear()
    deliveries = deliveries_to(ops)
    delivery, _ = await request_delivery(deliveries, await create_ticket())
    under_way = asyncio.create_task(deliveries.attempt(delivery, **CALLER))
    await ops.called.wait()
    await cut_connections(database_url)
    ops.gate.set()
    assert (await under_way).delivery.state is OpsState.DELIVERED


async def test_an_attempt_of_an_ended_process_is_logged_as_lost() -> None:
    ended, ops = deliveries_to(ScriptedOps()), ScriptedOps([accepted("R-2")])
    delivery, _ = await request_delivery(ended, await create_ticket())
    deliveries = deliveries_to(ops)
    await deliveries.cancel(delivery.id, **CALLER)
    await OpsDelivery.filter(id=delivery.id).update(lease_until=delivery.created_at)
    again = await deliveries.retry(delivery.id, **CALLER)

    assert again.delivery.state is OpsState.DELIVERED
    lost, made = await log_entries_of(delivery)
    assert (lost.attempt, lost.status, lost.duration_ms) == (1, LogStatus.FAILED, None)
    assert "the process that made this attempt ended" in lost.response
    assert (made.attempt, made.status) == (2, LogStatus.SUCCESS)


async def test_ops_is_not_called_at_the_end_of_the_lease() -> None:
    ops = ScriptedOps()
    deliveries = deliveries_to(ops)
    delivery, _ = await request_delivery(deliveries, await create_ticket())
    deliveries._claims[delivery.id, 1] = Claim(delivery, call_deadline=0.0)
    attempt = await deliveries.attempt(delivery, **CALLER)
    assert attempt.log_entry is None
    assert ops.calls == []
    assert attempt.delivery.state is OpsState.PENDING
    assert (attempt.delivery.attempts, attempt.delivery.lease_until) == (0, None)
