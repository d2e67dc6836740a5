"""Helpers that write events and follow streams."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar
from uuid import uuid4

import asyncpg

from engine.streaming.commit_order import Position
from engine.streaming.stream import Stream
from engine.streaming.subscriber import Event

T = TypeVar("T")

# How long to wait for what must happen; other transactions of the cluster can delay an event.
WAIT_S = 60

_INSERT = (
    "INSERT INTO ticket_events (id, ticket_id, type, changes) VALUES ($1, $2, 'updated', '[]')"
)
_INSERT_MANY = """
INSERT INTO ticket_events (id, ticket_id, type, changes)
SELECT gen_random_uuid()::text, 'many', 'updated', '[]'
FROM generate_series(1, $1)
"""

_HAS_NO_OLDER_TRANSACTION = "SELECT txid_snapshot_xmin(txid_current_snapshot()) = txid_current()"


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect outside the pool, as another program does."""
    connection = await asyncpg.connect(database_url)
    try:
        yield connection
    finally:
        # The connection may not have noticed yet that the test ended its server.
        with suppress(OSError):
            await connection.close()


async def write(connection: asyncpg.Connection, ticket_id: str = "a") -> str:
    """Write one event and return its id."""
    event_id = str(uuid4())
    await connection.execute(_INSERT, event_id, ticket_id)
    return event_id


async def write_many(connection: asyncpg.Connection, count: int) -> None:
    """Write this many events in one statement."""
    await connection.execute(_INSERT_MANY, count)


async def visible_at_once(connection: asyncpg.Connection, work: Callable[[], Awaitable[T]]) -> T:
    """Write events in one transaction so that the feed can show them once it has committed.

    The feed waits for all older transactions of the cluster, also those of other databases. Try
    again until there are none. Raises TimeoutError.
    """
    async with asyncio.timeout(WAIT_S):
        while True:
            transaction = connection.transaction(isolation="read_committed")
            await transaction.start()
            result = await work()
            if await connection.fetchval(_HAS_NO_OLDER_TRANSACTION):
                await transaction.commit()
                return result
            await transaction.rollback()
            await asyncio.sleep(0.01)


class Reader:
    """Follows a stream in a task, and collects its events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._has_new = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def following(
        cls, stream: Stream, *, after: Position | None = None, only: str | None = None
    ) -> AsyncIterator["Reader"]:
        """Follow the stream until the end of the block."""
        reader = cls()
        events = await stream.follow(after=after, only=only)

        async def read() -> None:
            async for event in events:
                async with reader._has_new:
                    reader.events.append(event)
                    reader._has_new.notify_all()

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
        """The ids of the received events, in order."""
        return [event.value.id for event in self.events]

    async def wait_for(self, count: int) -> list[str]:
        """Wait until this many events have been received, and return their ids."""
        async with asyncio.timeout(WAIT_S), self._has_new:
            await self._has_new.wait_for(lambda: len(self.events) >= count)
        return self.ids
