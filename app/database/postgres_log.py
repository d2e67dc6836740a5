"""Log file of the embedded PostgreSQL: private, and of limited size.

PostgreSQL's own collector limits the size of a file, but not the number of files.
"""

import os
import threading
from contextlib import suppress
from pathlib import Path

from app.database.programs import error_line

__all__ = ["PostgresLog"]

MAX_BYTES = 4 * 1024 * 1024
INTERVAL_S = 30.0


class PostgresLog:
    """The log, whose content moves to a second file when it becomes too long."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self._former = path.with_name(f"{path.name}.1")
        self._max_bytes = max_bytes
        self._stop_event: threading.Event | None = None

    def open(self) -> int:
        """Return a file descriptor that appends to the log."""
        log = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        # Files of older versions could be read by all accounts.
        os.fchmod(log, 0o600)
        return log

    def rotate(self) -> None:
        """Move the content to the second file if it is too long.

        The file is truncated, because the server keeps it open. Lines written meanwhile are lost.
        """
        # An error means that the folder is being removed, or that another process rotates the log.
        with suppress(OSError):
            log = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW)
            with os.fdopen(log, "rb") as content:
                size = os.fstat(log).st_size
                if size <= self._max_bytes:
                    return
                content.seek(size - self._max_bytes)
                self._former.unlink(missing_ok=True)
                former = os.open(self._former, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(former, "wb") as file:
                    file.write(content.read(self._max_bytes))
                os.ftruncate(log, 0)

    def rotate_periodically(self) -> None:
        """Rotate in a background thread, until `stop` is called or the process ends."""
        stop_event = self._stop_event = threading.Event()

        def run() -> None:
            while not stop_event.wait(INTERVAL_S):
                self.rotate()

        threading.Thread(target=run, name="postgres-log", daemon=True).start()

    def stop(self) -> None:
        """End the background thread."""
        if self._stop_event is not None:
            self._stop_event.set()
            self._stop_event = None

    def reason(self, start: int) -> str:
        """Return why PostgreSQL did not start, from the lines that it wrote after a position."""
        output = self.path.read_bytes()[start:].decode(errors="replace")
        return error_line(output) or "it wrote no output."
