"""Deliveries against a model: random sends, responses, cancellations, retries and crashes.

Hypothesis generates the sequences. After each step the tables of a real PostgreSQL must match
the model.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from models import LogEntry, OpsDelivery, OpsState, Ticket
from ops import (
    BreakerSettings,
    Deliveries,
    DeliveryStateError,
    DeliveryWorker,
    FailureKind,
    OpsPolicy,
)
from ops.clients.protocol import Accepted, OpsFailure
from tests.ops.delivery_requests import (
    CALLER,
    create_ticket,
    expire_lease,
    ops_state_changes_of,
    request_delivery,
)
from tests.ops.gated_ops import GatedOps, WaitingCall
from tests.ops.scripted_ops import accepted, failed

T = TypeVar("T")

MAX_ATTEMPTS = 2
POLICY = OpsPolicy(timeout_ms=60_000, max_attempts=MAX_ATTEMPTS, retry_base_ms=0, retry_max_ms=0)
NEVER_OPEN = BreakerSettings(min_calls=10**9)
ANSWERS: dict[str, Accepted | OpsFailure] = {
    "accepts": accepted("R"),
    "fails": failed(),
    "refuses": failed(FailureKind.REJECTED),
}


@dataclass
class Claimed:
    """A claim of the model: it holds until the attempt ends or its lease expires."""

    attempt: int
    is_expired: bool = False


@dataclass
class Life:
    """One delivery of the model."""

    id: str
    state: OpsState = OpsState.PENDING
    attempts: int = 0
    forgiven: int = 0
    claimed: Claimed | None = None
    has_reference: bool = False
    logged: list[int] = field(default_factory=list)
    # For each attempt, the number of forgiven attempts when it was claimed.
    forgiven_at: dict[int, int] = field(default_factory=dict)

    def claim(self) -> None:
        """Claim the next attempt."""
        self.attempts += 1
        self.claimed = Claimed(self.attempts)
        self.forgiven_at[self.attempts] = self.forgiven

    def end(self, attempt: int, answer: str) -> None:
        """End an attempt; only the one with the claim changes the state."""
        self.logged.append(attempt)
        self.has_reference |= answer == "accepts"
        if self.claimed is None or self.claimed.attempt != attempt or self.claimed.is_expired:
            return
        self.claimed = None
        if self.state is not OpsState.PENDING:
            return
        if answer == "accepts":
            self.state = OpsState.DELIVERED
        elif answer == "refuses" or attempt - self.forgiven_at[attempt] >= MAX_ATTEMPTS:
            self.state = OpsState.FAILED

    def record_lost(self) -> None:
        """Record the running attempt as lost, if its lease has expired."""
        if self.claimed is not None and self.claimed.is_expired:
            self.claimed.is_expired = False
            self.end(self.claimed.attempt, "fails")


class Lives(RuleBasedStateMachine):
    """The deliveries of one ticket, of which at most one is pending."""

    loop: ClassVar[asyncio.AbstractEventLoop]

    @initialize()
    def open_a_ticket(self) -> None:
        """Start with a ticket that was never sent."""
        self.ops = GatedOps()
        self.deliveries = Deliveries(self.ops, POLICY, NEVER_OPEN)
        # More than a life has calls: the shares of the concurrency are not part of the model.
        self.worker = DeliveryWorker(self.deliveries.executor, concurrency=64)
        self.ticket = self.run(create_ticket())
        self.lives: list[Life] = []
        # Attempts that callers started; all others are the worker's.
        self.callers: set[asyncio.Task[Any]] = set()

    @rule(at_once=st.booleans())
    def send(self, *, at_once: bool) -> None:
        """Request a delivery, attempted at once or by the worker."""
        delivery, is_new = self.run(request_delivery(self.deliveries, self.ticket, at_once=at_once))
        pending = self.pending()
        assert is_new == (pending is None)
        if pending is not None:
            assert delivery.id == pending.id
            return
        life = Life(delivery.id)
        self.lives.append(life)
        if at_once:
            life.claim()
            self.begin(self.deliveries.attempt(delivery, **CALLER))

    @precondition(lambda self: self.lives)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Cancel any delivery; only a pending one can be cancelled."""
        life = data.draw(st.sampled_from(self.lives))
        cancelling = self.deliveries.cancel(life.id, **CALLER)
        if life.state is OpsState.PENDING:
            self.run(cancelling)
            life.state = OpsState.CANCELLED
        else:
            self.refuse(cancelling)

    @precondition(lambda self: self.lives)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        """Retry any delivery; it must be failed or cancelled, and no other may be pending."""
        life = data.draw(st.sampled_from(self.lives))
        life.record_lost()
        retrying = self.deliveries.retry(life.id, **CALLER)
        can_be = {OpsState.FAILED, OpsState.CANCELLED}
        if life.state not in can_be or self.pending() is not None:
            self.refuse(retrying)
            return
        life.state, life.forgiven = OpsState.PENDING, life.attempts
        if life.claimed is None:
            life.claim()
            self.begin(retrying)
        else:
            # The attempt from before the cancellation is still running, and counts.
            assert self.run(retrying).log_entry is None

    @precondition(lambda self: self.ops.waiting)
    @rule(data=st.data(), answer=st.sampled_from(sorted(ANSWERS)))
    def ops_answers(self, data: st.DataObject, answer: str) -> None:
        """Let OPS respond to any waiting call."""
        call = data.draw(st.sampled_from(self.ops.waiting))
        self.answer(call, answer)

    @precondition(lambda self: self.ops.waiting)
    @rule(data=st.data())
    def the_process_of_a_call_dies(self, data: st.DataObject) -> None:
        """End a call without recording it."""
        call = data.draw(st.sampled_from(self.ops.waiting))
        self.end(call, call.answer.cancel)

    @precondition(lambda self: any(life.claimed for life in self.lives))
    @rule(data=st.data())
    def a_lease_is_taken_over(self, data: st.DataObject) -> None:
        """Let the lease of an attempt expire, while its process continues."""
        life = data.draw(st.sampled_from([life for life in self.lives if life.claimed]))
        assert life.claimed is not None
        self.run(expire_lease(life.id))
        life.claimed.is_expired = True

    @rule()
    def the_worker_looks_for_lost_attempts(self) -> None:
        """Let the worker record abandoned attempts."""
        self.run(self.worker._recover_abandoned())
        self.run(self.settled(len(self.ops.waiting)))
        for life in self.lives:
            life.record_lost()

    @rule()
    def the_worker_looks_for_due_deliveries(self) -> None:
        """Let the worker start the attempts that are due."""
        expected = len(self.ops.waiting)
        pending = self.pending()
        if pending is not None and pending.claimed is None:
            pending.claim()
            expected += 1
        self.run(self.worker._start_due())
        self.run(self.settled(expected))

    @invariant()
    def the_tables_say_what_the_model_says(self) -> None:
        """Compare the tables with the model after every step."""
        self.run(self.compare())

    def teardown(self) -> None:
        """Check that a pending delivery can still be delivered."""
        try:
            for life in self.lives:
                if life.claimed is not None and not any(
                    (call.key, call.attempt) == (life.id, life.claimed.attempt)
                    for call in self.ops.waiting
                ):
                    self.run(expire_lease(life.id))
                    life.claimed.is_expired = True
            self.the_worker_looks_for_lost_attempts()
            self.the_worker_looks_for_due_deliveries()
            while self.ops.waiting:
                self.answer(self.ops.waiting[0], "accepts")
                self.run(self.compare())
            assert self.pending() is None
        finally:
            for task in self.callers:
                self.loop.call_soon_threadsafe(task.cancel)

    def pending(self) -> Life | None:
        """Return the pending delivery of the model."""
        return next((life for life in self.lives if life.state is OpsState.PENDING), None)

    async def compare(self) -> None:
        """Compare the tables with the model."""
        rows = await OpsDelivery.filter(ticket_id=self.ticket.id).order_by("created_at", "id")
        assert [row.id for row in rows] == [life.id for life in self.lives]
        for row, life in zip(rows, self.lives, strict=True):
            assert row.state is life.state
            assert (row.attempts, row.attempts_forgiven) == (life.attempts, life.forgiven)
            assert (row.lease_until is not None) == (life.claimed is not None)
            assert (row.reference is not None) == life.has_reference
            entries = await LogEntry.filter(delivery_id=life.id)
            assert sorted(entry.attempt or 0 for entry in entries) == sorted(life.logged)
        ticket = await Ticket.get(id=self.ticket.id)
        changes = await ops_state_changes_of(self.ticket)
        if self.lives:
            assert ticket.ops_state is self.lives[-1].state
            assert changes[-1] == ticket.ops_state.name
        assert ticket.version == 1

    def answer(self, call: WaitingCall, answer: str) -> None:
        """Respond to a call, also in the model."""
        self.end(call, lambda: call.answer.set_result(ANSWERS[answer]))
        next(life for life in self.lives if life.id == call.key).end(call.attempt, answer)

    def end(self, call: WaitingCall, how: Callable[[], object]) -> None:
        """End a call, and wait until it is recorded."""
        assert call in self.ops.waiting
        expected = len(self.ops.waiting) - 1
        self.loop.call_soon_threadsafe(how)
        self.run(self.settled(expected))

    def begin(self, work: Coroutine[Any, Any, object]) -> None:
        """Start work that calls OPS, and wait for the call."""
        expected = len(self.ops.waiting) + 1

        async def start() -> None:
            task = asyncio.create_task(work)
            self.callers.add(task)
            task.add_done_callback(self.callers.discard)

        self.run(start())
        self.run(self.settled(expected))

    async def settled(self, waiting: int) -> None:
        """Wait until nothing runs except this number of waiting calls."""
        async with asyncio.timeout(10):
            while not self.is_settled(waiting):  # noqa: ASYNC110  # no single event marks this
                await asyncio.sleep(0.001)

    def is_settled(self, waiting: int) -> bool:
        """Return whether this number of calls waits, and nothing else runs."""
        return len(self.ops.waiting) == waiting == len(self.callers) + len(self.worker._tasks)

    def refuse(self, work: Coroutine[Any, Any, object]) -> None:
        """Check that the state of the delivery does not allow this work."""
        with pytest.raises(DeliveryStateError):
            self.run(work)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work in the event loop of the test, from the thread of Hypothesis."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)


@pytest.mark.usefixtures("database")
async def test_the_tables_match_the_model_for_any_interleaving() -> None:
    Lives.loop = asyncio.get_running_loop()
    await asyncio.to_thread(
        run_state_machine_as_test,
        Lives,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
