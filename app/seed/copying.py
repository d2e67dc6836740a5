"""Demo tickets brought into the database, a thousand at a time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from app.database.migrations import EXPECTED_VERSION, schema_version
from app.errors import CommandError
from app.seed.demo import Row, Story

BATCH = 1_000
_LOCK_KEY = int.from_bytes(b"seedlock", "big")
_TABLES = ("tickets", "log_entries", "ops_deliveries", "ticket_events")

# By table.
Rows: TypeAlias = dict[str, list[Row]]


class NotMigrated(CommandError):
    """The tables to be filled are not there, or are not those of this program."""


@dataclass(frozen=True, slots=True)
class SeedReport:
    """How many rows were added, and how many tickets of the seed had been there before."""

    tickets: int
    log_entries: int
    deliveries: int
    events: int
    there_before: int


async def seed(
    url: str, *, tickets: int, seed: int, progress: Callable[[int, int], None]
) -> SeedReport:
    """See to it that the database has the first so many tickets of a seed; raises NotMigrated.

    ``progress`` is called with how many are done, and of how many. A ticket that is or
    was there is left alone, also when somebody has changed or deleted it since: so
    running it twice adds nothing, a higher number adds older tickets, and another seed
    adds others.
    """
    # Behind a pooler prepared statements would be in others' way.
    connection = await asyncpg.connect(url, statement_cache_size=0)
    try:
        if await schema_version(connection) != EXPECTED_VERSION:
            message = "The database is not at the version of this program."
            raise NotMigrated(message, hint="Run: ticketops migrate")
        async with _lock(url):
            added = await _fill(connection, tickets, seed, progress)
        if added.total():
            await connection.execute(f"VACUUM (ANALYZE) {', '.join(_TABLES)}")
    finally:
        await connection.close()
    return SeedReport(
        tickets=added["tickets"],
        log_entries=added["log_entries"],
        deliveries=added["ops_deliveries"],
        events=added["ticket_events"],
        there_before=tickets - added["tickets"],
    )


@asynccontextmanager
async def _lock(url: str) -> AsyncIterator[None]:
    """Be the only one that seeds: two runs of one seed would both find a ticket missing.

    The lock is a transaction's, so that it also holds, and ends, behind a pooler that
    gives each transaction another session. That transaction does nothing else.
    """
    connection = await asyncpg.connect(url, statement_cache_size=0)
    try:
        async with connection.transaction(isolation="read_committed"):
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_KEY)
            yield
    finally:
        await connection.close()


async def _fill(
    connection: asyncpg.Connection, tickets: int, seed: int, progress: Callable[[int, int], None]
) -> Counter[str]:
    added: Counter[str] = Counter()
    rows: Rows = {}
    # The oldest first, so that the order of events is that of their times.
    for end in range(tickets, 0, -BATCH):
        progress(tickets - end, tickets)
        numbers = reversed(range(max(end - BATCH, 0), end))
        missing = await _missing(connection, [Story(seed, number) for number in numbers])
        # PostgreSQL takes one batch in while the next is made.
        _, rows = await asyncio.gather(_copy(connection, rows), asyncio.to_thread(_told, missing))
        added.update({table: len(new) for table, new in rows.items()})
    await _copy(connection, rows)
    progress(tickets, tickets)
    return added


async def _missing(connection: asyncpg.Connection, stories: Sequence[Story]) -> list[Story]:
    rows = await connection.fetch(
        "SELECT id FROM ticket_events WHERE id = ANY ($1::text[])",
        [story.first_event_id for story in stories],
    )
    there = {row["id"] for row in rows}
    return [story for story in stories if story.first_event_id not in there]


def _told(stories: Iterable[Story]) -> Rows:
    demos = [story.told() for story in stories]
    return {
        "tickets": [demo.ticket for demo in demos],
        "log_entries": [row for demo in demos for row in demo.log_entries],
        "ops_deliveries": [row for demo in demos for row in demo.deliveries],
        "ticket_events": [row for demo in demos for row in demo.events],
    }


async def _copy(connection: asyncpg.Connection, rows: Rows) -> None:
    # One transaction: a ticket comes with all that belongs to it.
    async with connection.transaction():
        for table, records in rows.items():
            if records:
                await connection.copy_records_to_table(
                    table,
                    columns=list(records[0]),
                    records=(tuple(record.values()) for record in records),
                )
