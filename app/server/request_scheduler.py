"""Limits of the requests that start in one turn of the event loop, and of those that wait.

Without it, each of a thousand connections could start a request in the same turn, and again in
each following one, because a client may send many requests without waiting for the responses.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

from app.server.backlog import Backlog

__all__ = ["RequestScheduler", "WaitingRequests"]

# Requests that start in one turn of the event loop. Most need less than a millisecond until they
# wait for PostgreSQL or have their response.
MAX_STARTS = 8
# While clients wait to be accepted.
MAX_BACKLOG_STARTS = 2
# Memory of the pipelined requests that wait, of all connections together, and of the connections
# of one group even then.
MAX_WAITING_BYTES = 64 * 2**20
MAX_SHARE_BYTES = 2**20
# Measured: the memory of a waiting request without its headers, and of a header without its text.
REQUEST_BYTES = 2500
HEADER_BYTES = 200


class RequestScheduler:
    """Starts the requests of this process; groups of connections take turns."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn = 0.0
        self._started = 0
        # In order of their turns; the first group is next.
        self._waiting: OrderedDict[str, deque[Callable[[], None]]] = OrderedDict()

    def wait(self, group: str, start: Callable[[], None]) -> None:
        """Call a function that starts a request of this group in a later turn."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._run)
        self._waiting.setdefault(group, deque()).append(start)

    def admits(self) -> bool:
        """Return whether a request may start at once, and count it in this turn."""
        if self._waiting:
            return False
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        # The time of uvloop stays the same during a turn.
        now = self._loop.time()
        started = 1
        if now == self._turn:
            started += self._started
        else:
            self._turn = now
        self._started = started
        if started <= MAX_BACKLOG_STARTS:
            return True
        return started <= MAX_STARTS and not self._backlog.is_full_turn

    def _run(self) -> None:
        for _ in range(MAX_BACKLOG_STARTS if self._backlog.is_full_turn else MAX_STARTS):
            group, starts = next(iter(self._waiting.items()))
            start = starts.popleft()
            if starts:
                self._waiting.move_to_end(group)
            else:
                del self._waiting[group]
            start()
            if not self._waiting:
                return
        asyncio.get_running_loop().call_soon(self._run)


class WaitingRequests:
    """Account of the memory of pipelined requests, which wait for the responses before theirs."""

    def __init__(self) -> None:
        self._bytes = 0
        self._by_group: Counter[str] = Counter()

    def add(self, group: str, size: int) -> bool:
        """Count a request of this group, and return true, if there is memory for it."""
        of_group = self._by_group[group] + size
        if self._bytes + size > MAX_WAITING_BYTES and of_group > MAX_SHARE_BYTES:
            return False
        self._bytes += size
        self._by_group[group] = of_group
        return True

    def remove(self, group: str, size: int) -> None:
        """Stop counting a request, because it starts, or because its connection is closed."""
        self._bytes -= size
        self._by_group[group] -= size
        if not self._by_group[group]:
            del self._by_group[group]
