"""Run `ticketops`, and measure the longest turn of its event loop in CPU time.

How long another client waits depends on the machine and its other programs. The CPU time between
two runs of a timer does not: it is that of the longest turn of the event loop, and of at most one
interval.
"""

import mmap
import os
import struct
import sys
import time
from pathlib import Path

import uvloop

from app.cli import main

__all__ = ["CLOCK_FILE", "INTERVAL_S", "TurnClock"]

# Environment variable with the path of the file.
CLOCK_FILE = "TEST_TURN_CLOCK"
INTERVAL_S = 0.002
_SECONDS = struct.Struct("d")


class TurnClock:
    """The longest turn since the last reset, in a file that two processes share."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            file.truncate(_SECONDS.size)
            self._memory = mmap.mmap(file.fileno(), _SECONDS.size)

    @property
    def longest_s(self) -> float:
        """The CPU time of the longest turn."""
        seconds: float = _SECONDS.unpack_from(self._memory)[0]
        return seconds

    def reset(self) -> None:
        """Forget the turns up to now."""
        _SECONDS.pack_into(self._memory, 0, 0.0)

    def record(self, turn_s: float) -> None:
        """Record a turn."""
        if turn_s > self.longest_s:
            _SECONDS.pack_into(self._memory, 0, turn_s)


class _MeasuredLoop(uvloop.Loop):
    """uvloop's event loop with a timer that measures it."""

    def run_forever(self) -> None:
        clock = TurnClock(Path(os.environ[CLOCK_FILE]))
        last_s = time.thread_time()

        def measure() -> None:
            nonlocal last_s
            now_s = time.thread_time()
            clock.record(now_s - last_s)
            last_s = now_s
            self.call_later(INTERVAL_S, measure)

        self.call_soon(measure)
        super().run_forever()


if __name__ == "__main__":
    # uvicorn creates its event loop by this function.
    uvloop.new_event_loop = _MeasuredLoop
    sys.exit(main())
