"""Limit of the log lines that clients cause before their credentials are checked.

Such lines would otherwise cost a client nothing, and the server the disk. The first ones of a
period are written, alone and of each address. The others are counted, and one line at the end of
the period reports them.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["MAX_LINES", "MAX_LINES_PER_ADDRESS", "PERIOD_S", "UNAUTHENTICATED_LINES", "LineLimit"]

PERIOD_S = 60.0
MAX_LINES_PER_ADDRESS = 300
MAX_LINES = 1_200
# Addresses whose lines are left out are counted up to this number; each takes about 150 bytes.
MAX_COUNTED_ADDRESSES = 10_000

_logger = logging.getLogger(__name__)


class LineLimit:
    """Lines of the current period, which begins with the first of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure periods by a clock in seconds."""
        self._clock = clock
        self._ends_at = 0.0
        # Lines of each address that were admitted, so of at most MAX_LINES addresses.
        self._admitted: Counter[str] = Counter()
        self._total = 0
        # By kind.
        self._left_out: Counter[str] = Counter()
        self._addresses_left_out: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None

    def admits(self, address: str, kind: str) -> bool:
        """Return whether to write a line; if not, count it.

        ``kind`` is one of few texts, such as the message with the status.
        """
        if self._clock() >= self._ends_at:
            self.end_period()
            self._ends_at = self._clock() + PERIOD_S
        if self._total < MAX_LINES and self._admitted[address] < MAX_LINES_PER_ADDRESS:
            self._total += 1
            self._admitted[address] += 1
            return True
        if not self._left_out:
            self._schedule_end()
        self._left_out[kind] += 1
        if len(self._addresses_left_out) < MAX_COUNTED_ADDRESSES:
            self._addresses_left_out.add(address)
        return False

    def log(
        self,
        logger: logging.Logger,
        level: int,
        message: str,
        fields: Mapping[str, Any],
        *,
        address: str,
    ) -> None:
        """Log an event with its fields, if the limit admits it; its kind is its message."""
        if logger.isEnabledFor(level) and self.admits(address, message):
            logger.log(level, message, extra={"fields": fields})

    def end_period(self) -> None:
        """Report the lines that were left out, if any, and begin a period with the next line."""
        if self._timer is not None:
            self._timer.cancel()
        left_out, addresses = self._left_out, len(self._addresses_left_out)
        # New objects, because emptied ones keep the memory of an attack.
        self._timer = None
        self._ends_at = 0.0
        self._admitted, self._left_out = Counter(), Counter()
        self._total = 0
        self._addresses_left_out = set()
        if left_out:
            fields = {
                "left_out": left_out.total(),
                "addresses": addresses,
                "kinds": dict(left_out.most_common()),
                "period_s": PERIOD_S,
            }
            _logger.warning("log lines left out", extra={"fields": fields})

    def _schedule_end(self) -> None:
        remaining_s = max(0.0, self._ends_at - self._clock())
        self._timer = asyncio.get_running_loop().call_later(remaining_s, self.end_period)


UNAUTHENTICATED_LINES = LineLimit()
