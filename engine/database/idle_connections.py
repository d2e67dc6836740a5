"""The idle connections of the pool, of which those that are not needed are evicted."""

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["IdleConnections"]

# A connection that stays idle for this long goes back to asyncpg.
IDLE_S = 1.0


class IdleConnections:
    """Stack of idle connections; ``evict`` is called with each that was not used for a time."""

    def __init__(self, *, evict: Callable[[Any], None]) -> None:
        self._evict = evict
        # The connection that was used last is on top.
        self._stack: list[Any] = []
        # The smallest size of the stack since the last eviction: this many were never used.
        self._unused = 0
        self._eviction: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._stack)

    def push(self, connection: Any) -> None:
        """Add a connection."""
        self._stack.append(connection)
        if self._eviction is None:
            self._schedule_eviction()

    def pop(self) -> Any:
        """Remove and return the connection that was used last; None without one."""
        if not self._stack:
            return None
        connection = self._stack.pop()
        self._unused = min(self._unused, len(self._stack))
        return connection

    def clear(self) -> None:
        """Evict all connections at once, and stop."""
        if self._eviction is not None:
            self._eviction.cancel()
        self.evict_all()

    def evict_all(self) -> None:
        """Evict all connections at once."""
        self._unused = 0
        while self._stack:
            self._evict(self._stack.pop())

    def _schedule_eviction(self) -> None:
        self._unused = len(self._stack)
        self._eviction = asyncio.get_running_loop().call_later(IDLE_S, self._evict_unused)

    def _evict_unused(self) -> None:
        """Evict the connections at the bottom of the stack, which were not used meanwhile."""
        self._eviction = None
        unused, self._stack[: self._unused] = self._stack[: self._unused], []
        for connection in unused:
            self._evict(connection)
        if self._stack:
            self._schedule_eviction()
