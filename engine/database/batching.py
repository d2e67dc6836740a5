"""Small reads, batched: who asks in the same turn of the event loop is answered by one statement.

A server under load reads many requests from its sockets before it comes back to its
database. Where they ask the same with other values, one statement answers them all,
for a fraction of what it costs to ask it for each, here and in PostgreSQL. Nobody
waits for others to come: a batch is whoever has by the next turn. But each waits for
the rows of all, which one backend reads, so together they are few.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeAlias

from engine.database.errors import DatabaseUnavailable

__all__ = ["MAX_ROWS", "batched"]

# Read together: what a batch keeps one backend, and then this process, busy with.
MAX_ROWS = 256

_logger = logging.getLogger(__name__)

_Values: TypeAlias = tuple[str | None, ...]
_Records: TypeAlias = list[Sequence[Any]]
# Returns the records for each of several values.
_Read: TypeAlias = Callable[[Sequence[_Values]], Coroutine[Any, Any, list[_Records]]]
_Answer: TypeAlias = asyncio.Future[_Records | None]

_forming: "dict[str, _Batch]" = {}


async def batched(
    statement: str, values: _Values, *, together: _Read, alone: _Read, max_rows: int
) -> _Records:
    """Return the records for these values, of which there are at most ``max_rows``.

    They are read together with those of all who ask by the same statement now; alone
    where nobody does, and where what is wrong with one may have failed them all.
    """
    loop = asyncio.get_running_loop()
    batch = _forming.get(statement)
    if batch is None or batch.is_full or batch.loop is not loop:
        batch = _forming[statement] = _Batch(loop, statement, together, MAX_ROWS // max_rows)
    records = await batch.records(values)
    return (await alone([values]))[0] if records is None else records


class _Batch:
    def __init__(
        self, loop: asyncio.AbstractEventLoop, statement: str, read: _Read, size: int
    ) -> None:
        self.loop = loop
        self._statement = statement
        self._read = read
        self._size = size
        self._asked: list[tuple[_Values, _Answer]] = []
        self._reading: asyncio.Task[list[_Records]] | None = None
        loop.call_soon(self._begin)

    @property
    def is_full(self) -> bool:
        return len(self._asked) >= self._size

    async def records(self, values: _Values) -> _Records | None:
        """Return what was read for these values; None where they are to be read alone."""
        answer: _Answer = self.loop.create_future()
        self._asked.append((values, answer))
        try:
            return await answer
        finally:
            # The work stops when nobody waits for it any more.
            if answer.cancelled() and self._reading is not None and not self._waiting():
                self._reading.cancel()

    def _waiting(self) -> list[tuple[_Values, _Answer]]:
        return [one for one in self._asked if not one[1].done()]

    def _begin(self) -> None:
        if _forming.get(self._statement) is self:
            del _forming[self._statement]
        self._asked = self._waiting()
        if len(self._asked) > 1:
            self._reading = self.loop.create_task(self._read([values for values, _ in self._asked]))
            self._reading.add_done_callback(self._end)
        else:
            self._tell([None] * len(self._asked))

    def _end(self, reading: asyncio.Task[list[_Records]]) -> None:
        error = None if reading.cancelled() else reading.exception()
        if isinstance(error, DatabaseUnavailable):
            for _, answer in self._waiting():
                # One for each: who raises it leaves his traceback in it.
                answer.set_exception(DatabaseUnavailable(str(error)))
        elif error is not None or reading.cancelled():
            _logger.warning("%d reads failed together: %r", len(self._asked), error)
            self._tell([None] * len(self._asked))
        else:
            self._tell(reading.result())

    def _tell(self, answers: Sequence[_Records | None]) -> None:
        for (_, answer), records in zip(self._asked, answers, strict=True):
            if not answer.done():
                answer.set_result(records)
