"""Batched recording of outcomes: one transaction records all waiting outcomes.

While a batch is written, further outcomes are queued for the next one. Many deliveries a second
then need few commits, and a single outcome is written without delay.
"""

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.database.errors import is_unavailable
from ops.delivery.database_retry import retry_on_database_error
from ops.delivery.outcome import Outcome, record_outcome, record_unlocked_outcomes, redact

__all__ = ["OutcomeWriter"]

MAX_BATCH = 64
# For an outcome whose ticket's lock is held by another transaction, which can take long.
LOCK_TIMEOUT_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _QueuedOutcome:
    outcome: Outcome
    recorded: asyncio.Future[None]

    def succeed(self) -> None:
        if not self.recorded.done():
            self.recorded.set_result(None)

    def fail(self, error: Exception) -> None:
        if self.recorded.done():
            _log.error("recording an outcome failed after its caller was cancelled", exc_info=error)
        else:
            self.recorded.set_exception(error)


class OutcomeWriter:
    """Write outcomes in the context in which this object was created, outside transactions."""

    def __init__(self) -> None:
        self._context = contextvars.copy_context()
        self._queue: list[_QueuedOutcome] = []
        self._is_writing = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def record(self, outcome: Outcome) -> None:
        """Wait until an outcome is recorded. It is recorded even if the caller is cancelled."""
        queued = _QueuedOutcome(outcome, asyncio.get_running_loop().create_future())
        self._queue.append(queued)
        if not self._is_writing:
            self._is_writing = True
            self._start(self._write())
        await queued.recorded

    async def drain(self) -> None:
        """Wait until all outcomes are recorded."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        loop = asyncio.get_running_loop()
        task = loop.create_task(work, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _write(self) -> None:
        """Write batches until the queue is empty."""
        while self._queue:
            batch = self._take_batch()
            outcomes = [queued.outcome for queued in batch]
            try:
                for outcome in outcomes:
                    await redact(outcome)
                locked = await retry_on_database_error(partial(record_unlocked_outcomes, outcomes))
            except Exception as error:  # noqa: BLE001  # each caller receives it
                if is_unavailable(error):
                    for queued in batch:
                        queued.fail(error)
                    continue
                # An outcome cannot be recorded. Record each separately, so that the others succeed.
                locked = outcomes
            for queued in batch:
                if queued.outcome in locked:
                    self._start(self._write_one(queued))
                else:
                    queued.succeed()
        self._is_writing = False

    async def _write_one(self, queued: _QueuedOutcome) -> None:
        """Write one outcome, and wait for the lock of its ticket."""
        try:
            await retry_on_database_error(
                partial(record_outcome, queued.outcome), timeout_s=LOCK_TIMEOUT_S
            )
        except Exception as error:  # noqa: BLE001  # the caller receives it
            queued.fail(error)
        else:
            queued.succeed()

    def _take_batch(self) -> list[_QueuedOutcome]:
        """Take the oldest outcomes, at most one of each ticket to keep a ticket's order."""
        batch: dict[str, _QueuedOutcome] = {}
        left: list[_QueuedOutcome] = []
        for queued in self._queue:
            ticket_id = queued.outcome.ticket_id
            if ticket_id in batch or len(batch) == MAX_BATCH:
                left.append(queued)
            else:
                batch[ticket_id] = queued
        self._queue = left
        return list(batch.values())
