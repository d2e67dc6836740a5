"""Loading of demo tickets into the database, in batches over several connections."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from app.database.compatibility import schema_state
from app.database.statistics import make_statistics
from app.errors import CommandError
from app.seed.story import Story
from app.seed.ticket import Row
from engine.database.connecting import connect

BATCH_SIZE = 2_000
# PostgreSQL uses one processor for each connection, and takes a little longer to store a batch than
# this process to generate it.
WRITERS = 2
_LOCK_KEY = int.from_bytes(b"seedlock", "big")
# For each writer the tables of which it makes the statistics; both halves take about the same time.
_TABLES = (("tickets", "ops_deliveries"), ("ticket_events", "log_entries"))

# Rows by table.
Rows: TypeAlias = dict[str, list[Row]]


class NotMigrated(CommandError):
    """The database is not at the version of this program."""


@dataclass(frozen=True, slots=True)
class SeedReport:
    """Numbers of rows added, and of tickets of the seed that existed already."""

    tickets: int
    log_entries: int
    deliveries: int
    events: int
    existing: int


async def seed(
    url: str,
    *,
    tickets: int,
    seed: int,
    progress: Callable[[int, int], None],
    batch_size: int = BATCH_SIZE,
) -> SeedReport:
    """Add the first tickets of a seed to the database.

    Raises NotMigrated and MigrationRefused.

    Tickets that exist or have existed are skipped, even if they were changed or deleted: a second
    run adds nothing, a larger number adds older tickets, and another seed adds other tickets.
    ``progress`` is called with the number of tickets done and their total. After an error, a second
    run adds what is missing, because each ticket is stored together with its history.
    """
    connection = await connect(url)
    try:
        if not (await schema_state(connection)).is_migrated:
            message = "The database is not migrated to the version of this program."
            raise NotMigrated(message, hint="Run: ticketops migrate")
        async with _lock(url), _writers(url) as writers:
            batches = _batches(connection, seed, tickets, batch_size)
            added = await _fill(writers, batches, tickets, progress)
            if added.total():
                await _make_statistics(writers)
    finally:
        await connection.close()
    return SeedReport(
        tickets=added["tickets"],
        log_entries=added["log_entries"],
        deliveries=added["ops_deliveries"],
        events=added["ticket_events"],
        existing=tickets - added["tickets"],
    )


@asynccontextmanager
async def _lock(url: str) -> AsyncIterator[None]:
    """Hold the advisory lock of seeding, because two concurrent runs would add the same tickets.

    The lock belongs to a transaction, which does nothing else, so that it also works behind a
    connection pooler in transaction mode.
    """
    connection = await connect(url)
    try:
        async with connection.transaction(isolation="read_committed"):
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            # Without parameters, which would leave a portal open, whose snapshot keeps VACUUM from
            # marking the new rows as visible to all.
            await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})")
            yield
    finally:
        await connection.close()


class _Writer:
    """A connection that stores batches or makes statistics in the background, one at a time."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._task: asyncio.Task[int] | None = None

    async def begin(self, rows: Rows, tickets: int) -> None:
        """Begin to store a batch. Its events follow those of all batches that began earlier."""
        transaction = self._connection.transaction(isolation="read_committed")
        await transaction.start()
        # Events are ordered by the numbers of their transactions.
        await self._connection.execute("SELECT txid_current()")
        self._task = asyncio.create_task(self._store(rows, tickets, transaction))

    async def end(self) -> int:
        """Wait until what was begun is done, and return the number of tickets of its batch."""
        return await self._task if self._task is not None else 0

    def begin_statistics(self, tables: Sequence[str]) -> None:
        """Begin to make the statistics of tables and their visibility maps."""
        self._task = asyncio.create_task(self._make_statistics(tables))

    async def cancel(self) -> None:
        """Cancel what was begun; a batch is rolled back."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._task

    async def _store(
        self, rows: Rows, tickets: int, transaction: asyncpg.transaction.Transaction
    ) -> int:
        # In one transaction, so that each ticket is stored together with its history.
        for table, records in rows.items():
            if records:
                await self._connection.copy_records_to_table(
                    table,
                    columns=list(records[0]),
                    records=(tuple(record.values()) for record in records),
                )
        await transaction.commit()
        return tickets

    async def _make_statistics(self, tables: Sequence[str]) -> int:
        await make_statistics(self._connection, tables, vacuum=True)
        return 0


async def _make_statistics(writers: Sequence[_Writer]) -> None:
    for writer, tables in zip(writers, _TABLES, strict=True):
        writer.begin_statistics(tables)
    for writer in writers:
        await writer.end()


@asynccontextmanager
async def _writers(url: str) -> AsyncIterator[list[_Writer]]:
    async with AsyncExitStack() as stack:
        writers = []
        for _ in range(WRITERS):
            connection = await connect(url)
            stack.push_async_callback(connection.close)
            writer = _Writer(connection)
            stack.push_async_callback(writer.cancel)
            writers.append(writer)
        yield writers


async def _fill(
    writers: Sequence[_Writer],
    batches: AsyncIterator[tuple[Rows, int]],
    total: int,
    progress: Callable[[int, int], None],
) -> Counter[str]:
    added: Counter[str] = Counter()
    done = 0
    progress(done, total)
    # In the order in which they began.
    busy = deque(writers)
    async for rows, tickets in batches:
        # PostgreSQL has stored other batches while this one was generated.
        writer = busy.popleft()
        if stored := await writer.end():
            done += stored
            progress(done, total)
        await writer.begin(rows, tickets)
        busy.append(writer)
        added.update({table: len(new) for table, new in rows.items()})
    for writer in busy:
        if stored := await writer.end():
            done += stored
            progress(done, total)
    return added


async def _batches(
    connection: asyncpg.Connection, seed: int, tickets: int, batch_size: int
) -> AsyncIterator[tuple[Rows, int]]:
    """Yield the missing rows of each batch, with its number of tickets including those that exist.

    Oldest first, so that the events are numbered in the order of their times.
    """
    is_new = not await connection.fetchval("SELECT EXISTS (SELECT FROM ticket_events)")
    for end in range(tickets, 0, -batch_size):
        numbers = range(max(end - batch_size, 0), end)
        stories = await asyncio.to_thread(_stories, seed, reversed(numbers))
        missing = stories if is_new else await _missing(connection, stories)
        yield await asyncio.to_thread(_generate, missing), len(numbers)


def _stories(seed: int, numbers: Iterable[int]) -> list[Story]:
    return [Story(seed, number) for number in numbers]


async def _missing(connection: asyncpg.Connection, stories: Sequence[Story]) -> list[Story]:
    rows = await connection.fetch(
        "SELECT id FROM ticket_events WHERE id = ANY ($1::text[])",
        [story.first_event_id for story in stories],
    )
    existing = {row["id"] for row in rows}
    return [story for story in stories if story.first_event_id not in existing]


def _generate(stories: Iterable[Story]) -> Rows:
    generated = [story.generate() for story in stories]
    return {
        "tickets": [demo.ticket for demo in generated],
        "log_entries": [row for demo in generated for row in demo.log_entries],
        "ops_deliveries": [row for demo in generated for row in demo.deliveries],
        "ticket_events": [row for demo in generated for row in demo.events],
    }
