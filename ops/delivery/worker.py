"""The worker: brings to OPS in the background what is due, be it put off, left over, or lost.

Any number of workers, in any number of processes, share the deliveries that are
due: each claims, past those that another is just claiming, as many as it has
hands free. It looks for more when it is told that there is more, when a hand
becomes free and there was more, when one that was put off becomes due, and each
second anyway.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypedDict

from engine.database.errors import is_unavailable
from ops.delivery.claims import Claim, claim_abandoned, claim_due, due_in_s, release
from ops.delivery.executor import DeliveryExecutor

__all__ = ["DeliveryWorker", "delivering"]

DEFAULT_CONCURRENCY = 32
POLL_S = 1.0
# Between two looks at the table: a look for each of many commits would be a waste.
MIN_INTERVAL_S = 0.005

_log = logging.getLogger(__name__)


class _Who(TypedDict):
    actor: str | None
    request_id: str | None


class DeliveryWorker:
    """Delivers with a number of hands, each making one attempt at a time."""

    def __init__(
        self,
        courier: DeliveryExecutor,
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        poll_s: float = POLL_S,
    ) -> None:
        self._courier = courier
        self._hands = concurrency
        self._poll_s = poll_s
        self._busy: set[asyncio.Task[Any]] = set()
        self._woken = asyncio.Event()
        self._is_stopping = False
        # Whether more was due than there were hands.
        self._is_behind = False
        self._is_cut_off = False

    def wake(self) -> None:
        """Look soon whether something is due."""
        self._woken.set()

    def stop(self) -> None:
        """Begin nothing more."""
        self._is_stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Deliver until `stop` is called and the attempts then under way are recorded."""
        clock = asyncio.get_running_loop()
        swept_at = clock.time()
        while not self._is_stopping:
            self._woken.clear()
            looked_at = clock.time()
            pause_s = self._poll_s
            with self._enduring_outages():
                pause_s = min(await self._claim(), self._poll_s)
                if looked_at - swept_at >= self._poll_s:
                    swept_at = looked_at
                    await self._evict_idle()
            await asyncio.sleep(max(looked_at + MIN_INTERVAL_S - clock.time(), 0))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._woken.wait()
        while self._busy:
            await asyncio.wait(self._busy)

    async def _claim(self) -> float:
        """Begin what is due, and return for how long then nothing need be looked for."""
        free = self._courier.circuit.admits(self._hands - len(self._busy))
        if free == 0:
            return self._poll_s
        claims = await claim_due(self._courier.policy, limit=free)
        self._is_behind = len(claims) == free
        for claim in claims:
            if self._is_stopping:
                self._begin(release(claim))
            else:
                self._begin(self._courier.attempt(claim, **_who_ordered(claim)))
        in_s = None if self._is_behind else await due_in_s()
        return self._poll_s if in_s is None else in_s

    async def _evict_idle(self) -> None:
        """Bury the attempts whose process went away before it recorded their outcome."""
        for claim in await claim_abandoned(self._courier.policy, limit=self._hands):
            self._begin(self._courier.record_lost(claim, **_who_ordered(claim)))

    def _begin(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._busy.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._busy.discard(task)
        if self._is_behind:
            self._woken.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("an outcome could not be recorded; its lease will run out", exc_info=error)

    @contextmanager
    def _enduring_outages(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001  # a worker that stops by itself helps no one
            if not is_unavailable(error):
                _log.exception("looking for due deliveries failed in an unforeseen way")
            elif not self._is_cut_off:
                self._is_cut_off = True
                _log.warning("the database is away: deliveries wait for it")
        else:
            if self._is_cut_off:
                self._is_cut_off = False
                _log.warning("the database is back: deliveries go on")


@asynccontextmanager
async def delivering(worker: DeliveryWorker) -> AsyncIterator[None]:
    """Have a worker work, and let it finish what it has begun at the end."""
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await running


def _who_ordered(claim: Claim) -> _Who:
    return {"actor": claim.delivery.requested_by, "request_id": claim.delivery.request_id}
