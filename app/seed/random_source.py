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
        self._bits = self._random.getrandbits
        # Many ids of a ticket have the same time.
        self._id_time: datetime | None = None
        self._id_prefix = ""

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
        for key, percentage in percentages.items():
            left -= percentage
            if left < 0:
                return key
        raise ValueError("the percentages are less than 100")

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
        if time != self._id_time:
            self._id_time = time
            time_ms = f"{int(time.timestamp() * 1_000):012x}"
            self._id_prefix = f"{time_ms[:8]}-{time_ms[8:]}-7"
        bits = self._bits(74)
        last = f"{1 << 63 | bits & (1 << 62) - 1:x}"
        return f"{self._id_prefix}{bits >> 62:03x}-{last[:4]}-{last[4:]}"
