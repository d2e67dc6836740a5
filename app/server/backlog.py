"""Estimate of whether clients wait in the backlog of the listening socket.

The system accepts connections in the order of their arrival, so no client that waits there
can be preferred. Once accepted, callers and addresses take turns. So while the
backlog is not empty, the schedulers do little in each turn of the event loop, to accept sooner.
"""

import asyncio

__all__ = ["Backlog"]


class Backlog:
    """Counts the connections that this process accepts in each turn of its event loop."""

    def __init__(self, *, accepts_per_turn: int) -> None:
        self._accepts_per_turn = accepts_per_turn
        self._accepted = 0
        self._accepted_before = 0
        self._is_scheduled = False

    @property
    def is_full_turn(self) -> bool:
        """Whether this turn or the one before accepted all that it could, so that others wait."""
        return max(self._accepted, self._accepted_before) >= self._accepts_per_turn

    def add(self) -> None:
        """Count a connection that is accepted in this turn."""
        self._accepted += 1
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self._accepted_before, self._accepted = self._accepted, 0
        self._is_scheduled = self._accepted_before > 0
        if self._is_scheduled:
            asyncio.get_running_loop().call_soon(self._end_turn)
