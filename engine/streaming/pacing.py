"""The pause of a table's reader between two reads."""

import asyncio
import logging

from engine.database.errors import is_transient
from engine.database.outages import Condition
from engine.database.time_limit import background_time_limit
from engine.streaming.blocking_transactions import find_blocking_transaction
from engine.streaming.commit_order import Chunk

__all__ = ["ReadPacing"]

# Without a notification, for writers that send none.
POLL_S = 1.0
# While rows wait for an older transaction to end, since a rollback sends no notification.
HELD_UP_MIN_S, HELD_UP_MAX_S = 0.005, 0.05
# Rows that are held up for longer are logged.
LONG_S = 10.0

_logger = logging.getLogger(__name__)


class ReadPacing:
    """Computes the pauses of one reader, and logs a transaction that holds up rows for long."""

    def __init__(self, table_name: str) -> None:
        self._table_name = table_name
        self._pause_s = 0.0
        self._held_up_by: int | None = None
        self._held_up_since_s = 0.0
        self._condition = Condition(
            "rows held up by an open transaction", "rows no longer held up", logger=_logger
        )

    async def pause_s(self, chunk: Chunk) -> float:
        """Return the longest time to wait for a notification after this chunk was read."""
        if not chunk.is_held_up:
            self._end()
            return POLL_S
        now_s = asyncio.get_running_loop().time()
        if chunk.oldest_running != self._held_up_by:
            self._end()
            self._held_up_by, self._held_up_since_s = chunk.oldest_running, now_s
            self._pause_s = HELD_UP_MIN_S
        else:
            self._pause_s = min(2 * self._pause_s, HELD_UP_MAX_S)
        if now_s - self._held_up_since_s > LONG_S and self._condition.began_at is None:
            await self._report(chunk.oldest_running - chunk.offset)
        return self._pause_s

    async def _report(self, transaction: int) -> None:
        """Log the transaction, and where it runs."""
        fields = {}
        try:
            async with background_time_limit():
                fields = await find_blocking_transaction(transaction)
        except Exception as error:
            if not is_transient(error):
                raise
            fields["error"] = type(error.__cause__ or error).__name__
        self._condition.begin(
            table=self._table_name,
            transaction=transaction,
            longer_than_s=LONG_S,
            advice="End this transaction: events wait for it.",
            **fields,
        )

    def _end(self) -> None:
        self._held_up_by = None
        self._condition.end(table=self._table_name)
