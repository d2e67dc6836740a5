"""Cancellation of deliveries, also during a call of OPS."""

import asyncio

import orjson
import pytest
from tortoise.transactions import in_transaction

from models import LogStatus, OpsState, Ticket
from models.ticket_lock import lock_ticket
from ops import (
    DeliveryNotFound,
    DeliveryStateError,
)
from ops.delivery.cancellation import cancel_pending
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


async def test_a_pending_delivery_is_cancelled() -> None:
    deliveries, ticket = deliveries_to(ScriptedOps([failed()])), await create_ticket()
    attempt = await send(deliveries, ticket)
    delivery = await deliveries.cancel(attempt.delivery.id, **CALLER)
    assert delivery.state is OpsState.CANCELLED
    assert delivery.next_attempt_at is None
    assert await ops_state_changes_of(ticket) == ["NOT_SENT", "PENDING", "CANCELLED"]


async def test_only_a_pending_delivery_can_be_cancelled() -> None:
    deliveries = deliveries_to(ScriptedOps())
    attempt = await send(deliveries, await create_ticket())
    with pytest.raises(DeliveryStateError, match="this one is delivered") as caught:
        await deliveries.cancel(attempt.delivery.id, **CALLER)
    assert caught.value.delivery.state is OpsState.DELIVERED


async def test_an_unknown_delivery_is_not_found() -> None:
    deliveries = deliveries_to(ScriptedOps())
    with pytest.raises(DeliveryNotFound):
        await deliveries.cancel("no-such", **CALLER)
    with pytest.raises(DeliveryNotFound):
        await deliveries.retry("no-such", **CALLER)


async def test_an_acceptance_after_the_cancellation_is_logged_and_its_reference_kept() -> None:
    ops, ticket = ScriptedOps([accepted("R-9")]), await create_ticket()
    ops.gate.clear()
    deliveries = deliveries_to(ops)
    delivery, _ = await request_delivery(deliveries, ticket)
    under_way = asyncio.create_task(deliveries.attempt(delivery, **CALLER))
    await ops.called.wait()
    await deliveries.cancel(delivery.id, **CALLER)
    ops.gate.set()
    attempt = await under_way

    assert attempt.delivery.state is OpsState.CANCELLED
    assert attempt.delivery.reference == "R-9"
    assert attempt.delivery.lease_until is None
    assert attempt.log_entry is not None
    assert attempt.log_entry.status is LogStatus.SUCCESS
    logged = orjson.loads(attempt.log_entry.response)
    assert "OPS accepted the ticket although" in logged["note"]
    assert logged["answer"] == {"reference": "R-9"}
    assert await ops_state_changes_of(ticket) == ["NOT_SENT", "PENDING", "CANCELLED"]


async def test_a_failure_after_the_cancellation_is_logged_without_effect() -> None:
    ops = ScriptedOps([failed()])
    ops.gate.clear()
    deliveries = deliveries_to(ops)
    delivery, _ = await request_delivery(deliveries, await create_ticket())
    under_way = asyncio.create_task(deliveries.attempt(delivery, **CALLER))
    await ops.called.wait()
    await deliveries.cancel(delivery.id, **CALLER)
    ops.gate.set()
    attempt = await under_way
    assert attempt.delivery.state is OpsState.CANCELLED
    assert attempt.delivery.last_error is None
    [entry] = await log_entries_of(delivery)
    assert orjson.loads(entry.response)["answer"]["error"] == "unavailable"


async def test_deleting_a_ticket_cancels_its_pending_delivery() -> None:
    ops, ticket = ScriptedOps(), await create_ticket()
    ops.gate.clear()
    deliveries = deliveries_to(ops)
    delivery, _ = await request_delivery(deliveries, ticket)
    under_way = asyncio.create_task(deliveries.attempt(delivery, **CALLER))
    await ops.called.wait()
    async with in_transaction() as connection:
        await lock_ticket(connection, ticket.id)
        await cancel_pending(connection, ticket.id)
        await Ticket.filter(id=ticket.id).using_db(connection).delete()
    ops.gate.set()
    attempt = await under_way
    assert attempt.delivery.state is OpsState.CANCELLED
    assert attempt.log_entry is not None
    assert await ops_state_changes_of(ticket) == ["NOT_SENT", "PENDING"]
