"""Storage of the rate limit's counters in this process, limited in bytes."""

import sys
import time

from limits.aio.storage import Storage

from engine.caches import LruCache, ValueUsage

__all__ = ["ProcessStorage"]

# Measured: the memory of a counter without its key.
_ENTRY_BYTES = 500


class ProcessStorage(Storage):
    """Counters of fixed windows, of the most recently seen callers.

    The storage of `limits` is unbounded, and examines all counters for each request.
    """

    # `limits` registers the classes by it; this one is not found by a URL.
    STORAGE_SCHEME = None

    def __init__(self, budget_bytes: int) -> None:
        super().__init__()
        # By caller: the count, and the end of its window.
        self._counters: LruCache[str, list[float]] = LruCache("rate_limits", budget_bytes)

    @property
    def base_exceptions(self) -> type[Exception]:
        """The errors of the storage; it has none."""
        return ValueError

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a counter and return it."""
        counter = self._current(key)
        if counter is None:
            counter = [0, time.time() + expiry]
            self._counters.put(key, counter, ValueUsage(_ENTRY_BYTES + sys.getsizeof(key)))
        counter[0] += amount
        return int(counter[0])

    async def get(self, key: str) -> int:
        """Return a counter."""
        counter = self._current(key)
        return 0 if counter is None else int(counter[0])

    async def get_expiry(self, key: str) -> float:
        """Return the end of a counter's window."""
        counter = self._current(key)
        return time.time() if counter is None else counter[1]

    async def check(self) -> bool:
        """Return whether the storage is available."""
        return True

    async def reset(self) -> int | None:
        """Not supported."""
        raise NotImplementedError

    async def clear(self, key: str) -> None:
        """Remove a counter."""
        self._counters.discard(key)

    def _current(self, key: str) -> list[float] | None:
        counter = self._counters.get(key)
        return counter if counter is not None and time.time() < counter[1] else None
