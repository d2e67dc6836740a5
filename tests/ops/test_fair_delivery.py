"""Deliveries on which OPS hangs, or which always fail, delay only themselves."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

import pytest

from models import OpsDelivery, OpsState
from ops import (
    BreakerSettings,
    CircuitState,
    Deliveries,
    DeliveryWorker,
    FailureKind,
    OpsFailure,
    OpsPolicy,
    delivering,
)
from ops.clients.protocol import Accepted, StatusReport
from ops.delivery.claims import release
from ops.delivery.concurrency_shares import ConcurrencyShares
from ops.delivery.due_claims import claim_due, claim_probe
from tests.ops.outbox import many_due
from tests.ops.scripted_ops import accepted
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("database")

CONCURRENCY = 8
# Longer than a test waits, so that a call hangs until its end.
TIMEOUT_MS = 60_000


@dataclass
class PoisonedOps:
    """An OPS client that hangs on some keys, fails on others, and accepts the rest."""

    hanging: Collection[str] = ()
    failing: Collection[str] = ()
    calls: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def submit(self, payload: str, *, key: str, attempt: int) -> Accepted:
        """Hang until the gate opens, fail, or accept."""
        del payload, attempt
        self.calls.append(key)
        if key in self.hanging:
            await self.gate.wait()
        elif key in self.failing:
            raise OpsFailure(FailureKind.UNAVAILABLE, "OPS fails")
        return accepted()

    async def status(self, reference: str) -> StatusReport:
        """Fail: no test asks for a status."""
        raise NotImplementedError(reference)

    async def close(self) -> None:
        """Do nothing: there is no connection."""


def worker_of(ops: PoisonedOps, breaker: BreakerSettings | None = None) -> DeliveryWorker:
    policy = OpsPolicy(timeout_ms=TIMEOUT_MS, max_attempts=1_000, retry_base_ms=1_000)
    deliveries = Deliveries(ops, policy, breaker)
    return DeliveryWorker(deliveries.executor, concurrency=CONCURRENCY, poll_s=0.05)


async def until_delivered(ids: Collection[str]) -> None:
    async def are_delivered() -> bool:
        delivered = OpsDelivery.filter(id__in=list(ids), state=OpsState.DELIVERED)
        return await delivered.count() == len(ids)

    await until(are_delivered)


@pytest.mark.parametrize("attempts", [0, 1])
@pytest.mark.parametrize("order", ["older", "newer"])
async def test_deliveries_that_hang_do_not_stop_the_others(attempts: int, order: str) -> None:
    older = await many_due(5 * CONCURRENCY, attempts=attempts if order == "older" else 0)
    newer = await many_due(5 * CONCURRENCY, attempts=attempts if order == "newer" else 0)
    hanging, good = (older, newer) if order == "older" else (newer, older)
    ops = PoisonedOps(hanging=set(hanging))
    async with delivering(worker_of(ops)):
        await until_delivered(good)
        assert await OpsDelivery.filter(id__in=hanging, state=OpsState.PENDING).count() == len(
            hanging
        )
        ops.gate.set()
        await until_delivered(hanging)


async def test_retries_that_hang_leave_a_share_to_first_attempts() -> None:
    hanging = set(await many_due(5 * CONCURRENCY, attempts=1))
    ops = PoisonedOps(hanging=hanging)
    async with delivering(worker_of(ops)):

        async def retries_hang() -> bool:
            return len(ops.calls) == CONCURRENCY - CONCURRENCY // 4

        # While there are no first attempts, retries take more than half of the concurrency.
        await until(retries_hang)
        await until_delivered(await many_due(3 * CONCURRENCY))
        ops.gate.set()
    assert len(hanging.intersection(ops.calls)) == CONCURRENCY - CONCURRENCY // 4


async def test_deliveries_that_always_fail_do_not_keep_the_circuit_open() -> None:
    failing = set(await many_due(5 * CONCURRENCY))
    good = await many_due(5 * CONCURRENCY)
    ops = PoisonedOps(failing=failing)
    breaker = BreakerSettings(min_calls=2, pause_s=0.02)
    worker = worker_of(ops, breaker)
    circuit = worker._executor.circuit  # opened as calls of this process would
    for _ in range(2):
        with pytest.raises(OpsFailure):
            await circuit.submit("{}", key=next(iter(failing)), attempt=1)
    assert circuit.state is CircuitState.OPEN
    async with delivering(worker):
        await until_delivered(good)
        # Only retries fail now.
        await until_delivered(await many_due(CONCURRENCY))


async def test_the_probe_is_not_always_the_oldest() -> None:
    oldest, *_ = await many_due(50, attempts=1)
    probed = set()
    for _ in range(20):
        [claim] = await claim_probe(OpsPolicy(), prefers_first_attempts=False)
        assert claim.attempt == 2
        probed.add(claim.delivery.id)
        await release(claim)
    assert len(probed) > 1
    assert probed != {oldest}


async def test_every_other_probe_prefers_first_attempts() -> None:
    await many_due(50, attempts=1)
    [first] = await many_due(1)
    await many_due(50, attempts=1)
    [claim] = await claim_probe(OpsPolicy(), prefers_first_attempts=True)
    assert (claim.delivery.id, claim.attempt) == (first, 1)
    # Without first attempts it is a retry.
    [claim] = await claim_probe(OpsPolicy(), prefers_first_attempts=True)
    assert claim.attempt == 2


async def test_a_claim_takes_the_oldest_and_the_newest_first_attempts() -> None:
    retries = await many_due(2, attempts=1)
    firsts = await many_due(20)
    newest_retries = await many_due(2, attempts=1)
    claims = await claim_due(OpsPolicy(), limit=3, newest=3)
    in_order = {claim.delivery.id for claim in claims if claim.is_in_order}
    newest = {claim.delivery.id for claim in claims if not claim.is_in_order}
    assert in_order >= set(retries)
    assert len(in_order) == len(newest) == 3
    assert newest <= set(firsts)
    assert not newest.intersection(newest_retries)


async def test_a_claim_of_few_deliveries_takes_each_once() -> None:
    due = await many_due(5)
    claims = await claim_due(OpsPolicy(), limit=4, newest=4)
    assert sorted(claim.delivery.id for claim in claims) == sorted(due)
    assert {claim.attempt for claim in claims} == {1}


def test_the_shares_of_a_concurrency() -> None:
    now_s = 0.0
    shares = ConcurrencyShares(32, clock=lambda: now_s)
    assert shares.free(32) == (16, 16)
    for _ in range(16):
        shares.begin(is_in_order=True)
    assert shares.free(16) == (0, 16)
    # No first attempt is due: what is in order can take more, but not all.
    shares.may_have_first_attempts = False
    assert shares.free(16) == (8, 0)
    for _ in range(8):
        shares.begin(is_in_order=True)
    assert shares.free(8) == (0, 0)
    shares.may_have_first_attempts = True
    assert shares.free(8) == (0, 8)
    for _ in range(24):
        shares.end(is_in_order=True, is_accepted=False)
    assert shares.free(32) == (16, 16)
    # While OPS accepts what is delivered in order, that takes all.
    shares.begin(is_in_order=True)
    shares.end(is_in_order=True, is_accepted=True)
    assert shares.free(32) == (32, 0)
    now_s += 0.25
    assert shares.free(32) == (16, 16)


@pytest.mark.parametrize("concurrency", [1, 2, 3])
def test_a_small_concurrency_is_used_completely(concurrency: int) -> None:
    shares = ConcurrencyShares(concurrency)
    assert sum(shares.free(concurrency)) == concurrency
    shares.may_have_first_attempts = False
    assert shares.free(concurrency) == (concurrency, 0)
