"""The pause of a table's reader between two reads."""

import asyncio
import logging

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
        self._is_logged = False

    def pause_s(self, chunk: Chunk) -> float:
        """Return the longest time to wait for a notification after this chunk was read."""
        if not chunk.is_held_up:
            self._held_up_by = None
            return POLL_S
        now_s = asyncio.get_running_loop().time()
        if chunk.oldest_running != self._held_up_by:
            self._held_up_by, self._held_up_since_s = chunk.oldest_running, now_s
            self._is_logged = False
            self._pause_s = HELD_UP_MIN_S
        else:
            self._pause_s = min(2 * self._pause_s, HELD_UP_MAX_S)
        if now_s - self._held_up_since_s > LONG_S and not self._is_logged:
            self._is_logged = True
            _logger.warning(
                "rows held up by an open transaction",
                extra={
                    "fields": {
                        "table": self._table_name,
                        "transaction": chunk.oldest_running,
                        "longer_than_s": LONG_S,
                    }
                },
            )
        return self._pause_s
