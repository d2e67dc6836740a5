"""Time limits of one length with one timer for all, since they end in the order of their beginning.

What `asyncio.timeout` does, for less: a timer of the loop for each request is dear.
"""

import asyncio
import time
from collections import OrderedDict
from types import TracebackType
from typing import Any, Protocol, Self

__all__ = ["Expiring", "Timeouts"]


class Expiring(Protocol):
    """What is told when its time is over."""

    ends_at: float

    def expire(self) -> None:
        """Do what is then to be done."""


class Timeouts:
    """The time limits that are running: ``with deadlines.apply():`` raises TimeoutError."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._running: OrderedDict[Expiring, None] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        # The loop of that timer: to ask for it each time is a system call.
        self._loop: asyncio.AbstractEventLoop | None = None

    def apply(self) -> "_Deadline":
        """Return a time limit that begins where its block is entered."""
        return _Deadline(self)

    def begin(self, deadline: Expiring) -> asyncio.Task[Any] | None:
        """Have a time limit end by itself, and return the task that has begun it."""
        deadline.ends_at = time.monotonic() + self.timeout_s
        self._running[deadline] = None
        if self._timer is None:
            self._loop = asyncio.get_running_loop()
            self._timer = self._loop.call_later(self.timeout_s, self._end_those_due)
        return asyncio.current_task(self._loop)

    def end(self, deadline: Expiring) -> None:
        """Forget a time limit that was kept."""
        self._running.pop(deadline, None)

    def _end_those_due(self) -> None:
        self._timer = None
        while self._running:
            deadline = next(iter(self._running))
            left_s = deadline.ends_at - time.monotonic()
            if left_s > 0:
                self._timer = asyncio.get_running_loop().call_later(left_s, self._end_those_due)
                return
            del self._running[deadline]
            deadline.expire()


class _Deadline:
    __slots__ = ("_all", "_cancelling", "_is_expired", "_task", "ends_at")

    def __init__(self, all_of_them: Timeouts) -> None:
        self._all = all_of_them
        self._is_expired = False
        self.ends_at = 0.0

    def __enter__(self) -> Self:
        task = self._all.begin(self)
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
        self._all.end(self)
        # As in `asyncio.timeout`: who else has cancelled the task is obeyed.
        if (
            self._is_expired
            and self._task.uncancel() <= self._cancelling
            and exc_type is asyncio.CancelledError
        ):
            raise TimeoutError from exc_val

    def expire(self) -> None:
        """Cancel the block."""
        self._is_expired = True
        self._task.cancel()
