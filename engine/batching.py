"""Small reads, batched: who asks in the same turn of the event loop is answered at once.

A server under load reads many requests from its sockets before it comes back to its
database. Where they ask the same with other values, one statement answers them all,
for a fraction of what it costs to ask it for each, here and in PostgreSQL. Nobody
waits for others to come: a batch is whoever has by the next turn. But each waits for
the rows of all, which one backend reads, so it is for reads of few rows.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from engine.failures import is_unavailable

__all__ = ["MAX_TOGETHER", "batched"]

# So few that what they wait for each other is nothing to a human.
MAX_TOGETHER = 64

_logger = logging.getLogger(__name__)

_Values: TypeAlias = tuple[str | None, ...]
_Records: TypeAlias = list[Sequence[Any]]
# Returns the records for each of several values.
_Read: TypeAlias = Callable[[Sequence[_Values]], Awaitable[list[_Records]]]

_forming: "dict[str, _Batch]" = {}


async def batched(statement: str, values: _Values, read: _Read) -> _Records | None:
    """Return the records for these values, read for all at once who ask this statement now.

    None where nobody else asks, or where it has failed for all by what may be the fault of
    one: then who asks reads for himself. Raises what says that the database is away.
    """
    batch = _forming.get(statement)
    if batch is None or batch.is_full:
        batch = _forming[statement] = _Batch(statement, read)
    return await batch.records(values)


class _Batch:
    def __init__(self, statement: str, read: _Read) -> None:
        self._statement = statement
        self._read = read
        self._asked: list[tuple[_Values, asyncio.Future[_Records | None]]] = []
        self._reading: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.call_soon(self._begin)

    @property
    def is_full(self) -> bool:
        return len(self._asked) >= MAX_TOGETHER

    async def records(self, values: _Values) -> _Records | None:
        answer: asyncio.Future[_Records | None] = self._loop.create_future()
        self._asked.append((values, answer))
        try:
            return await answer
        finally:
            # The work stops when nobody waits for it any more.
            if answer.cancelled() and self._reading is not None and not self._waiting():
                self._reading.cancel()

    def _waiting(self) -> list[tuple[_Values, asyncio.Future[_Records | None]]]:
        return [one for one in self._asked if not one[1].done()]

    def _begin(self) -> None:
        if _forming.get(self._statement) is self:
            del _forming[self._statement]
        self._asked = self._waiting()
        if len(self._asked) > 1:
            self._reading = self._loop.create_task(self._run())
        else:
            for _, answer in self._asked:
                answer.set_result(None)

    async def _run(self) -> None:
        answers: Sequence[_Records | None] = [None] * len(self._asked)
        failure: Exception | None = None
        try:
            answers = await self._read([values for values, _ in self._asked])
        except Exception as error:  # noqa: BLE001  # who asks hears it, now or when he reads himself
            if is_unavailable(error):
                failure = error
            else:
                _logger.warning("%d reads failed together: %s", len(self._asked), error)
        finally:
            for (_, answer), records in zip(self._asked, answers, strict=True):
                if answer.done():
                    continue
                if failure is not None:
                    answer.set_exception(failure)
                else:
                    answer.set_result(records)
