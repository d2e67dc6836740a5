"""The simulator is a pure function of its settings, its input and the time."""

import asyncio
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import OpsRemoteStatus
from models.columns import new_id
from ops.clients.protocol import Accepted, FailureKind, OpsFailure
from ops.simulator import Simulator, SimulatorSettings, chance, reference_of, remote_status

INSTANT = SimulatorSettings(latency_ms=0)


async def answer_to(simulator: Simulator, key: str, attempt: int = 1) -> str:
    """Submit a ticket, and return the reference or the kind of the failure."""
    try:
        return (await simulator.submit("{}", key=key, attempt=attempt)).reference
    except OpsFailure as failure:
        return failure.kind.value


@given(key=st.text(max_size=64), seed=st.integers())
async def test_the_same_key_is_the_same_ticket_in_every_process(key: str, seed: int) -> None:
    one = Simulator(SimulatorSettings(latency_ms=0, seed=seed))
    other = Simulator(SimulatorSettings(latency_ms=0, seed=seed + 1))
    first = await one.submit('{"subject": "a"}', key=key, attempt=1)
    again = await other.submit('{"subject": "b"}', key=key, attempt=7)
    assert first.reference == again.reference == reference_of(key)


@given(keys=st.lists(st.text(max_size=64), unique=True, max_size=20))
def test_different_keys_are_different_tickets(keys: list[str]) -> None:
    assert len({reference_of(key) for key in keys}) == len(keys)


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5, 1.0])
async def test_the_failure_rate_is_the_share_of_calls_that_fail(rate: float) -> None:
    simulator = Simulator(SimulatorSettings(latency_ms=0, failure_rate=rate, seed=1))
    # Always the same keys: with others, the share is sometimes further from the rate.
    keys = [f"key {number}" for number in range(2_000)]
    answers = [await answer_to(simulator, key) for key in keys]
    assert answers.count("unavailable") / len(keys) == pytest.approx(rate, abs=0.05)


async def test_the_same_seed_fails_the_same_calls() -> None:
    calls = [(new_id(), attempt) for attempt in range(1, 200)]
    settings = SimulatorSettings(latency_ms=0, failure_rate=0.5, seed=3)
    other_settings = SimulatorSettings(latency_ms=0, failure_rate=0.5, seed=4)
    once = [await answer_to(Simulator(settings), *call) for call in calls]
    again = [await answer_to(Simulator(settings), *call) for call in calls]
    other = [await answer_to(Simulator(other_settings), *call) for call in calls]
    assert once == again
    assert once != other


async def test_a_ticket_is_rejected_in_every_attempt_or_in_none() -> None:
    simulator = Simulator(SimulatorSettings(latency_ms=0, reject_rate=0.3, seed=2))
    refused = 0
    for key in [f"key {number}" for number in range(500)]:
        answers = {await answer_to(simulator, key, attempt) for attempt in range(1, 5)}
        assert len(answers) == 1
        refused += answers == {"rejected"}
    assert refused / 500 == pytest.approx(0.3, abs=0.08)


async def test_the_status_follows_the_time_since_ops_accepted() -> None:
    now_s = time.time()
    simulator = Simulator(INSTANT, now_s=lambda: now_s)
    accepted = await simulator.submit("{}", key=new_id(), attempt=1)
    assert accepted.remote_status is OpsRemoteStatus.RECEIVED
    seen = []
    for later_s in (1, 9, 11, 59, 61, 10**6):
        clock_s = now_s + later_s
        later = Simulator(INSTANT, now_s=lambda clock_s=clock_s: clock_s)  # type: ignore[misc]  # a bound default
        seen.append((await later.status(accepted.reference)).status.value)
    assert seen == [
        "received",
        "received",
        "in_progress",
        "in_progress",
        "completed",
        "completed",
    ]


@given(key=st.text() | st.uuids().map(str), now_s=st.floats(0, 2**40))
def test_every_reference_has_a_status(key: str, now_s: float) -> None:
    assert remote_status(reference_of(key), now_s=now_s) in OpsRemoteStatus


@pytest.mark.parametrize("reference", ["", "OPS-1", "SIM-", "sim-000000000000-0000000000000000"])
async def test_a_reference_of_another_ops_is_not_found(reference: str) -> None:
    with pytest.raises(OpsFailure) as caught:
        await Simulator(INSTANT).status(reference)
    assert caught.value.kind is FailureKind.NOT_FOUND
    assert not caught.value.retryable


async def test_status_checks_fail_at_the_rate_too() -> None:
    reference = reference_of("key")
    settings = SimulatorSettings(latency_ms=0, failure_rate=0.5)
    answers = []
    for second in range(400):
        simulator = Simulator(settings, now_s=lambda second=second: float(second))  # type: ignore[misc]  # a bound default
        try:
            answers.append((await simulator.status(reference)).reference == reference)
        except OpsFailure as failure:
            answers.append(failure.kind is not FailureKind.UNAVAILABLE)
    assert answers.count(True) / 400 == pytest.approx(0.5, abs=0.1)


async def test_a_call_takes_the_latency() -> None:
    simulator = Simulator(SimulatorSettings(latency_ms=30))
    began_at, ended_at = [], []

    async def call() -> Accepted:
        began_at.append(time.monotonic())
        answer = await simulator.submit("{}", key=new_id(), attempt=1)
        ended_at.append(time.monotonic())
        return answer

    answers = await asyncio.gather(*(call() for _ in range(10)))
    assert min(ended_at) - min(began_at) >= 0.03
    # They run at the same time.
    assert max(began_at) < min(ended_at)
    assert all(isinstance(answer, Accepted) for answer in answers)


@given(seed=st.integers(), words=st.lists(st.text(), max_size=3))
def test_a_chance_is_between_0_and_1(seed: int, words: list[str]) -> None:
    assert 0.0 <= chance(seed, *words) < 1.0


def test_the_time_of_a_key_is_read_from_a_uuid_version_7_only() -> None:
    earliest_ms = int(time.time() * 1_000)
    time_ms = int(reference_of(new_id())[4:16], 16)
    latest_ms = int(time.time() * 1_000)
    assert earliest_ms - 1_000 < time_ms < latest_ms + 1_000
    assert reference_of(str(uuid.uuid4()))[4:16] == "000000000000"
    assert reference_of("not a UUID")[4:16] == "000000000000"
