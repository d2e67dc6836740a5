"""Timeouts of one duration that share one timer, since they expire in the order of their start.

They work like `asyncio.timeout` and cost less, because a timer of the event loop for each
request is expensive.
"""

import asyncio
import time
from collections import OrderedDict
from types import TracebackType
from typing import Protocol, Self

__all__ = ["Expiring", "Timeouts"]

# Timeouts that expire in one turn of the event loop. After each, a request raises an error and
# responds, and a thousand requests can have started at the same moment.
MAX_EXPIRED = 16


class Expiring(Protocol):
    """An object that is notified when its time is over."""

    ends_at: float

    def expire(self) -> None:
        """Handle the timeout."""


class Timeouts:
    """Running timeouts of one duration.

    ``with timeouts.apply():`` raises TimeoutError if its block takes too long. Objects with an
    `expire` method use `begin` and `end` instead.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        # In the order in which they started, which is also the order in which they expire.
        self._running: OrderedDict[Expiring, None] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        # Cached, because looking up the running loop makes a system call.
        self.loop: asyncio.AbstractEventLoop | None = None

    def apply(self) -> "_Timeout":
        """Return a context manager that limits the time of its block."""
        return _Timeout(self)

    def begin(self, timeout: Expiring) -> None:
        """Start a timeout."""
        timeout.ends_at = time.monotonic() + self.timeout_s
        self._running[timeout] = None
        if self._timer is None:
            self.loop = asyncio.get_running_loop()
            self._timer = self.loop.call_later(self.timeout_s, self._expire_due)

    def end(self, timeout: Expiring) -> None:
        """Stop a timeout."""
        self._running.pop(timeout, None)

    def _expire_due(self) -> None:
        self._timer = None
        try:
            for _ in range(MAX_EXPIRED):
                if not self._running:
                    return
                timeout = next(iter(self._running))
                if timeout.ends_at > time.monotonic():
                    return
                del self._running[timeout]
                timeout.expire()
        finally:
            # Also if a callback fails, which the event loop logs: the other timeouts must expire.
            self._schedule()

    def _schedule(self) -> None:
        """Start the timer for the timeout that expires next."""
        if self._running and self._timer is None:
            left_s = next(iter(self._running)).ends_at - time.monotonic()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, left_s), self._expire_due)


class _Timeout:
    __slots__ = ("_cancelling", "_has_expired", "_task", "_timeouts", "ends_at")

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._has_expired = False
        self.ends_at = 0.0

    def __enter__(self) -> Self:
        self._timeouts.begin(self)
        task = asyncio.current_task(self._timeouts.loop)
        assert task is not None  # noqa: S101  # only a task can be cancelled
        self._task = task
        self._cancelling = task.cancelling()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._timeouts.end(self)
        # As in `asyncio.timeout`: a cancellation by anything else takes precedence.
        if (
            self._has_expired
            and self._task.uncancel() <= self._cancelling
            and exc_type is asyncio.CancelledError
        ):
            raise TimeoutError from exc_val

    def expire(self) -> None:
        """Cancel the block."""
        self._has_expired = True
        self._task.cancel()
