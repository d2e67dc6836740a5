"""Snapshots that the server processes of one service publish to each other, in files of a folder.

Each process owns a slot: two files with the same number. It holds a lock on one, which ends with
the process, and replaces the other, its snapshot, each second. A process that succeeds another in
a slot adds the counters of its predecessor to its own, so that the sums of the service never
decrease.
"""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from app.errors import CommandError
from app.monitoring.declarations import Declaration, Kind, Snapshot, combined
from engine.database.outages import Condition

__all__ = ["SharedSnapshots", "snapshot_folder"]

INTERVAL_S = 1.0
# In memory, on Linux.
_MEMORY_FOLDER = "/dev/shm"  # noqa: S108  # mkdtemp creates a private folder in it


@contextmanager
def snapshot_folder() -> Iterator[Path]:
    """Create a folder for the snapshots, and delete it at the end of the block.

    Raises CommandError if no folder can be created.
    """
    parent = _MEMORY_FOLDER if os.access(_MEMORY_FOLDER, os.W_OK | os.X_OK) else None
    try:
        folder = tempfile.mkdtemp(prefix="ticketops-metrics-", dir=parent)
    except OSError as error:
        message = f"Cannot create a folder for the metrics of several processes: {error.strerror}."
        hint = "Set TMPDIR to a folder in which the server can write, or WORKERS to 1."
        raise CommandError(message, hint=hint) from None
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class SharedSnapshots:
    """The slot of this process, and the snapshots of the others."""

    def __init__(self, folder: Path, declarations: Sequence[Declaration]) -> None:
        self._folder = folder
        self._declarations = declarations
        self._number, self._lock = _free_slot(folder)
        self._counters = [one for one in declarations if one.kind is not Kind.GAUGE]
        self._problem = Condition("metrics cannot be published", "metrics are published again")
        self._unreadable = Condition("metrics cannot be read", "metrics are read again")
        # The counters of the predecessors in this slot.
        self._inherited: Snapshot = {}
        self._inherited, _ = self._with(self._number, {})

    def report(self, own: Snapshot) -> Snapshot:
        """Publish the values of this process, and return those of the service, for a client.

        Otherwise the next report would be lower if this process was killed before it publishes, and
        Prometheus would take that for a restart of the counters.
        """
        self.publish(own)
        return self.with_others(own)

    def with_others(self, own: Snapshot) -> Snapshot:
        """Return the values of the service: of this process, the others, and those that ended.

        A file that is not a snapshot is left out, and reported in the log.
        """
        values = combined(self._declarations, [own, self._inherited])
        is_complete = True
        for path in sorted(self._folder.glob("*.json")):
            if path.stem.isdecimal() and (number := int(path.stem)) != self._number:
                values, is_readable = self._with(
                    number, values, only_counters=not self._is_owned(number)
                )
                is_complete = is_complete and is_readable
        if is_complete:
            self._unreadable.end()
        return values

    def publish(self, own: Snapshot) -> None:
        """Replace the snapshot of this process."""
        values = combined(self._declarations, [own, self._inherited])
        content = {name: list(samples.items()) for name, samples in values.items()}
        path = self._folder / f"{self._number}.json"
        new = path.with_suffix(".new")
        try:
            new.write_bytes(orjson.dumps(content))
            new.replace(path)
        except OSError as error:
            self._problem.begin(reason=error.strerror)
        else:
            self._problem.end()

    async def keep_publishing(self, snapshot: Callable[[], Snapshot]) -> None:
        """Publish now and then each second, and once more at the end."""
        try:
            while True:
                self.publish(snapshot())
                await asyncio.sleep(INTERVAL_S)
        finally:
            self.publish(snapshot())

    def close(self) -> None:
        """Leave the slot to a successor."""
        os.close(self._lock)

    def _with(
        self, number: int, values: Snapshot, *, only_counters: bool = True
    ) -> tuple[Snapshot, bool]:
        """Return values with those of a slot, and whether its file is a snapshot or missing."""
        declarations = self._counters if only_counters else self._declarations
        path = self._folder / f"{number}.json"
        try:
            content = orjson.loads(path.read_bytes())
            other = {one.name: _samples(one, content) for one in declarations}
            return combined(self._declarations, [values, other]), True
        except FileNotFoundError:
            return values, True
        except (OSError, ValueError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or str(error)
            self._unreadable.begin(file=str(path), reason=reason)
            return values, False

    def _is_owned(self, number: int) -> bool:
        """Return whether a running process owns a slot."""
        with suppress(FileNotFoundError):
            lock = os.open(self._folder / f"{number}.lock", os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            finally:
                os.close(lock)
        return False


def _samples(declaration: Declaration, content: object) -> dict[tuple[str, ...], Sequence[float]]:
    """Return the values of a metric in a file; raises ValueError if it is not a snapshot."""
    samples: Any = content.get(declaration.name, ()) if isinstance(content, dict) else None
    result: dict[tuple[str, ...], Sequence[float]] = {}
    try:
        for labels, value in samples:
            result[tuple(labels)] = [float(one) for one in value]
    except TypeError:
        raise ValueError(f"not a snapshot of the metric {declaration.name}") from None
    if any(len(labels) != len(declaration.labels) for labels in result):
        raise ValueError(f"other labels of the metric {declaration.name}")
    return result


def _free_slot(folder: Path) -> tuple[int, int]:
    """Lock the first slot without a process; return its number and the lock's descriptor."""
    for number in count():
        lock = os.open(folder / f"{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return number, lock
    raise AssertionError("count() does not end")
