"""Workers make due attempts, share them, and continue after failures and lost processes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from engine.streaming.notifications import Notifier
from models import LogEntry, LogStatus, OpsDelivery, OpsState
from ops import (
    DELIVERIES_DUE,
    BreakerSettings,
    CircuitState,
    Deliveries,
    DeliveryWorker,
    FailureKind,
    OpsPolicy,
    Simulator,
    SimulatorSettings,
    delivering,
)
from ops.clients.protocol import Accepted
from tests.ops.delivery_requests import (
    CALLER,
    create_ticket,
    cut_connections,
    deliveries_to,
    expire_lease,
    log_entries_of,
    ops_state_changes_of,
    request_delivery,
    send,
)
from tests.ops.outbox import many_due, none_pending
from tests.ops.scripted_ops import ScriptedOps, accepted, failed
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("database")

# A short interval, so that the tests are fast.
POLL_S = 0.02


def worker_of(deliveries: Deliveries, concurrency: int = 8) -> DeliveryWorker:
    return DeliveryWorker(deliveries.executor, concurrency=concurrency, poll_s=POLL_S)


async def test_a_delivery_requested_for_the_worker_is_delivered() -> None:
    ops, ticket = ScriptedOps(), await create_ticket()
    deliveries = deliveries_to(ops)
    delivery, _ = await request_delivery(deliveries, ticket, at_once=False)
    assert (delivery.attempts, delivery.lease_until) == (0, None)
    async with delivering(worker_of(deliveries)):
        await until(none_pending)
    [entry] = await log_entries_of(delivery)
    assert (entry.attempt, entry.actor, entry.request_id) == (1, "alice", "request-1")
    assert await ops_state_changes_of(ticket) == ["NOT_SENT", "PENDING", "DELIVERED"]


async def test_a_failure_is_retried_until_ops_accepts() -> None:
    ops, ticket = (
        ScriptedOps([failed(), failed(FailureKind.TIMEOUT), accepted("R-3")]),
        await create_ticket(),
    )
    deliveries = deliveries_to(ops)
    delivery = (await send(deliveries, ticket)).delivery
    async with delivering(worker_of(deliveries)):
        await until(none_pending)
    entries = await log_entries_of(delivery)
    assert [(entry.action.value, entry.status.value, entry.attempt) for entry in entries] == [
        ("send", "failed", 1),
        ("retry", "failed", 2),
        ("retry", "success", 3),
    ]
    assert (await OpsDelivery.get(id=delivery.id)).reference == "R-3"
    assert [call.attempt for call in ops.calls] == [1, 2, 3]


async def test_a_delivery_fails_after_its_attempts() -> None:
    deliveries, ticket = (
        deliveries_to(ScriptedOps([failed()]), max_attempts=3),
        await create_ticket(),
    )
    delivery = (await send(deliveries, ticket)).delivery
    async with delivering(worker_of(deliveries)):
        await until(none_pending)
    now = await OpsDelivery.get(id=delivery.id)
    assert (now.state, now.attempts, now.next_attempt_at) == (OpsState.FAILED, 3, None)
    assert await ops_state_changes_of(ticket) == ["NOT_SENT", "PENDING", "FAILED"]


async def test_a_delivery_that_is_not_due_is_not_attempted() -> None:
    ops = ScriptedOps([failed(retry_after_s=60), accepted()])
    deliveries = deliveries_to(ops)
    delivery = (await send(deliveries, await create_ticket())).delivery
    async with delivering(worker_of(deliveries)):
        await asyncio.sleep(0.2)
    assert (await OpsDelivery.get(id=delivery.id)).attempts == 1


async def test_a_lost_attempt_is_logged_and_the_delivery_retried() -> None:
    ops, ticket = ScriptedOps(), await create_ticket()
    deliveries = deliveries_to(ops)
    delivery, _ = await request_delivery(deliveries_to(ScriptedOps()), ticket)
    await expire_lease(delivery.id)
    async with delivering(worker_of(deliveries)):
        await until(none_pending)
    lost, made = await log_entries_of(delivery)
    assert (lost.attempt, lost.status) == (1, LogStatus.FAILED)
    assert "the process that made this attempt ended" in str(lost.response)
    assert (made.attempt, made.status) == (2, LogStatus.SUCCESS)
    assert await ops_state_changes_of(ticket) == ["NOT_SENT", "PENDING", "DELIVERED"]


async def test_lost_attempts_count() -> None:
    ops, ticket = ScriptedOps(), await create_ticket()
    delivery, _ = await request_delivery(deliveries_to(ops), ticket)
    await expire_lease(delivery.id)
    async with delivering(worker_of(deliveries_to(ops, max_attempts=1))):
        await until(none_pending)
    assert (await OpsDelivery.get(id=delivery.id)).state is OpsState.FAILED
    assert ops.calls == []
    assert await ops_state_changes_of(ticket) == ["NOT_SENT", "PENDING", "FAILED"]


async def test_a_lost_attempt_of_a_cancelled_delivery_is_logged() -> None:
    deliveries = deliveries_to(ScriptedOps())
    delivery, _ = await request_delivery(deliveries, await create_ticket())
    await deliveries.cancel(delivery.id, **CALLER)
    await expire_lease(delivery.id)

    async def is_logged() -> bool:
        return await LogEntry.filter(delivery_id=delivery.id).exists()

    async with delivering(worker_of(deliveries)):
        await until(is_logged)
    now = await OpsDelivery.get(id=delivery.id)
    assert (now.state, now.lease_until) == (OpsState.CANCELLED, None)


async def test_workers_share_the_deliveries_and_call_once_for_each() -> None:
    ops = CallCounter()
    await many_due(300)
    async with AsyncExitStack() as working:
        for _ in range(4):
            await working.enter_async_context(delivering(worker_of(deliveries_to(ops))))
        await until(none_pending)
    assert ops.most_at_once == 1
    assert sum(ops.calls.values()) == len(ops.calls) == 300
    assert await OpsDelivery.filter(state=OpsState.DELIVERED).count() == 300
    assert await LogEntry.all().count() == 300


async def test_a_worker_makes_at_most_its_concurrency_of_calls() -> None:
    ops = ScriptedOps()
    ops.gate.clear()
    await many_due(10)

    async def are_called() -> bool:
        return len(ops.calls) >= 3

    async with delivering(worker_of(deliveries_to(ops), concurrency=3)):
        await until(are_called)
        # Other calls would begin at the next polls.
        await asyncio.sleep(10 * POLL_S)
        assert len(ops.calls) == 3
        ops.gate.set()
        await until(none_pending)
    assert len(ops.calls) == 10


async def test_a_stopped_worker_completes_its_running_calls() -> None:
    ops = ScriptedOps()
    ops.gate.clear()
    await many_due(10)
    worker = worker_of(deliveries_to(ops), concurrency=4)
    running = asyncio.create_task(worker.run())
    await ops.called.wait()
    worker.stop()
    await asyncio.sleep(0.1)
    assert not running.done()
    ops.gate.set()
    await running
    assert len(ops.calls) == 4
    assert await OpsDelivery.filter(state=OpsState.DELIVERED).count() == 4
    assert await OpsDelivery.filter(state=OpsState.PENDING, lease_until=None).count() == 6


async def test_a_worker_continues_after_its_connections_are_cut(database_url: str) -> None:
    simulator = Simulator(SimulatorSettings(latency_ms=2, failure_rate=0.2))
    deliveries = Deliveries(simulator, OpsPolicy(retry_base_ms=1), BreakerSettings(min_calls=10**6))
    await many_due(200)
    async with delivering(worker_of(deliveries)):
        for _ in range(5):
            await cut_connections(database_url)
            await asyncio.sleep(0.1)
        await until(none_pending)
    assert await OpsDelivery.filter(state=OpsState.DELIVERED).count() == 200
    for delivery in await OpsDelivery.all():
        attempts = {entry.attempt for entry in await log_entries_of(delivery)}
        assert attempts == set(range(1, delivery.attempts + 1))


async def test_deliveries_keep_their_attempts_while_the_circuit_is_open() -> None:
    ops = ScriptedOps([failed()] * 5 + [accepted()])
    settings = BreakerSettings(min_calls=5, pause_s=0.3)
    policy = OpsPolicy(max_attempts=2, retry_base_ms=0)
    deliveries = Deliveries(ops, policy, settings)
    await many_due(20)
    async with delivering(worker_of(deliveries, concurrency=5)):

        async def is_open() -> bool:
            return deliveries.circuit_state is CircuitState.OPEN

        await until(is_open)
        while await is_open():
            assert len(ops.calls) == 5
            await asyncio.sleep(0.01)
        await until(none_pending)
    assert len(ops.calls) == 25
    assert Counter([delivery.state for delivery in await OpsDelivery.all()]) == {
        OpsState.DELIVERED: 20
    }
    assert deliveries.circuit_state is CircuitState.CLOSED


async def test_a_send_with_an_open_circuit_makes_no_attempt() -> None:
    ops = ScriptedOps([failed()] * 3 + [accepted()])
    deliveries = Deliveries(ops, OpsPolicy(), BreakerSettings(min_calls=3, pause_s=60))
    for _ in range(3):
        await send(deliveries, await create_ticket())
    attempt = await send(deliveries, await create_ticket())
    assert attempt.log_entry is None
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.CIRCUIT_OPEN
    assert attempt.delivery.state is OpsState.PENDING
    assert (attempt.delivery.attempts, attempt.delivery.lease_until) == (0, None)
    assert len(ops.calls) == 3


@pytest.fixture
async def notifier(database_url: str) -> AsyncIterator[Notifier]:
    """Return the notifier of this process."""
    async with Notifier(database_url, topics=(DELIVERIES_DUE,)) as notifier:
        yield notifier


async def test_a_commit_without_a_due_delivery_does_not_wake_the_worker(
    database_url: str, statements: list[str]
) -> None:
    deliveries = deliveries_to(ScriptedOps())
    worker = DeliveryWorker(deliveries.executor, poll_s=600)
    notifier = Notifier(database_url, topics=(DELIVERIES_DUE,))
    notifier.subscribe(worker.wake, DELIVERIES_DUE)
    is_connected = asyncio.Event()
    notifier.subscribe(is_connected.set, DELIVERIES_DUE)

    async def has_queried() -> bool:
        # The last statement before the worker waits.
        return any("next_attempt_at - clock_timestamp()" in text for text in statements)

    async with notifier:
        # A new notifier wakes the worker too.
        await is_connected.wait()
        async with delivering(worker):
            await until(has_queried)
            statements.clear()
            await request_delivery(deliveries, await create_ticket())
            await asyncio.sleep(0.2)
            assert not await has_queried()
            await request_delivery(deliveries, await create_ticket(), at_once=False)
            await until(delivered_one)
            assert await has_queried()


async def delivered_one() -> bool:
    return await OpsDelivery.filter(state=OpsState.DELIVERED).exists()


async def test_a_retry_is_made_when_it_is_due_and_not_at_the_next_poll(notifier: Notifier) -> None:
    """Also if another process made the previous attempt."""
    ops = ScriptedOps([failed(retry_after_s=0.3), accepted()])
    deliveries = deliveries_to(ops)
    worker = DeliveryWorker(deliveries_to(ops).executor, poll_s=60)
    notifier.subscribe(worker.wake, DELIVERIES_DUE)
    async with delivering(worker):
        await asyncio.sleep(0.1)
        await send(deliveries, await create_ticket())
        await until(none_pending)
    assert [call.attempt for call in ops.calls] == [1, 2]


class CallCounter(Simulator):
    """A simulator that counts calls by key, and the maximum of concurrent calls of one key."""

    def __init__(self) -> None:
        super().__init__(SimulatorSettings(latency_ms=2))
        self.calls: Counter[str] = Counter()
        self.under_way: Counter[str] = Counter()
        self.most_at_once = 0

    async def submit(self, payload: str, *, key: str, attempt: int) -> Accepted:
        """Accept after the latency."""
        self.calls[key] += 1
        self.under_way[key] += 1
        self.most_at_once = max(self.most_at_once, self.under_way[key])
        answer = await super().submit(payload, key=key, attempt=attempt)
        self.under_way[key] -= 1
        return answer
