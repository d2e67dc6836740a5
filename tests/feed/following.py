"""Writers and readers of events, for the tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg

from engine.streaming.commit_order import Position
from engine.streaming.stream import Stream
from engine.streaming.subscriber import Event

_INSERT = (
    "INSERT INTO ticket_events (id, ticket_id, type, changes) VALUES ($1, $2, 'updated', '[]')"
)
_INSERT_MANY = """
INSERT INTO ticket_events (id, ticket_id, type, changes)
SELECT gen_random_uuid()::text, 'many', 'updated', '[]'
FROM generate_series(1, $1)
"""


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect as another program does."""
    connection = await asyncpg.connect(database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def write(connection: asyncpg.Connection, ticket_id: str = "a") -> str:
    """Write one event and return its id."""
    event_id = str(uuid4())
    await connection.execute(_INSERT, event_id, ticket_id)
    return event_id


async def write_many(connection: asyncpg.Connection, count: int) -> None:
    """Write so many events in one statement."""
    await connection.execute(_INSERT_MANY, count)


async def until(is_so: Callable[[], bool], *, within_s: float = 10) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110  # it is looked at from outside
            await asyncio.sleep(0.01)


class Reader:
    """One who follows a stream in a task, and remembers what came."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._came = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def following(
        cls, stream: Stream, *, after: Position | None = None, only: str | None = None
    ) -> AsyncIterator["Reader"]:
        """Follow until the end of the block."""
        reader = cls()
        events = await stream.follow(after=after, only=only)

        async def read() -> None:
            async for event in events:
                async with reader._came:
                    reader.events.append(event)
                    reader._came.notify_all()

        task = asyncio.create_task(read())
        try:
            yield reader
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()):
                raise error

    @property
    def ids(self) -> list[str]:
        """The ids of the events, in the order in which they came."""
        return [event.value.id for event in self.events]

    async def wait_for(self, count: int, *, within_s: float = 10) -> list[str]:
        """Wait until so many events have come, and return their ids."""
        async with asyncio.timeout(within_s), self._came:
            await self._came.wait_for(lambda: len(self.events) >= count)
        return self.ids
