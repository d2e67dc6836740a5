"""A ticket has at most one pending delivery."""

import asyncio

import pytest
from tortoise.transactions import in_transaction

from models import OpsDelivery, OpsState, Ticket
from models.ticket_lock import lock_ticket
from tests.ops.delivery_requests import (
    CALLER,
    create_ticket,
    deliveries_to,
    ops_state_changes_of,
    request_delivery,
    send,
)
from tests.ops.scripted_ops import ScriptedOps, failed

pytestmark = pytest.mark.usefixtures("database")


async def test_two_sends_of_one_ticket_make_one_delivery() -> None:
    deliveries, ticket = deliveries_to(ScriptedOps([failed()])), await create_ticket()
    first = await send(deliveries, ticket)
    second, is_new = await request_delivery(deliveries, ticket)
    assert (second.id, is_new) == (first.delivery.id, False)


async def test_concurrent_sends_make_one_delivery_and_one_call() -> None:
    ops, ticket = ScriptedOps(), await create_ticket()
    ops.gate.clear()
    deliveries = deliveries_to(ops)

    async def send_once() -> str:
        delivery, is_new = await request_delivery(deliveries, ticket)
        if is_new:
            await deliveries.attempt(delivery, **CALLER)
        return delivery.id

    sends = [asyncio.create_task(send_once()) for _ in range(20)]
    await asyncio.wait(sends, timeout=0.5)
    ops.gate.set()
    assert len(set(await asyncio.gather(*sends))) == 1
    assert len(ops.calls) == 1
    assert await OpsDelivery.filter(ticket_id=ticket.id).count() == 1


async def test_a_delivered_ticket_can_be_sent_again_under_a_new_key() -> None:
    ops, ticket = ScriptedOps(), await create_ticket()
    deliveries = deliveries_to(ops)
    first, second = await send(deliveries, ticket), await send(deliveries, ticket)
    assert first.delivery.id != second.delivery.id
    assert await ops_state_changes_of(ticket) == [
        "NOT_SENT",
        "PENDING",
        "DELIVERED",
        "PENDING",
        "DELIVERED",
    ]


async def test_a_rolled_back_request_leaves_no_delivery() -> None:
    ops, ticket = ScriptedOps(), await create_ticket()
    deliveries = deliveries_to(ops)
    async with in_transaction() as connection:
        await lock_ticket(connection, ticket.id)
        await deliveries.request(connection, ticket, **CALLER)
        await connection.rollback()
    assert await OpsDelivery.filter(ticket_id=ticket.id).count() == 0
    assert await ops_state_changes_of(ticket) == []
    assert ops.calls == []
    assert (await Ticket.get(id=ticket.id)).ops_state is OpsState.NOT_SENT


async def test_an_attempt_is_made_once() -> None:
    deliveries = deliveries_to(ScriptedOps())
    delivery, _ = await request_delivery(deliveries, await create_ticket())
    await deliveries.attempt(delivery, **CALLER)
    with pytest.raises(KeyError):
        await deliveries.attempt(delivery, **CALLER)
