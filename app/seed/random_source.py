"""Source of random values: the same seed and number give the same values in the same order."""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

__all__ = ["RandomSource"]

T = TypeVar("T")


class RandomSource:
    """Random values of one demo ticket."""

    def __init__(self, seed: int, number: int) -> None:
        self._random = random.Random(f"{seed}/{number}")  # noqa: S311  # demo data, not secrets
        # Returns a number from 0 up to, but not including, 1.
        self.fraction = self._random.random

    # `random.choice` and `randint` would take a third of the time of generating a ticket.

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[int(self.fraction() * len(options))]

    def between(self, minimum: int, maximum: int) -> int:
        """Return a whole number in a range that includes both ends."""
        return minimum + int(self.fraction() * (maximum - minimum + 1))

    def weighted(self, percentages: Mapping[str, int]) -> str:
        """Return one of the keys, each as often as its percentage says."""
        left = self.fraction() * 100
        return next(
            key for key, percentage in percentages.items() if (left := left - percentage) < 0
        )

    def happens(self, probability: float) -> bool:
        """Return true with this probability."""
        return self.fraction() < probability

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """Return several different options."""
        return self._random.sample(options, count)

    def amount(self, minimum: float, maximum: float) -> float:
        """Return an amount of money."""
        return round(self._random.uniform(minimum, maximum), 2)

    def uuid7(self, time: datetime) -> str:
        """Return a UUIDv7 (RFC 9562, section 5.7) of a time."""
        time_ms = int(time.timestamp() * 1_000)
        bits = self._random.getrandbits(74)
        value = time_ms << 80 | 7 << 76 | bits >> 62 << 64 | 2 << 62 | bits & (1 << 62) - 1
        digits = f"{value:032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
