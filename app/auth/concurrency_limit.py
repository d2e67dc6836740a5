"""How many of something that stands a caller may have at once, in this process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ConcurrencyLimit", "ConcurrencyLimitReached"]


class ConcurrencyLimitReached(Exception):
    """A caller has as many as it may have; the text says how many of what."""


class ConcurrencyLimit:
    """Counts what each caller has; who has nothing is not remembered."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._had: Counter[str] = Counter()

    @contextmanager
    def one_for(self, caller: str) -> Iterator[None]:
        """Let a caller have one more until the end of the block; raises ConcurrencyLimitReached."""
        if self._had.get(caller, 0) >= self._most:
            raise ConcurrencyLimitReached(
                f"At most {self._most} {self._what} of a caller may be open."
            )
        self._had[caller] += 1
        try:
            yield
        finally:
            self._had[caller] -= 1
            if not self._had[caller]:
                del self._had[caller]

    def __len__(self) -> int:
        """Return how many there are, of all callers together."""
        return self._had.total()
