"""Loading of demo tickets into the database, in batches."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from app.database.compatibility import schema_state
from app.errors import CommandError
from app.seed.story import Story
from app.seed.ticket import Row
from engine.database.connecting import connect

BATCH_SIZE = 1_000
_LOCK_KEY = int.from_bytes(b"seedlock", "big")
_TABLES = ("tickets", "log_entries", "ops_deliveries", "ticket_events")

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
    url: str, *, tickets: int, seed: int, progress: Callable[[int, int], None]
) -> SeedReport:
    """Add the first tickets of a seed to the database.

    Raises NotMigrated and MigrationRefused.

    Tickets that exist or have existed are skipped, even if they were changed or deleted: a second
    run adds nothing, a larger number adds older tickets, and another seed adds other tickets.
    ``progress`` is called with the number of tickets done and their total.
    """
    connection = await connect(url)
    try:
        if not (await schema_state(connection)).is_migrated:
            message = "The database is not migrated to the version of this program."
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
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_KEY)
            yield
    finally:
        await connection.close()


async def _fill(
    connection: asyncpg.Connection, tickets: int, seed: int, progress: Callable[[int, int], None]
) -> Counter[str]:
    added: Counter[str] = Counter()
    rows: Rows = {}
    # Oldest first, so that the events are numbered in the order of their times.
    for end in range(tickets, 0, -BATCH_SIZE):
        progress(tickets - end, tickets)
        numbers = reversed(range(max(end - BATCH_SIZE, 0), end))
        missing = await _missing(connection, [Story(seed, number) for number in numbers])
        # PostgreSQL stores one batch while the next one is generated.
        _, rows = await asyncio.gather(
            _copy(connection, rows), asyncio.to_thread(_generate, missing)
        )
        added.update({table: len(new) for table, new in rows.items()})
    await _copy(connection, rows)
    progress(tickets, tickets)
    return added


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


async def _copy(connection: asyncpg.Connection, rows: Rows) -> None:
    # In one transaction, so that each ticket is stored together with its history.
    async with connection.transaction():
        for table, records in rows.items():
            if records:
                await connection.copy_records_to_table(
                    table,
                    columns=list(records[0]),
                    records=(tuple(record.values()) for record in records),
                )
