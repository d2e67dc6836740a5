"""Live feed of a table: one reader for each process, which distributes to all subscribers.

A subscriber first takes a snapshot. It receives the events that the snapshot does not see and, if
it resumes, those after its position. It reads the table at its own pace until it has caught up with
the reader. From then on it takes each event from its own buffer, which the reader fills in commit
order. docs/explanation/event-feed.md has a diagram.
"""

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from engine.database.errors import DatabaseUnavailable
from engine.database.outages import Condition
from engine.long_work import pause
from engine.sql.tables import Table
from engine.streaming.chunk_reader import ChunkReader
from engine.streaming.commit_order import START, Chunk, Position, Snapshot, take_snapshot
from engine.streaming.lost_history import BEHIND, HistoryLost
from engine.streaming.notifications import Notifier
from engine.streaming.pacing import ReadPacing
from engine.streaming.subscriber import Event, SlowConsumer, State, Subscriber

__all__ = ["Stream", "UnknownPosition"]

# Events in the buffer of one subscriber.
BUFFER_SIZE = 1000
# The newest events, whose responses are cached for subscribers with equal subscriptions.
SHARED_EVENTS = 16
# How long the reader waits for full buffers before they overflow.
GRACE_S = 0.5
# Between two reads, so that one read serves many commits.
INTERVAL_S = 0.003

_logger = logging.getLogger(__name__)


class UnknownPosition(Exception):
    """No row has the position to resume after: it is of another database, or was lost."""


@dataclass(slots=True)
class _Following:
    """Progress of a subscriber: all new events up to ``position`` have been yielded."""

    subscriber: Subscriber
    reader: ChunkReader
    position: Position
    # A new reader need not start below the snapshot, because all of that is in the table.
    join_at: Position
    # The chunk whose events are being yielded.
    chunk: Chunk | None = None


class Stream:
    """Feed of the rows added to one table; subscribers can filter by one column, ``key``."""

    def __init__(self, table: Table, notifier: Notifier, *, key: str) -> None:
        self._table = table
        self._key = key
        self._unsubscribe = notifier.subscribe(self._wake)
        self._wakeup = asyncio.Event()
        self._is_closed = False
        # By the key that they filter by; None for subscribers to all events.
        self._subscribers: dict[str | None, set[Subscriber]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._pacing = ReadPacing(table.name)
        self._shared: deque[Event] = deque()
        # The reader has distributed everything up to here.
        self._position: Position = (0, 0)
        # Time, by the loop's clock, at which the reader last had distributed everything committed.
        self._caught_up_at = 0.0
        self._outage = Condition("feed cannot be read; retrying", "feed can be read again")
        # Of replays, which fail alone if they are slow. They say nothing about the feed of others.
        self._replay_outage = Condition("replay fails; retrying", "replay works again")
        # A clean context: a task that is started in a transaction inherits its connection.
        self._context = contextvars.copy_context()

    @property
    def subscriber_count(self) -> int:
        """The number of subscribers that have joined the reader."""
        return sum(len(subscribers) for subscribers in self._subscribers.values())

    @property
    def position_age_s(self) -> float:
        """Seconds since the reader had distributed everything committed; 0 without a reader."""
        if self._reader is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._caught_up_at

    async def follow(
        self, *, after: Position | None = None, only: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """Return the events after a position, or those that commit after this call returns.

        Each event is yielded once, in commit order, until the stream is closed, and in turn with
        other long work, since handling one may take long and need not wait for anything. Raises
        UnknownPosition and DatabaseUnavailable. The returned generator raises SlowConsumer and
        HistoryLost.
        """
        snapshot = await take_snapshot(self._table, START if after is None else after)
        if not snapshot.has_row:
            if snapshot.is_standby:
                raise DatabaseUnavailable(BEHIND)
            raise UnknownPosition
        return self._follow(snapshot, after, only)

    async def close(self) -> None:
        """End the events of all subscribers."""
        if not self._is_closed:
            self._is_closed = True
            self._unsubscribe()
        for subscriber in self._all_subscribers():
            subscriber.end()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])

    async def _follow(
        self, snapshot: Snapshot, after: Position | None, only: str | None
    ) -> AsyncGenerator[Event, None]:
        """Yield the new events, first from the table and then from the subscriber's buffer."""
        known = snapshot.newest if after is None else after

        def is_new(event: Event) -> bool:
            # A position from a history can be above a transaction that still runs. The rows of
            # that transaction appear below the position later, and are new.
            return event.position > known or not snapshot.sees(event.position[0])

        position = snapshot.position if after is None else min(after, snapshot.position)
        reader = self._chunk_reader(only=only, outage=self._replay_outage)
        subscriber = Subscriber(only, size=BUFFER_SIZE)
        following = _Following(subscriber, reader, position, join_at=snapshot.position)
        try:
            while (events := await self._next(following)) is not None:
                for event in events:
                    if is_new(event):
                        await pause()
                        yield event
        finally:
            self._leave(following.subscriber)

    async def _next(self, following: _Following) -> Iterable[Event] | None:
        """Return the next events, from the table or from the buffer; None at the end."""
        if following.chunk is not None:
            following.position = following.chunk.end
            self._advance(following, following.chunk)
            following.chunk = None
        subscriber = following.subscriber
        if subscriber.state is not State.LIVE:
            following.chunk = await following.reader.read(following.position)
            return None if following.chunk is None else self._events(following.chunk)
        event = await subscriber.next()
        if event is not None:
            # The buffer can begin with events that were also read from the table.
            if event.position <= following.position:
                return ()
            following.position = event.position
            return (event,)
        if not subscriber.has_overflowed:
            return None
        if subscriber.is_slow:
            raise SlowConsumer(following.position)
        self._start_over(following)
        return ()

    def _advance(self, following: _Following, chunk: Chunk) -> None:
        """Move a subscriber to its next state after it has read a chunk.

        A subscriber joins the reader at the end of the table. It is live once it has read every
        event that the reader distributed before it joined: either it had caught up with the
        reader when it joined, or it has since read the table to its end again. If its buffer
        overflows before that, it starts over with a new one: the table has the same events.
        """
        subscriber = following.subscriber
        if subscriber.has_overflowed:
            self._start_over(following)
        elif chunk.is_full:
            return
        elif subscriber.state is State.JOINED:
            subscriber.state = State.LIVE
        else:
            self._join(subscriber, max(following.position, following.join_at))
            has_caught_up = chunk.end >= self._position
            subscriber.state = State.LIVE if has_caught_up else State.JOINED

    def _start_over(self, following: _Following) -> None:
        """Continue in the table, which has the events that the buffer had no space for."""
        self._leave(following.subscriber)
        following.subscriber = Subscriber(following.subscriber.only, size=BUFFER_SIZE)

    def _join(self, subscriber: Subscriber, position: Position) -> None:
        """Distribute all events that are read from now on to a subscriber.

        If no reader is running, start one at ``position``.
        """
        if self._is_closed:
            subscriber.end()
            return
        self._subscribers.setdefault(subscriber.only, set()).add(subscriber)
        if self._reader is None:
            self._position = position
            loop = asyncio.get_running_loop()
            self._caught_up_at = loop.time()
            self._reader = loop.create_task(self._keep_reading(), context=self._context.copy())

    def _leave(self, subscriber: Subscriber) -> None:
        subscribers = self._subscribers.get(subscriber.only)
        if subscribers is not None:
            subscribers.discard(subscriber)
            if not subscribers:
                del self._subscribers[subscriber.only]
        if not self._subscribers:
            # Wake the reader, which stops without subscribers.
            self._wake()

    async def _keep_reading(self) -> None:
        """Read and distribute until no subscriber is left; an error ends all subscribers."""
        reader = self._chunk_reader(only=None, outage=self._outage)
        try:
            while self._subscribers and not self._is_closed:
                self._wakeup.clear()
                chunk = await reader.read(self._position)
                if chunk is None:
                    return
                self._position = chunk.end
                await self._distribute(chunk)
                if chunk.is_full:
                    continue
                if not chunk.is_held_up:
                    self._caught_up_at = asyncio.get_running_loop().time()
                await asyncio.sleep(INTERVAL_S)
                pause_s = await self._pacing.pause_s(chunk)
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._wakeup.wait()
        except HistoryLost as error:
            fields = {"table": self._table.name, "subscribers": self.subscriber_count}
            _logger.warning("committed rows lost; subscriptions ended", extra={"fields": fields})
            self._end_all(error)
        except Exception as error:
            _logger.exception("feed reader failed", extra={"fields": {"table": self._table.name}})
            self._end_all(error)
        finally:
            self._reader = None

    def _end_all(self, error: Exception) -> None:
        for subscriber in self._all_subscribers():
            subscriber.end(error)

    async def _distribute(self, chunk: Chunk) -> None:
        await self._wait_for_space(len(chunk.rows))
        for event in self._events(chunk):
            self._share(event)
            for key in (None, event.key):
                for subscriber in self._subscribers.get(key, ()):
                    subscriber.put(event)
            # Let the subscribers run: a burst would otherwise fill their buffers.
            await asyncio.sleep(0)

    async def _wait_for_space(self, count: int) -> None:
        """Wait until this many events fit into all buffers, but only for a grace period."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + GRACE_S
        while (  # noqa: ASYNC110  # polling costs less than a signal at each consumed event
            any(not subscriber.has_space(count) for subscriber in self._all_subscribers())
            and loop.time() < deadline
        ):
            await asyncio.sleep(INTERVAL_S)

    def _share(self, event: Event) -> None:
        """Cache the responses to an event until SHARED_EVENTS later events have been read."""
        event.responses = {}
        self._shared.append(event)
        if len(self._shared) > SHARED_EVENTS:
            self._shared.popleft().responses = None

    def _chunk_reader(self, *, only: str | None, outage: Condition) -> ChunkReader:
        return ChunkReader(
            self._table, key=self._key, only=only, outage=outage, is_closed=lambda: self._is_closed
        )

    def _events(self, chunk: Chunk) -> Iterator[Event]:
        """Yield the events of a chunk; creating all of them at once would take long."""
        return (Event(row, self._table, self._key) for row in chunk.rows)

    def _all_subscribers(self) -> Iterator[Subscriber]:
        for subscribers in list(self._subscribers.values()):
            yield from subscribers

    def _wake(self) -> None:
        self._wakeup.set()
