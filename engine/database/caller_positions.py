"""The positions of the callers' last changes, in memory that the processes of a server share.

The memory has a fixed size. Callers whose hashes are equal share an entry, which has the latest of
their positions: it can be later than necessary, but never too early.

Each process writes to a region of its own and reads all regions, so no process needs a lock. A
position is one number of 64 bits, which is written atomically.
"""

import fcntl
import mmap
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from zlib import crc32

from engine.database.positions import START, Position

__all__ = ["CallerPositions"]

PLACES = 4096
# An entry is one number: the timeline, followed by this many bits of the offset. A position that
# does not fit is stored as the last position of all, which no replica reaches.
_OFFSET_BITS = 51
_OFFSET_MASK = 2**_OFFSET_BITS - 1
_MAX_TIMELINE = 2**12 - 1
_LAST = Position(_MAX_TIMELINE + 1, 0)
_NUMBER_BYTES = 8
# Each entry has its position, and the time since which a later one is unknown (0 if none is).
_REGION_NUMBERS = 2 * PLACES
_REGION_BYTES = _REGION_NUMBERS * _NUMBER_BYTES
_FILE_NAME = "positions"


class CallerPositions:
    """The positions of this process and of others that use the same folder, at most ``processes``.

    As a context manager it releases the memory at the end. A process that takes over the region of
    one that has ended keeps its positions.
    """

    def __init__(self, folder: Path | None = None, *, processes: int = 1) -> None:
        # A process that ends and the one that replaces it can overlap.
        regions = 1 if folder is None else 2 * processes
        size = regions * _REGION_BYTES
        # Of the file; -1 for memory of this process only.
        self._descriptor = -1 if folder is None else _open_file(folder, size)
        self._memory = mmap.mmap(self._descriptor, size)
        self._numbers = memoryview(self._memory).cast("Q")
        self._starts = range(0, regions * _REGION_NUMBERS, _REGION_NUMBERS)
        self._own = 0 if folder is None else self._claim(regions) * _REGION_NUMBERS
        # Places of this process with an unknown position.
        self._unknown = {
            place for place in range(PLACES) if self._numbers[self._own + PLACES + place]
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._numbers.release()
        self._memory.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def add(self, caller: str, position: Position) -> None:
        """Note that the changes of a caller reach up to a position."""
        self._raise(_place(caller), position)

    def add_unknown(self, caller: str) -> None:
        """Note that a caller perhaps made a change now, at a position that is not known."""
        place = _place(caller)
        self._unknown.add(place)
        self._numbers[self._own + PLACES + place] = time.monotonic_ns()

    def resolve(self, current: Position, *, asked_at_ns: int) -> None:
        """Use the position of the primary, asked at this time, for positions unknown before."""
        for place in list(self._unknown):
            if self._numbers[self._own + PLACES + place] < asked_at_ns:
                # In this order: another process can read in between.
                self._raise(place, current)
                self._numbers[self._own + PLACES + place] = 0
                self._unknown.discard(place)

    def get(self, caller: str) -> Position | None:
        """Return the position of a caller's last change; None if it is not known yet."""
        place = _place(caller)
        numbers = self._numbers
        latest = 0
        for start in self._starts:
            # In this order: another process can resolve it in between.
            if numbers[start + PLACES + place]:
                return None
            latest = max(latest, numbers[start + place])
        return Position(latest >> _OFFSET_BITS, latest & _OFFSET_MASK) if latest else START

    def _raise(self, place: int, position: Position) -> None:
        if position.timeline > _MAX_TIMELINE or position.offset > _OFFSET_MASK:
            position = _LAST
        number = position.timeline << _OFFSET_BITS | position.offset
        index = self._own + place
        self._numbers[index] = max(number, self._numbers[index])

    def _claim(self, regions: int) -> int:
        """Return a region that no other running process has."""
        for region in range(regions):
            try:
                # Until the process ends, or closes the file.
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, region)
            except OSError:
                continue
            return region
        raise RuntimeError(f"all {regions} regions of positions are in use")


def _open_file(folder: Path, size: int) -> int:
    descriptor = os.open(folder / _FILE_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(descriptor, size)
    return descriptor


def _place(caller: str) -> int:
    # The hash of Python differs between processes.
    return crc32(caller.encode(errors="surrogatepass")) % PLACES
