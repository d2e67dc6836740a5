"""Read the rows of a feed in chunks, also through an outage of the database."""

import asyncio
import logging
from collections.abc import Callable

from engine.database.errors import Overloaded, is_transient
from engine.database.outages import Condition
from engine.database.time_limit import background_time_limit
from engine.sql.tables import Table
from engine.streaming.commit_order import Chunk, Position, read_chunk
from engine.streaming.lost_history import HistoryCheck

__all__ = ["ChunkReader"]

RETRY_MIN_S, RETRY_MAX_S = 0.05, 1.0

_logger = logging.getLogger(__name__)


class ChunkReader:
    """Reads chunks of one table one after the other, and retries until it succeeds.

    With ``only``, it reads rows with this value of the column ``key``.
    """

    def __init__(
        self,
        table: Table,
        *,
        key: str,
        only: str | None,
        outage: Condition,
        is_closed: Callable[[], bool],
    ) -> None:
        self._table = table
        self._only = None if only is None else (key, only)
        self._outage = outage
        self._is_closed = is_closed
        self._check = HistoryCheck(table)

    async def read(self, position: Position) -> Chunk | None:
        """Return the chunk after a position; None if the stream is closed. Raises HistoryLost."""
        delay_s = RETRY_MIN_S
        while not self._is_closed():
            try:
                async with background_time_limit():
                    chunk = await read_chunk(self._table, position, only=self._only)
                    chunk = await self._check.checked(chunk, position)
            except Overloaded:
                fields = {"table": self._table.name}
                _logger.info("replay waits for its caller", extra={"fields": fields})
            except Exception as error:
                if not is_transient(error):
                    raise
                name = type(error.__cause__ or error).__name__
                self._outage.begin(table=self._table.name, error=name)
            else:
                self._outage.end(table=self._table.name)
                return chunk
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, RETRY_MAX_S)
        return None
