"""The recorder: writes down the outcomes of one process, those that come together together.

While some are being written others gather, and are then written in one
transaction: so many deliveries a second cost few commits, and one alone waits
for nobody.
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
from ops.delivery.outcome import Outcome, record, record_what_is_free

__all__ = ["OutcomeWriter"]

MAX_TOGETHER = 64

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    outcome: Outcome
    recorded: asyncio.Future[None]

    def succeed(self) -> None:
        if not self.recorded.done():
            self.recorded.set_result(None)

    def fail(self, error: Exception) -> None:
        if self.recorded.done():
            _log.error("an outcome that nobody waits for was not recorded", exc_info=error)
        else:
            self.recorded.set_exception(error)


class OutcomeWriter:
    """Records in the context in which it was built, which must be outside of transactions."""

    def __init__(self) -> None:
        self._context = contextvars.copy_context()
        self._waiting: list[_Waiting] = []
        self._is_writing = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def record(self, outcome: Outcome) -> None:
        """Record an outcome; it is also recorded when who waits for that is cancelled."""
        waiting = _Waiting(outcome, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if not self._is_writing:
            self._is_writing = True
            self._start(self._write())
        await waiting.recorded

    async def drain(self) -> None:
        """Wait until all is recorded that was given to be recorded."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        loop = asyncio.get_running_loop()
        task = loop.create_task(work, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _write(self) -> None:
        while self._waiting:
            together = self._take()
            outcomes = [waiting.outcome for waiting in together]
            try:
                left = await retry_on_database_error(partial(record_what_is_free, outcomes))
            except Exception as error:  # noqa: BLE001  # told to each who waits
                if is_unavailable(error):
                    for waiting in together:
                        waiting.fail(error)
                    continue
                # One of them cannot be recorded: it must not hinder the others.
                left = outcomes
            for waiting in together:
                if waiting.outcome in left:
                    self._start(self._write_alone(waiting))
                else:
                    waiting.succeed()
        self._is_writing = False

    async def _write_alone(self, waiting: _Waiting) -> None:
        try:
            await retry_on_database_error(partial(record, waiting.outcome))
        except Exception as error:  # noqa: BLE001  # as above
            waiting.fail(error)
        else:
            waiting.succeed()

    def _take(self) -> list[_Waiting]:
        """Take the oldest that wait, but one a ticket, for these must come one after another."""
        together: dict[str, _Waiting] = {}
        left: list[_Waiting] = []
        for waiting in self._waiting:
            ticket_id = waiting.outcome.ticket_id
            if ticket_id in together or len(together) == MAX_TOGETHER:
                left.append(waiting)
            else:
                together[ticket_id] = waiting
        self._waiting = left
        return list(together.values())
