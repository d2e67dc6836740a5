"""Per-caller concurrency limit, counted in this process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ConcurrencyLimit", "ConcurrencyLimitReached"]


class ConcurrencyLimitReached(Exception):
    """A caller has reached its limit of open resources, which the message contains."""


class ConcurrencyLimit:
    """Limits how many resources of a kind each caller has open at once."""

    def __init__(self, limit: int, kind: str, *, setting: str) -> None:
        self._limit = limit
        # In the plural, for the error message: "subscriptions".
        self._kind = kind
        self._setting = setting
        # Without entries for callers that have nothing open.
        self._open: Counter[str] = Counter()

    @contextmanager
    def acquire(self, caller: str) -> Iterator[None]:
        """Count one more resource of a caller during the block; raises ConcurrencyLimitReached."""
        if self._open.get(caller, 0) >= self._limit:
            raise ConcurrencyLimitReached(
                f"A caller can have at most {self._limit} {self._kind} open ({self._setting})."
                " Close one first."
            )
        self._open[caller] += 1
        try:
            yield
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]

    def __len__(self) -> int:
        """Return the number of open resources of all callers."""
        return self._open.total()
