"""Deliveries to an OPS over HTTP with every fault: nothing is lost or duplicated."""

from collections import defaultdict

import pytest

from models import LogEntry, OpsDelivery, OpsState
from ops import BreakerSettings, Deliveries, DeliveryWorker, OpsPolicy, delivering
from ops.clients.http import HttpOps
from ops.simulator.fault_settings import FaultSettings
from ops.simulator.server import SimulatorServer
from tests.ops.outbox import many_due, none_pending
from tests.ops.sockets import serving_simulator
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("database")

COUNT = 150


async def test_every_delivery_arrives_once_and_every_attempt_is_logged() -> None:
    simulator = SimulatorServer(
        FaultSettings(
            latency_ms=1,
            failure_rate=0.1,
            reject_rate=0.1,
            too_many_rate=0.1,
            retry_after_s=0,
            hang_rate=0.05,
            reset_rate=0.1,
            garbage_rate=0.1,
        )
    )
    # Each call must arrive in this time, also on a slow machine; a call that hangs takes it.
    policy = OpsPolicy(timeout_ms=5_000, max_attempts=50, retry_base_ms=5, retry_max_ms=50)
    never_open = BreakerSettings(min_calls=10**9)
    async with serving_simulator(simulator) as url:
        deliveries = Deliveries(
            HttpOps(url, token=None, timeout_s=policy.timeout_s), policy, never_open
        )
        await many_due(COUNT)
        workers = [
            DeliveryWorker(deliveries.executor, concurrency=16, poll_s=0.02) for _ in range(2)
        ]
        async with delivering(workers[0]), delivering(workers[1]):
            await until(none_pending, within_s=200)
        await deliveries.close()

    calls = defaultdict(list)
    for call in simulator.record.calls:
        calls[call.key].append(call)
    rows = {delivery.id: delivery for delivery in await OpsDelivery.all()}
    assert set(calls) == set(rows)
    for key, delivery in rows.items():
        was_refused = any(call.outcome == "rejected" for call in calls[key])
        assert delivery.state is (OpsState.FAILED if was_refused else OpsState.DELIVERED)
        references = {call.reference for call in calls[key] if call.reference is not None}
        assert references == (set() if was_refused else {delivery.reference})
        # The calls of a key do not overlap.
        assert [call.attempt for call in calls[key]] == list(range(1, delivery.attempts + 1))
        for earlier, later in zip(calls[key], calls[key][1:], strict=False):
            assert earlier.ended_at is not None
            assert earlier.ended_at <= later.began_at
        logged = await LogEntry.filter(delivery_id=key).order_by("attempt")
        assert [entry.attempt for entry in logged] == list(range(1, delivery.attempts + 1))
    outcomes = {call.outcome for call in simulator.record.calls}
    assert outcomes >= {
        "accepted",
        "rejected",
        "unavailable",
        "too many",
        "hung",
        "reset",
        "accepted, then reset",
        "accepted, then garbage",
    }
