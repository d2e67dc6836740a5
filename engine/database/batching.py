"""Coalescing of identical small reads made in one turn of the event loop into one statement.

A loaded server handles many requests between two reads from its database connections. Where
several of them run the same statement with different values, one statement that reads for all
of them costs a fraction of many, both here and in PostgreSQL. A read never waits for others: a
batch holds the reads that were requested before the next turn. Batches are small, because each
request waits for the rows of the whole batch, which one backend reads.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeAlias

from engine.database.errors import DatabaseUnavailable
from engine.database.memory_grants import OperationMemory, ReadTooLarge, operation_memory
from engine.database.pool import open_pools
from engine.database.replica_read import ReplicaRead, replica_read
from engine.database.shares import NO_SHARE

__all__ = ["MAX_ROWS", "read_in_batch"]

# Bounds the time that a batch occupies one backend, and then this process.
MAX_ROWS = 256
# Bounds its memory, which counts for no caller. The reads of a batch that receives more run one by
# one.
MAX_BYTES = 4 * 2**20
# Reads of a batch that continue in one turn of the event loop. Most need less than 0.3 ms until
# their request has its response.
MAX_CONTINUED = 32

_logger = logging.getLogger(__name__)

_Values: TypeAlias = tuple[str | None, ...]
_Records: TypeAlias = list[Sequence[Any]]
# Reads the records for each of several tuples of values.
_Read: TypeAlias = Callable[[Sequence[_Values]], Coroutine[Any, Any, list[_Records]]]
# The records for one tuple of values; None if the caller must read them alone.
_Response: TypeAlias = asyncio.Future[_Records | None]
_Request: TypeAlias = tuple[_Values, _Response]

# By statement, and by pool for a replica, the batches that have not started. They can still grow.
_forming: "dict[Any, _Batch]" = {}


async def read_in_batch(
    statement: str, values: _Values, *, read_many: _Read, read_alone: _Read, max_rows: int
) -> _Records:
    """Return the records for these values, of which there are at most ``max_rows``.

    ``read_many`` reads them together with the records of all other callers of the same statement
    in this turn. ``read_alone`` reads them for a single caller, and after the batch failed, since
    the values of one caller can fail all of it.
    """
    # Looking up the running loop makes a system call.
    loop = open_pools[-1].loop if open_pools else asyncio.get_running_loop()
    on_replica = replica_read.get()
    key = statement if on_replica is None else (statement, on_replica.pool)
    batch = _forming.get(key)
    if batch is None or batch.is_full or batch.loop is not loop:
        batch = _forming[key] = _Batch(loop, key, read_many, MAX_ROWS // max_rows, on_replica)
    records = await batch.records(values)
    return (await read_alone([values]))[0] if records is None else records


class _Batch:
    """The reads of one statement in one turn; at most ``size`` of them."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        key: Any,
        read: _Read,
        size: int,
        on_replica: ReplicaRead | None,
    ) -> None:
        self.loop = loop
        self._key = key
        self._read = read
        self._size = size
        # The pool of a replica; None for the primary.
        self._pool = None if on_replica is None else on_replica.pool
        self._requests: list[_Request] = []
        self._task: asyncio.Task[list[_Records]] | None = None
        # The batch belongs to no caller: others must not wait for one caller's connections.
        loop.call_soon(self._start, context=NO_SHARE)

    @property
    def is_full(self) -> bool:
        return len(self._requests) >= self._size

    async def records(self, values: _Values) -> _Records | None:
        """Return the records for these values; None if the caller must read them alone."""
        response: _Response = self.loop.create_future()
        self._requests.append((values, response))
        try:
            return await response
        finally:
            # Cancel the statement when the last caller is cancelled.
            if response.cancelled() and self._task is not None and not self._pending():
                self._task.cancel()

    def _pending(self) -> list[_Request]:
        return [request for request in self._requests if not request[1].done()]

    def _start(self) -> None:
        if _forming.get(self._key) is self:
            del _forming[self._key]
        self._requests = self._pending()
        if len(self._requests) > 1:
            self._task = self.loop.create_task(self._read_all())
            self._task.add_done_callback(self._finish)
        else:
            self._respond([None] * len(self._requests))

    async def _read_all(self) -> list[_Records]:
        operation_memory.set(OperationMemory(None, "", MAX_BYTES))
        if self._pool is not None:
            replica_read.set(ReplicaRead(self._pool))
        return await self._read([values for values, _ in self._requests])

    def _finish(self, task: asyncio.Task[list[_Records]]) -> None:
        if task.cancelled():
            # No caller waits, or only those that came while it ended.
            self._respond([None] * len(self._requests))
            return
        error = task.exception()
        if error is not None and self._pool is not None:
            # Each caller notes its own error, and runs again on the primary.
            self._respond([None] * len(self._requests))
        elif isinstance(error, DatabaseUnavailable):
            for _, response in self._pending():
                # One exception for each caller, because raising it adds a traceback to it.
                response.set_exception(DatabaseUnavailable(str(error)))
        elif isinstance(error, ReadTooLarge):
            self._respond([None] * len(self._requests))
        elif error is not None:
            _logger.warning(
                "batched read failed",
                extra={"fields": {"reads": len(self._requests), "error": repr(error)}},
            )
            self._respond([None] * len(self._requests))
        else:
            self._respond(task.result())

    def _respond(self, results: Sequence[_Records | None]) -> None:
        self._respond_to_some(zip(self._requests, results, strict=True))

    def _respond_to_some(self, left: "zip[tuple[_Request, _Records | None]]") -> None:
        """Let as many reads continue as may in one turn of the event loop, the others later."""
        for count, ((_, response), records) in enumerate(left, 1):
            if not response.done():
                response.set_result(records)
            if count == MAX_CONTINUED:
                self.loop.call_soon(self._respond_to_some, left, context=NO_SHARE)
                return
