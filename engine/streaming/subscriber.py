"""Subscriber of a stream: a bounded buffer of events that are not yet consumed."""

import asyncio
import time
from collections import deque
from collections.abc import Hashable
from enum import Enum
from typing import Any

from engine.long_work import has_waiting_work
from engine.sql.tables import Table, instance
from engine.streaming.commit_order import Position, position_of

__all__ = ["Event", "SlowConsumer", "State", "Subscriber"]

# A consumer that took no event in this time before its buffer overflowed waits for its client. The
# reader waits longer for a full buffer.
SLOW_AFTER_S = 0.4


class Event:
    """A row of a followed table. All subscribers share one object."""

    __slots__ = ("key", "position", "responses", "value")

    def __init__(self, row: Any, table: Table, key: str) -> None:
        self.position: Position = position_of(row)
        # The value of the column that subscribers can filter by.
        self.key: str = row[key]
        # The row as a model instance.
        self.value: Any = instance(table.model, row)
        # Responses that subscribers with equal subscriptions share; None if not cached.
        self.responses: dict[Hashable, Any] | None = None


class SlowConsumer(Exception):
    """A subscriber consumed events more slowly than they arrived; its buffer was discarded.

    A subscriber that resumes after ``position`` misses no event.
    """

    def __init__(self, position: Position) -> None:
        super().__init__("the subscriber did not consume its events in time")
        self.position = position


class State(Enum):
    """Where a subscriber gets its events from (docs/explanation/event-feed.md)."""

    # From the table; its buffer is empty.
    CATCHING_UP = "catching up"
    # Still from the table, while its buffer receives the events that the reader reads.
    JOINED = "joined"
    # From its buffer.
    LIVE = "live"


class Subscriber:
    """A bounded buffer between the reader of a table and a consumer of its events."""

    __slots__ = (
        "_buffer",
        "_consumed_at",
        "_error",
        "_has_ended",
        "_size",
        "_waiter",
        "has_overflowed",
        "is_slow",
        "only",
        "state",
    )

    def __init__(self, only: str | None, *, size: int) -> None:
        # The key whose events are received; None for all events.
        self.only = only
        self.state = State.CATCHING_UP
        self.has_overflowed = False
        # Whether the buffer overflowed because the consumer waited for its client.
        self.is_slow = False
        self._consumed_at = time.monotonic()
        self._size = size
        self._buffer: deque[Event] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._has_ended = False
        self._error: BaseException | None = None

    def has_space(self, count: int) -> bool:
        """Return whether this many events fit, or are ignored because the buffer overflowed."""
        return self.has_overflowed or len(self._buffer) + count <= self._size

    def put(self, event: Event) -> None:
        """Add an event. If it does not fit, discard the buffer and ignore all further events."""
        if self.has_overflowed or self._has_ended:
            return
        if len(self._buffer) == self._size:
            self.has_overflowed = True
            # The event loop can be too busy for a consumer whose client reads.
            has_stopped = time.monotonic() - self._consumed_at > SLOW_AFTER_S
            self.is_slow = has_stopped and not has_waiting_work()
            self._buffer.clear()
        else:
            self._buffer.append(event)
        self._wake()

    def end(self, error: BaseException | None = None) -> None:
        """Discard the buffer and ignore all further events; `next` raises the error, if any."""
        self._buffer.clear()
        self._has_ended = True
        self._error = error
        self._wake()

    async def next(self) -> Event | None:
        """Return the next event, or None after the end or an overflow.

        Raises the error that the subscriber was ended with.
        """
        while not self._buffer:
            if self._error is not None:
                raise self._error
            if self.has_overflowed or self._has_ended:
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._consumed_at = time.monotonic()
        return self._buffer.popleft()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
