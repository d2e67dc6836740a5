"""A table followed live: one reader a process, and everyone who listens to what it reads.

Whoever follows takes a snapshot first: what it does not see is wanted, and, of one
who has been away, what lies behind the given place. He reads the table at his own
pace until he has come up to the reader; from there on the reader hands him each
event, in order, through a bounded buffer.
"""

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress

from engine.database.errors import is_transient
from engine.sql.tables import Table
from engine.streaming.commit_order import Passage, Position, Snapshot, read_passage, take_snapshot
from engine.streaming.notifications import Notifier
from engine.streaming.subscriber import Event, SlowConsumer, Subscriber

__all__ = ["Stream", "UnknownPosition"]

# Events that wait for one listener.
BUFFER_SIZE = 1000
# The newest, whose answers are kept for all who ask the same.
SHARED_EVENTS = 16
# A burst waits so long for those whose buffers it would overflow.
GRACE_S = 0.5
POLL_S = 1.0
# Between two reads, so that many commits at once cost few of them.
INTERVAL_S = 0.003
# While rows wait for an older transaction to end, whose end nobody rings.
HELD_UP_MIN_S, HELD_UP_MAX_S = 0.005, 0.05
RETRY_MIN_S, RETRY_MAX_S = 0.05, 1.0
# Rows that wait longer than this are worth a line in the log.
LONG_S = 10.0
_logger = logging.getLogger(__name__)


class UnknownPosition(Exception):
    """The place to go on from is none that this database has come to."""


class Stream:
    """A table that is followed; listeners may ask for the rows of one ``key`` only."""

    def __init__(self, table: Table, notifier: Notifier, *, key: str) -> None:
        self._table = table
        self._key = key
        self._silence = notifier.subscribe(self._wake)
        self._woken = asyncio.Event()
        self._closed = False
        self._listeners: dict[str | None, set[Subscriber]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._patience = _Patience(table.name)
        self._shared: deque[Event] = deque()
        # Up to here the reader has handed out everything to those who listened.
        self._position: Position = (0, 0)
        # A task that is started inside a transaction would inherit its connection.
        self._context = contextvars.copy_context()

    @property
    def listeners(self) -> int:
        """How many listen live."""
        return sum(len(listeners) for listeners in self._listeners.values())

    async def follow(
        self, *, after: Position | None = None, only: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """Return the events after a place, or else those committed after this has returned.

        Each once, in their order, without end until the stream is closed. Raises
        UnknownPosition; the events raise SlowConsumer where they are not taken in time.
        """
        snapshot = await take_snapshot(self._table)
        if after is not None and after[0] >= snapshot.next:
            raise UnknownPosition
        return self._follow(snapshot, after, only)

    async def close(self) -> None:
        """End the events of all listeners."""
        if not self._closed:
            self._closed = True
            self._silence()
        for listener in self._all_listeners():
            listener.end()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])

    async def _follow(
        self, snapshot: Snapshot, after: Position | None, only: str | None
    ) -> AsyncGenerator[Event, None]:
        # A place that was not come to by following may lie above the oldest running
        # transaction: what that commits below the place is new all the same.
        start = snapshot.position if after is None else min(after, snapshot.position)
        async with aclosing(self._events(start, snapshot.position, only)) as events:
            async for event in events:
                is_new = event.position > (snapshot.newest if after is None else after)
                if is_new or not snapshot.sees(event.position[0]):
                    yield event

    async def _events(
        self, position: Position, decided: Position, only: str | None
    ) -> AsyncGenerator[Event, None]:
        """Yield all events from a place on: from the table, then what the reader hands out.

        Up to where all was decided when this began no reader need start.
        """
        listener = Subscriber(only, size=BUFFER_SIZE)
        try:
            has_joined = has_come_up = False
            while not has_come_up:
                passage = await self._read(position, only)
                if passage is None:
                    return
                for row in passage.rows:
                    yield Event(row, self._table, self._key)
                position = passage.end
                if listener.has_overflowed:
                    # Nothing is lost that the table does not have: on from there.
                    self._leave(listener)
                    listener, has_joined = Subscriber(only, size=BUFFER_SIZE), False
                elif not passage.is_full:
                    # What is read after joining has all that was handed out before.
                    reader_at = self._join(listener, max(position, decided))
                    has_come_up = has_joined or position >= reader_at
                    has_joined = True
            while (event := await listener.next()) is not None:
                if event.position > position:
                    position = event.position
                    yield event
            if listener.has_overflowed:
                raise SlowConsumer(position)
        finally:
            self._leave(listener)

    def _join(self, listener: Subscriber, position: Position) -> Position:
        """Hand the listener all that the reader reads from now on; return where the reader is."""
        if self._closed:
            listener.end()
        else:
            self._listeners.setdefault(listener.only, set()).add(listener)
            if self._reader is None:
                self._position = position
                loop = asyncio.get_running_loop()
                self._reader = loop.create_task(self._keep_reading(), context=self._context.copy())
        return self._position

    def _leave(self, listener: Subscriber) -> None:
        listeners = self._listeners.get(listener.only)
        if listeners is not None:
            listeners.discard(listener)
            if not listeners:
                del self._listeners[listener.only]
        if not self._listeners:
            # The reader sees that nobody is left.
            self._wake()

    async def _keep_reading(self) -> None:
        try:
            while self._listeners and not self._closed:
                self._woken.clear()
                passage = await self._read(self._position, None)
                if passage is None:
                    return
                self._position = passage.end
                await self._hand_out(passage)
                if passage.is_full:
                    continue
                await asyncio.sleep(INTERVAL_S)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._patience.next_s(passage)):
                        await self._woken.wait()
        except Exception as error:
            _logger.exception("the reader of %s has failed", self._table.name)
            for listener in self._all_listeners():
                listener.end(error)
        finally:
            self._reader = None

    async def _hand_out(self, passage: Passage) -> None:
        rows = [Event(row, self._table, self._key) for row in passage.rows]
        deadline = asyncio.get_running_loop().time() + GRACE_S
        while (  # noqa: ASYNC110  # many take from their buffers, and one waits: it may look
            any(not listener.has_room(len(rows)) for listener in self._all_listeners())
            and asyncio.get_running_loop().time() < deadline
        ):
            await asyncio.sleep(INTERVAL_S)
        for event in rows:
            self._share(event)
            for key in (None, event.key):
                for listener in self._listeners.get(key, ()):
                    listener.put(event)
            # Those who were waiting go first, or a burst would only fill buffers.
            await asyncio.sleep(0)

    def _share(self, event: Event) -> None:
        """Have answers to an event shared, until some others have come: it may wait for long."""
        event.answers = {}
        self._shared.append(event)
        if len(self._shared) > SHARED_EVENTS:
            self._shared.popleft().answers = None

    async def _read(self, position: Position, only: str | None) -> Passage | None:
        """Read on, however long the database is away; None once the stream is closed."""
        delay_s = RETRY_MIN_S
        while not self._closed:
            try:
                return await read_passage(
                    self._table, position, only=None if only is None else (self._key, only)
                )
            except Exception as error:
                if not is_transient(error):
                    raise
                if delay_s == RETRY_MIN_S:
                    name = type(error.__cause__ or error).__name__
                    _logger.warning("%s cannot be followed for now: %s", self._table.name, name)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, RETRY_MAX_S)
        return None

    def _all_listeners(self) -> Iterator[Subscriber]:
        for listeners in list(self._listeners.values()):
            yield from listeners

    def _wake(self) -> None:
        self._woken.set()


class _Patience:
    """How long to wait for the next read, and when it has become too long."""

    def __init__(self, table_name: str) -> None:
        self._table_name = table_name
        self._pause_s = 0.0
        self._held_up_by: int | None = None
        self._since_s = 0.0
        self._is_told = False

    def next_s(self, passage: Passage) -> float:
        """Return how long to wait after a passage if nobody rings."""
        if not passage.is_held_up:
            self._held_up_by = None
            return POLL_S
        now_s = asyncio.get_running_loop().time()
        if passage.oldest_running != self._held_up_by:
            self._held_up_by, self._since_s, self._is_told = passage.oldest_running, now_s, False
            self._pause_s = HELD_UP_MIN_S
        else:
            self._pause_s = min(2 * self._pause_s, HELD_UP_MAX_S)
        if now_s - self._since_s > LONG_S and not self._is_told:
            self._is_told = True
            _logger.warning(
                "rows of %s wait for transaction %d, which has been open for %.0f s",
                self._table_name,
                passage.oldest_running,
                LONG_S,
            )
        return self._pause_s
