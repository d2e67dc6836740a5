"""Concurrent callers and workers on a few tickets leave consistent tables."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable

import pytest

from models import LogEntry, LogStatus, OpsDelivery, OpsState, Ticket
from ops import (
    BreakerSettings,
    Deliveries,
    DeliveryStateError,
    DeliveryWorker,
    OpsPolicy,
    delivering,
)
from ops.clients.protocol import Accepted
from ops.simulator import Simulator, SimulatorSettings
from tests.ops.delivery_requests import (
    CALLER,
    create_ticket,
    ops_state_changes_of,
    request_delivery,
)
from tests.ops.outbox import none_pending
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("database")

POLICY = OpsPolicy(max_attempts=3, retry_base_ms=1, retry_max_ms=5)
NEVER_OPEN = BreakerSettings(min_calls=10**9)


class OverlapCounter(Simulator):
    """A simulator with random latency that counts overlapping calls of one key."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(SimulatorSettings(latency_ms=0, failure_rate=0.3, reject_rate=0.1))
        self._chance = chance
        self._under_way: Counter[str] = Counter()
        self.overlaps = 0
        self.calls = 0

    async def submit(self, payload: str, *, key: str, attempt: int) -> Accepted:
        """Respond after up to 0.2 s."""
        self.calls += 1
        self.overlaps += self._under_way[key]
        self._under_way[key] += 1
        try:
            await asyncio.sleep(self._chance.random() * 0.2)
            return await super().submit(payload, key=key, attempt=attempt)
        finally:
            self._under_way[key] -= 1


async def do_random_operation(
    deliveries: Deliveries, ticket: Ticket, chance: random.Random
) -> None:
    """Do one random operation on a ticket's delivery."""
    newest = await OpsDelivery.filter(ticket_id=ticket.id).order_by("-created_at").first()
    doing: Awaitable[object]
    match chance.choice(["send", "send later", "cancel", "retry"]):
        case "cancel" if newest is not None:
            doing = deliveries.cancel(newest.id, **CALLER)
        case "retry" if newest is not None:
            doing = deliveries.retry(newest.id, **CALLER)
        case "send later":
            doing = request_delivery(deliveries, ticket, at_once=False)
        case _:
            delivery, is_new = await request_delivery(deliveries, ticket)
            if not is_new:
                return
            doing = deliveries.attempt(delivery, **CALLER)
    try:
        await doing
    except DeliveryStateError:
        return


@pytest.mark.parametrize("seed", range(3))
async def test_concurrent_callers_and_workers_leave_consistent_tables(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # not used for security
    ops = OverlapCounter(chance)
    processes = [Deliveries(ops, POLICY, NEVER_OPEN) for _ in range(3)]
    tickets = [await create_ticket() for _ in range(4)]

    async def caller() -> None:
        for _ in range(25):
            await do_random_operation(chance.choice(processes), chance.choice(tickets), chance)
            await asyncio.sleep(chance.random() * 0.005)

    workers = [
        DeliveryWorker(process.executor, concurrency=4, poll_s=0.01) for process in processes
    ]
    async with delivering(workers[0]), delivering(workers[1]), delivering(workers[2]):
        await asyncio.gather(*(caller() for _ in range(8)))
        await until(none_pending)
    for process in processes:
        await process.close()

    assert ops.overlaps == 0
    for ticket in tickets:
        deliveries = await OpsDelivery.filter(ticket_id=ticket.id).order_by("created_at", "id")
        for delivery in deliveries:
            entries = await LogEntry.filter(delivery_id=delivery.id)
            assert sorted(entry.attempt or 0 for entry in entries) == list(
                range(1, delivery.attempts + 1)
            )
            was_accepted = any(entry.status is LogStatus.SUCCESS for entry in entries)
            assert (delivery.reference is not None) == was_accepted
            assert was_accepted or delivery.state is not OpsState.DELIVERED
            assert delivery.lease_until is None
        if deliveries:
            now = await Ticket.get(id=ticket.id)
            assert now.ops_state is deliveries[-1].state
            assert (await ops_state_changes_of(ticket))[-1] == now.ops_state.name
    assert ops.calls == await LogEntry.all().count()
