"""One who listens to a stream: the events handed to it and not yet taken."""

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Any

from engine.sql.tables import Table, instance
from engine.streaming.commit_order import Position, position_of

__all__ = ["Event", "SlowConsumer", "Subscriber"]


class Event:
    """A row of a followed table, one object for all who hear of it."""

    __slots__ = ("answers", "key", "position", "value")

    def __init__(self, row: Any, table: Table, key: str) -> None:
        self.position: Position = position_of(row)
        # What listeners may choose by.
        self.key: str = row[key]
        # The row as the ORM would have fetched it.
        self.value: Any = instance(table.model, row)
        # What was made of it for some of the listeners, for the others to share; None
        # where it is kept no more, or there are no others.
        self.answers: dict[Hashable, Any] | None = None


class SlowConsumer(Exception):
    """A subscriber took its events more slowly than they arrived, and lost its buffer.

    A subscriber that resumes after ``position`` misses no event.
    """

    def __init__(self, position: Position) -> None:
        super().__init__("the subscriber did not take its events in time")
        self.position = position


class Subscriber:
    """A bounded buffer between the reader of a table and one who takes its events."""

    __slots__ = ("_error", "_events", "_has_ended", "_size", "_waiter", "has_overflowed", "only")

    def __init__(self, only: str | None, *, size: int) -> None:
        # The one key whose events are wanted; None for all.
        self.only = only
        self.has_overflowed = False
        self._size = size
        self._events: deque[Event] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._has_ended = False
        self._error: BaseException | None = None

    def has_room(self, count: int) -> bool:
        """Tell whether so many events more would leave it as well as it is."""
        return self.has_overflowed or len(self._events) + count <= self._size

    def put(self, event: Event) -> None:
        """Add an event; one that does not fit empties the buffer for good."""
        if self.has_overflowed or self._has_ended:
            return
        if len(self._events) == self._size:
            self.has_overflowed = True
            self._events.clear()
        else:
            self._events.append(event)
        self._wake()

    def end(self, error: BaseException | None = None) -> None:
        """Let no event come any more: what was not taken is gone."""
        self._events.clear()
        self._has_ended = True
        self._error = error
        self._wake()

    async def next(self) -> Event | None:
        """Return the next event, or None after the end or an overflow.

        Raises the error that the buffer was ended with.
        """
        while not self._events:
            if self._error is not None:
                raise self._error
            if self.has_overflowed or self._has_ended:
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._events.popleft()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
