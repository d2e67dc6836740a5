"""The circuit opens after many failures, and closes after a successful probe."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.clients.circuit_breaker import BreakerSettings, CircuitBreaker, CircuitState
from ops.clients.protocol import Accepted, FailureKind, OpsFailure, StatusReport
from tests.ops.scripted_ops import ScriptedOps, accepted, failed

SETTINGS = BreakerSettings(failure_share=0.5, min_calls=4, window_s=10, pause_s=5)


@dataclass
class Clock:
    """A clock that a test sets."""

    now_s: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


async def submit(circuit: CircuitBreaker) -> str:
    """Submit a ticket, and return the kind of the failure or "accepted"."""
    try:
        await circuit.submit("{}", key="k", attempt=1)
    except OpsFailure as failure:
        return failure.kind.value
    return "accepted"


async def opened(ops: ScriptedOps, clock: Clock) -> CircuitBreaker:
    """Return a circuit that has opened after four failures."""
    circuit = CircuitBreaker(ops, SETTINGS, clock=clock)
    assert [await submit(circuit) for _ in range(4)] == ["unavailable"] * 4
    assert circuit.state is CircuitState.OPEN
    return circuit


async def test_the_circuit_opens_at_the_share_of_failures() -> None:
    ops = ScriptedOps([accepted(), accepted(), failed(), failed(), accepted()])
    circuit = CircuitBreaker(ops, SETTINGS, clock=Clock())
    assert [await submit(circuit) for _ in range(6)] == [
        "accepted",
        "accepted",
        "unavailable",
        "unavailable",
        "circuit_open",
        "circuit_open",
    ]
    assert len(ops.calls) == 4


async def test_the_circuit_stays_closed_below_the_minimum_of_calls() -> None:
    circuit = CircuitBreaker(ScriptedOps([failed()]), SETTINGS, clock=Clock())
    for _ in range(3):
        await submit(circuit)
    assert circuit.state is CircuitState.CLOSED


async def test_calls_outside_the_window_do_not_count() -> None:
    clock = Clock()
    circuit = CircuitBreaker(ScriptedOps([failed()]), SETTINGS, clock=clock)
    for _ in range(20):
        await submit(circuit)
        clock.now_s += 4
    assert circuit.state is CircuitState.CLOSED


@pytest.mark.parametrize("kind", [FailureKind.REJECTED, FailureKind.NOT_FOUND])
async def test_a_rejection_is_not_a_failure_of_ops(kind: FailureKind) -> None:
    circuit = CircuitBreaker(ScriptedOps([failed(kind)]), SETTINGS, clock=Clock())
    assert [await submit(circuit) for _ in range(20)] == [kind.value] * 20


async def test_a_timeout_is_a_failure() -> None:
    ops = ScriptedOps()
    ops.gate.clear()
    circuit = CircuitBreaker(ops, SETTINGS, clock=Clock())
    for _ in range(4):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await submit(circuit)
    assert circuit.state is CircuitState.OPEN


async def test_a_refused_call_has_the_time_to_wait() -> None:
    clock = Clock()
    circuit = await opened(ScriptedOps([failed()]), clock)
    clock.now_s = 2
    with pytest.raises(OpsFailure) as caught:
        await circuit.status("R-1")
    assert caught.value.kind is FailureKind.CIRCUIT_OPEN
    assert caught.value.retry_after_s == 3
    assert caught.value.retryable


async def test_one_successful_probe_closes_the_circuit() -> None:
    clock = Clock()
    ops = ScriptedOps([failed()] * 4 + [accepted()])
    circuit = await opened(ops, clock)
    clock.now_s = 5
    assert circuit.state is CircuitState.HALF_OPEN
    assert circuit.admits(100) == 1
    ops.gate.clear()
    ops.called.clear()
    probe = asyncio.create_task(submit(circuit))
    await ops.called.wait()
    assert circuit.admits(100) == 0
    assert [await submit(circuit) for _ in range(10)] == ["circuit_open"] * 10
    ops.gate.set()
    assert await probe == "accepted"
    assert circuit.admits(100) == 100
    assert len(ops.calls) == 5


async def test_a_failed_probe_opens_the_circuit_again() -> None:
    clock = Clock()
    ops = ScriptedOps([failed()])
    circuit = await opened(ops, clock)
    clock.now_s = 5
    assert await submit(circuit) == "unavailable"
    assert circuit.state is CircuitState.OPEN
    clock.now_s = 9.9
    assert await submit(circuit) == "circuit_open"


async def test_a_cancelled_probe_allows_another_one() -> None:
    clock = Clock()
    ops = ScriptedOps([failed()])
    circuit = await opened(ops, clock)
    clock.now_s = 5
    ops.gate.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await submit(circuit)
    assert circuit.state is CircuitState.OPEN
    clock.now_s = 10
    assert circuit.admits(1) == 1


async def test_a_call_from_before_the_opening_does_not_close_the_circuit() -> None:
    clock = Clock()
    ops = ScriptedOps([accepted(), failed()])
    circuit = CircuitBreaker(ops, SETTINGS, clock=clock)
    ops.gate.clear()
    early = asyncio.create_task(submit(circuit))
    await ops.called.wait()
    ops.gate.set()
    # The early call ends last, after the others have failed together.
    ops.gate.clear()
    others = [asyncio.create_task(submit(circuit)) for _ in range(4)]
    await asyncio.sleep(0)
    ops.gate.set()
    await asyncio.gather(early, *others)
    assert circuit.state is CircuitState.OPEN


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["ok", "fail", "refuse"]), st.floats(0, 6)), max_size=60
    )
)
async def test_an_open_circuit_never_calls_ops(steps: list[tuple[str, float]]) -> None:
    answers: dict[str, Accepted | StatusReport | Exception] = {
        "ok": accepted(),
        "fail": failed(),
        "refuse": failed(FailureKind.REJECTED),
    }
    clock = Clock()
    ops = ScriptedOps([answers[name] for name, _ in steps] or [accepted()])
    circuit = CircuitBreaker(ops, SETTINGS, clock=clock)
    for _, pause_s in steps:
        state, calls = circuit.state, len(ops.calls)
        outcome = await submit(circuit)
        assert (outcome == "circuit_open") == (state is CircuitState.OPEN)
        assert len(ops.calls) == calls + (state is not CircuitState.OPEN)
        if state is CircuitState.HALF_OPEN:
            is_open = circuit.state is CircuitState.OPEN
            assert is_open == (outcome == "unavailable")
        clock.now_s += pause_s


async def test_failed_retries_do_not_open_the_circuit() -> None:
    """It can be these deliveries that fail; if it is OPS, first attempts fail too."""
    circuit = CircuitBreaker(ScriptedOps([failed()]), SETTINGS, clock=Clock())
    for _ in range(20):
        with pytest.raises(OpsFailure):
            await circuit.submit("{}", key="k", attempt=2)
    assert circuit.state is CircuitState.CLOSED


async def test_a_failed_retry_as_the_probe_opens_the_circuit_again() -> None:
    clock = Clock()
    circuit = await opened(ScriptedOps([failed()]), clock)
    clock.now_s = 5
    with pytest.raises(OpsFailure):
        await circuit.submit("{}", key="k", attempt=2)
    assert circuit.state is CircuitState.OPEN
