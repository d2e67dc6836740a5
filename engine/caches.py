"""Least-recently-used caches of this process, limited in bytes.

`CACHE_SHARES` divides one budget between them, and `cache_usage` reports them for the metrics. The
size of a value includes its key. The owner of a cache estimates it, and
tests/bounds/test_memory.py compares the estimates with the memory that the values really take.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import WeakSet

__all__ = ["CACHE_SHARES", "CacheStats", "CacheUsage", "LruCache", "ValueUsage", "cache_usage"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# The share of each cache in the budget of the process.
CACHE_SHARES = {
    "documents": 0.5,
    "statements": 0.2,
    "persisted_documents": 0.1,
    "credentials": 0.1,
    "rate_limits": 0.1,
}
DEFAULT_BUDGET_BYTES = 33_554_432
# A value that takes more than this part of its cache would displace too many others.
_LARGEST_PART = 4


@dataclass(slots=True)
class CacheStats:
    """Lookups in all caches with one name since the process started."""

    hits: int = 0
    misses: int = 0


@dataclass(frozen=True, slots=True)
class CacheUsage:
    """The bytes that the caches with one name take, and may take."""

    bytes: int
    max_bytes: int


STATS = {name: CacheStats() for name in (*CACHE_SHARES, "selections")}
_caches: "WeakSet[LruCache[Hashable, object]]" = WeakSet()


def cache_usage() -> Iterator[tuple[str, CacheUsage]]:
    """Yield the usage of the caches of this process by name."""
    for name in CACHE_SHARES:
        caches = [cache for cache in _caches if cache.name == name]
        yield (
            name,
            CacheUsage(sum(cache.size for cache in caches), sum(cache.limit for cache in caches)),
        )


class ValueUsage:
    """The bytes that a value takes; they can grow while the value is in a cache."""

    # It does not refer to the value: without a reference cycle, a value that leaves the cache is
    # freed at once.
    __slots__ = ("_resize", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._resize: Callable[[int], None] | None = None

    def grow(self, size: int) -> None:
        """Add to the size. It can displace values from the cache, this one too."""
        self.size += size
        if self._resize is not None:
            self._resize(size)

    def _attach(self, resize: Callable[[int], None] | None) -> None:
        self._resize = resize


class LruCache(Generic[K, V]):
    """Cache that keeps the most recently used values within its share of the budget."""

    def __init__(self, name: str, budget_bytes: int) -> None:
        self.name = name
        self.limit = int(budget_bytes * CACHE_SHARES[name])
        self.size = 0
        self._stats = STATS[name]
        # The least recently used first.
        self._values: OrderedDict[K, tuple[V, ValueUsage]] = OrderedDict()
        _caches.add(self)  # type: ignore[arg-type]  # it is only measured there

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._values)

    def __contains__(self, key: K) -> bool:
        """Return whether a value is here, without marking it as used."""
        return key in self._values

    def get(self, key: K) -> V | None:
        """Return a value, and mark it as used; None if it is not here."""
        found = self._values.get(key)
        if found is None:
            self._stats.misses += 1
            return None
        self._stats.hits += 1
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, usage: ValueUsage) -> None:
        """Keep a value, in place of the least recently used ones."""
        self.discard(key)
        if usage.size * _LARGEST_PART > self.limit:
            return
        self._values[key] = (value, usage)
        usage._attach(self._resize)  # noqa: SLF001  # of this module
        self._resize(usage.size)

    def discard(self, key: K) -> None:
        """Remove a value if it is here."""
        found = self._values.pop(key, None)
        if found is not None:
            self._remove(found[1])

    def _resize(self, size: int) -> None:
        self.size += size
        while self.size > self.limit:
            _, (_, usage) = self._values.popitem(last=False)
            self._remove(usage)

    def _remove(self, usage: ValueUsage) -> None:
        usage._attach(None)  # noqa: SLF001  # of this module
        self.size -= usage.size
