"""Rounds of one measurement: their median, and how far apart they were."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of several values, with the lowest and the highest."""

    middle: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Return the median of values with their extremes."""
    return Spread(median(values), min(values), max(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Return how values stand to others of the same rounds.

    Round by round: what disturbs the machine for a while disturbs both.
    """
    return spread([one / other for one, other in zip(ours, theirs, strict=True)])
