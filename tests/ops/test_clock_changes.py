"""The clock of the database was ahead by hours and is set back: no delivery waits for hours.

The tests move the stored times into the future instead, which is the same for all comparisons.
"""

from datetime import timedelta

import asyncpg
import pytest

from models import OpsDelivery, OpsState
from ops import DeliveryWorker, OpsPolicy, delivering
from ops.delivery.clock_changes import correct_times
from tests.ops.delivery_requests import (
    create_ticket,
    deliveries_to,
    log_entries_of,
    request_delivery,
    send,
)
from tests.ops.outbox import many_due, none_pending
from tests.ops.scripted_ops import ScriptedOps, accepted, failed
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("database")

TWO_HOURS = timedelta(hours=2)
DELIVERIES = 20


async def set_clock_back(database_url: str, by: timedelta = TWO_HOURS) -> None:
    """Move all times of deliveries and log entries ahead."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        """
        UPDATE ops_deliveries
        SET created_at = created_at + $1,
            next_attempt_at = next_attempt_at + $1,
            lease_until = lease_until + $1
        """,
        by,
    )
    await connection.execute("UPDATE log_entries SET timestamp = timestamp + $1", by)
    await connection.close()


async def test_waiting_deliveries_are_made(database_url: str) -> None:
    due = await many_due(DELIVERIES - 1)
    # One waits for its backoff.
    deliveries = deliveries_to(ScriptedOps([failed(), accepted()]))
    failing = (await send(deliveries, await create_ticket())).delivery
    await set_clock_back(database_url)
    async with delivering(DeliveryWorker(deliveries.executor, poll_s=0.02)):
        await until(none_pending)
    ids = [*due, failing.id]
    assert await OpsDelivery.filter(id__in=ids, state=OpsState.DELIVERED).count() == DELIVERIES


async def test_an_abandoned_attempt_is_taken_over(database_url: str) -> None:
    delivery, _ = await request_delivery(deliveries_to(ScriptedOps()), await create_ticket())
    await set_clock_back(database_url)
    deliveries = deliveries_to(ScriptedOps())
    async with delivering(DeliveryWorker(deliveries.executor, poll_s=0.02)):
        await until(none_pending)
    lost, made = await log_entries_of(delivery)
    assert (lost.attempt, made.attempt) == (1, 2)
    assert (await OpsDelivery.get(id=delivery.id)).state is OpsState.DELIVERED


async def test_a_running_attempt_loses_its_lease_and_is_logged(database_url: str) -> None:
    ops = ScriptedOps()
    ops.gate.clear()
    deliveries = deliveries_to(ops)
    delivery, _ = await request_delivery(deliveries, await create_ticket(), at_once=False)
    worker = DeliveryWorker(deliveries.executor, concurrency=1, poll_s=0.02)
    async with delivering(worker):
        await ops.called.wait()
        await set_clock_back(database_url)
        assert await correct_times(OpsPolicy()) == 1

        async def is_lost() -> bool:
            return len(await log_entries_of(delivery)) == 1

        # Recorded as lost beside the running call.
        await until(is_lost)
        ops.gate.set()
        await until(none_pending)
    entries = await log_entries_of(delivery)
    assert sorted(entry.attempt or 0 for entry in entries) == [1, 1, 2]
    assert len({call.key for call in ops.calls}) == 1


async def test_a_retry_after_of_ops_is_kept(database_url: str) -> None:
    deliveries = deliveries_to(ScriptedOps([failed(retry_after_s=7_200)]))
    delivery = (await send(deliveries, await create_ticket())).delivery
    assert await correct_times(OpsPolicy()) == 0
    # If the clock was set back since, the time of the attempt is in the future.
    await set_clock_back(database_url)
    assert await correct_times(OpsPolicy()) == 1
    assert await correct_times(OpsPolicy()) == 0
    now = await OpsDelivery.get(id=delivery.id)
    assert (now.state, now.attempts, now.lease_until) == (OpsState.PENDING, 1, None)


async def test_times_within_the_longest_backoff_and_lease_are_kept(database_url: str) -> None:
    policy = OpsPolicy(retry_max_ms=300_000)
    await many_due(1)
    await request_delivery(deliveries_to(ScriptedOps()), await create_ticket())
    await set_clock_back(database_url, by=timedelta(seconds=250))
    before = await OpsDelivery.all().order_by("id").values_list("next_attempt_at", "lease_until")
    assert await correct_times(policy) == 0
    assert before == await OpsDelivery.all().order_by("id").values_list(
        "next_attempt_at", "lease_until"
    )


def test_no_lease_is_longer_than_the_limit() -> None:
    assert OpsPolicy(timeout_ms=60_000).lease <= timedelta(seconds=150)
