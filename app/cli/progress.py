"""Progress bar for terminals."""

import shutil
import time
from typing import Self, TextIO

MIN_REDRAW_INTERVAL_S = 0.1


class Progress:
    """Progress bar in one line, erased at the end. Draws nothing on other streams."""

    def __init__(self, unit: str, stream: TextIO) -> None:
        self._unit = unit
        self._stream = stream
        self._started_at = time.monotonic()
        self._drawn_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._drawn_at:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def show(self, done: int, total: int) -> None:
        """Redraw the bar, unless it was drawn a moment ago."""
        if not total or not self._is_due():
            return
        elapsed_s = self._drawn_at - self._started_at
        share = done / total
        left = (
            f", {done / elapsed_s:,.0f} a second, {elapsed_s * (1 - share) / share:.0f} s left"
            if done and elapsed_s
            else ""
        )
        label = f" {done:,} of {total:,} {self._unit}{left}"
        width = max(shutil.get_terminal_size().columns - len(label) - 1, 0)
        bar = "█" * round(width * share)
        self._stream.write(f"\r\x1b[K{bar:·<{width}}{label}")
        self._stream.flush()

    def count(self, done: int) -> None:
        """Show a number whose total is unknown, unless it was shown a moment ago."""
        if self._is_due():
            self._stream.write(f"\r\x1b[K{done:,} {self._unit}")
            self._stream.flush()

    def _is_due(self) -> bool:
        now = time.monotonic()
        if not self._stream.isatty() or now < self._drawn_at + MIN_REDRAW_INTERVAL_S:
            return False
        self._drawn_at = now
        return True
