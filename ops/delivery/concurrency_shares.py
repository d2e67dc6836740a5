"""Shares of a worker's concurrency, so that deliveries that hang do not take all of it.

Half of the concurrency is for deliveries in the order in which they became due, and half for first
attempts, the newest first. A backlog of deliveries that hang can be the oldest, the newest or all
the retries: it then takes one of the shares, and the others are delivered by the other one.

As long as OPS accepts what is delivered in order, nothing hangs there, and it takes all.
"""

from collections.abc import Callable
from time import monotonic

__all__ = ["ConcurrencyShares"]

# Time after a success in order in which the deliveries that follow take all of the concurrency.
FLOW_S = 0.25


class ConcurrencyShares:
    """The running attempts of a worker in each share."""

    def __init__(self, concurrency: int, *, clock: Callable[[], float] = monotonic) -> None:
        self._concurrency = concurrency
        self._newest = concurrency // 2
        # Kept for first attempts, also while none is due.
        self._reserve = concurrency // 4
        self._running_in_order = self._running_newest = 0
        # Whether first attempts may be due in addition to those that are claimed in order.
        self.may_have_first_attempts = True
        self._clock = clock
        self._flows_until = clock()

    def free(self, tasks: int) -> tuple[int, int]:
        """Return how many of the free tasks to use in order, and for newest first attempts."""
        if self._clock() < self._flows_until:
            return tasks, 0
        kept = self._newest if self.may_have_first_attempts else self._reserve
        in_order = min(max(self._concurrency - kept - self._running_in_order, 0), tasks)
        if not self.may_have_first_attempts:
            return in_order, 0
        newest = min(max(self._newest - self._running_newest, 0), tasks - in_order)
        return in_order, newest

    def begin(self, *, is_in_order: bool) -> None:
        """Count an attempt that begins."""
        if is_in_order:
            self._running_in_order += 1
        else:
            self._running_newest += 1

    def end(self, *, is_in_order: bool, is_accepted: bool) -> None:
        """Count an attempt that has ended."""
        if is_in_order:
            self._running_in_order -= 1
            if is_accepted:
                self._flows_until = self._clock() + FLOW_S
        else:
            self._running_newest -= 1
            # More of them may be due, also if another worker held the lock on all that are.
            self.may_have_first_attempts = True
