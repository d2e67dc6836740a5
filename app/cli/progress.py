"""A progress bar on a terminal, and nothing anywhere else."""

import shutil
import time
from typing import Self, TextIO

REDRAWN_EVERY_S = 0.1


class Progress:
    """A bar in one line, which is gone when it is done."""

    def __init__(self, what: str, stream: TextIO) -> None:
        self._what = what
        self._stream = stream
        self._began = time.monotonic()
        self._drawn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def show(self, done: int, of: int) -> None:
        """Draw the bar anew, where there is a terminal and it is time to."""
        now = time.monotonic()
        if not self._stream.isatty() or now < self._drawn + REDRAWN_EVERY_S or not of:
            return
        self._drawn = now
        share = done / of
        left = f", {(now - self._began) * (1 - share) / share:.0f} s left" if share else ""
        label = f" {done:,} of {of:,} {self._what}{left}"
        width = max(shutil.get_terminal_size().columns - len(label) - 1, 0)
        bar = "█" * round(width * share)
        self._stream.write(f"\r\x1b[K{bar:·<{width}}{label}")
        self._stream.flush()
