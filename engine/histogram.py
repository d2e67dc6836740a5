"""Histogram of durations, counted as plain numbers."""

from bisect import bisect_left

__all__ = ["DURATION_BOUNDS_S", "Histogram"]

# Upper bounds of the buckets, in seconds; the last bucket is unbounded. All histograms have the
# same, so that those of several processes can be added.
DURATION_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Histogram:
    """Numbers of durations by bucket, and their sum."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(DURATION_BOUNDS_S) + 1)
        self.sum_s = 0.0

    def observe(self, duration_s: float) -> None:
        """Count a duration."""
        self.counts[bisect_left(DURATION_BOUNDS_S, duration_s)] += 1
        self.sum_s += duration_s
