"""Delivery worker: makes the attempts that are due, in the background.

Any number of workers in any number of processes share the due deliveries. Each claims as
many as it has free tasks, and skips those that another worker is claiming. A worker looks for due
deliveries when a commit notifies it, when a task ends and more deliveries were due,
when a waiting delivery becomes due, and at least once in each poll interval.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypedDict

from engine.database.errors import is_unavailable, sqlstate
from engine.database.outages import Condition
from engine.database.time_limit import background_time_limit
from ops.clients.circuit_breaker import CircuitState
from ops.clients.protocol import Accepted
from ops.delivery.claims import Claim, claim_abandoned, release
from ops.delivery.clock_changes import correct_times
from ops.delivery.concurrency_shares import ConcurrencyShares
from ops.delivery.due_claims import claim_due, claim_probe, next_due_in_s
from ops.delivery.executor import DeliveryExecutor
from ops.delivery.outcome import Outcome

__all__ = ["DeliveryWorker", "delivering"]

DEFAULT_CONCURRENCY = 32
POLL_S = 1.0
CORRECTION_INTERVAL_S = 5.0
# Minimum time between two queries for due deliveries, so that many commits cause one query.
MIN_INTERVAL_S = 0.005

_log = logging.getLogger(__name__)


class _Requester(TypedDict):
    actor: str | None
    request_id: str | None


class DeliveryWorker:
    """Claims due deliveries and runs up to ``concurrency`` attempts at a time."""

    def __init__(
        self,
        executor: DeliveryExecutor,
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        poll_s: float = POLL_S,
    ) -> None:
        self._executor = executor
        self._concurrency = concurrency
        self._poll_s = poll_s
        self._tasks: set[asyncio.Task[Any]] = set()
        self._wake_event = asyncio.Event()
        self._is_stopping = False
        # Whether more deliveries may be due than were claimed.
        self._has_more_due = False
        self._shares = ConcurrencyShares(concurrency)
        self._probes = 0
        self._outage = Condition(
            "database unavailable; deliveries are waiting",
            "database available again; deliveries continue",
            logger=_log,
        )
        # The last unexpected exception, which is logged once as long as it repeats.
        self._failure = ""

    def wake(self) -> None:
        """Look for due deliveries soon."""
        self._shares.may_have_first_attempts = True
        self._wake_event.set()

    def stop(self) -> None:
        """Make no further attempt."""
        self._is_stopping = True
        self._wake_event.set()

    async def run(self) -> None:
        """Make attempts until `stop` is called and the running attempts are recorded."""
        loop = asyncio.get_running_loop()
        recovered_at = loop.time()
        # At the start too: the clock may have changed while no worker ran.
        corrected_at = recovered_at - CORRECTION_INTERVAL_S
        while not self._is_stopping:
            self._wake_event.clear()
            queried_at = loop.time()
            pause_s = self._poll_s
            with self._tolerate_outages():
                if queried_at - corrected_at >= CORRECTION_INTERVAL_S:
                    corrected_at = queried_at
                    async with background_time_limit():
                        await self._correct_times()
                async with background_time_limit():
                    pause_s = min(await self._start_due(), self._poll_s)
                if queried_at - recovered_at >= self._poll_s:
                    recovered_at = queried_at
                    async with background_time_limit():
                        await self._recover_abandoned()
            await asyncio.sleep(max(queried_at + MIN_INTERVAL_S - loop.time(), 0))
            try:
                async with asyncio.timeout(pause_s):
                    await self._wake_event.wait()
            except TimeoutError:
                self._shares.may_have_first_attempts = True
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _start_due(self) -> float:
        """Start the attempts that are due, and return the seconds until the next query."""
        circuit, policy, shares = self._executor.circuit, self._executor.policy, self._shares
        free_tasks = circuit.admits(self._concurrency - len(self._tasks))
        # Recovered attempts start beyond the concurrency, so that it can be negative.
        if free_tasks <= 0:
            return self._poll_s
        if circuit.state is CircuitState.HALF_OPEN:
            # Of deliveries that always fail, only retries are left after a while.
            self._probes += 1
            claims = await claim_probe(policy, prefers_first_attempts=self._probes % 2 == 1)
            self._has_more_due = bool(claims)
        else:
            in_order, newest = shares.free(free_tasks)
            claims = await claim_due(policy, limit=in_order, newest=newest)
            found_in_order = sum(claim.is_in_order for claim in claims)
            self._has_more_due = found_in_order == in_order
            if self._has_more_due and len(claims) < in_order + newest:
                shares.may_have_first_attempts = False
                # Retries can take more of the concurrency then.
                self._wake_event.set()
        for claim in claims:
            if self._is_stopping:
                self._start(release(claim))
            else:
                shares.begin(is_in_order=claim.is_in_order)
                self._start(self._attempt(claim))
        due_in_s = None if self._has_more_due else await next_due_in_s()
        return self._poll_s if due_in_s is None else due_in_s

    async def _correct_times(self) -> None:
        """Do not wait for times that a change of the database's clock has made wrong."""
        corrected = await correct_times(self._executor.policy)
        if corrected:
            fields = {"deliveries": corrected}
            _log.warning(
                "times of deliveries corrected after a change of the clock",
                extra={"fields": fields},
            )

    async def _recover_abandoned(self) -> None:
        """Record attempts as lost whose process ended before it recorded their outcome."""
        for claim in await claim_abandoned(self._executor.policy, limit=self._concurrency):
            self._start(self._executor.record_lost(claim, **_requester(claim)))

    async def _attempt(self, claim: Claim) -> None:
        is_accepted = False
        try:
            outcome = await self._executor.attempt(claim, **_requester(claim))
            is_accepted = isinstance(outcome, Outcome) and isinstance(outcome.result, Accepted)
        finally:
            self._shares.end(is_in_order=claim.is_in_order, is_accepted=is_accepted)

    def _start(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if self._has_more_due:
            self._wake_event.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("recording an outcome failed; its lease will run out", exc_info=error)

    @contextmanager
    def _tolerate_outages(self) -> Iterator[None]:
        """Log an error and continue; log what repeats once, at its start and its end."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # the worker must continue after any error
            if is_unavailable(error):
                self._outage.begin(error=type(error.__cause__ or error).__name__)
            elif (failure := f"{type(error)} {sqlstate(error)}") != self._failure:
                self._failure = failure
                _log.exception("looking for due deliveries failed; it is tried again")
        else:
            self._outage.end()
            if self._failure:
                self._failure = ""
                _log.warning("looking for due deliveries succeeded again")


@asynccontextmanager
async def delivering(worker: DeliveryWorker) -> AsyncIterator[None]:
    """Run a worker inside the block; at the end, wait for its running attempts."""
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await running


def _requester(claim: Claim) -> _Requester:
    return {"actor": claim.delivery.requested_by, "request_id": claim.delivery.request_id}
