"""What tickets and their changes cost in PostgreSQL: bytes stored, WAL, pages touched, and CPU."""

import argparse
import asyncio
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, TypeAlias

import asyncpg
import psutil

from app.seed.random_source import RandomSource
from app.seed.story import NEWEST
from app.seed.ticket import ticket_row
from models.columns import new_id
from models.ticket import NEW_TICKET
from resolvers.tickets.event_changes import all_changes
from resolvers.tickets.statements import CREATE, update_statement
from tests.benchmarks.conditions import conditions
from tests.benchmarks.databases import fresh_copy, server
from tests.benchmarks.options import parser, results
from tests.benchmarks.progress import Unmeasured, say
from tests.benchmarks.tables import table

TICKETS, QUICK_TICKETS = 100_000, 1_000
WRITES, QUICK_WRITES = 2_000, 50
_SIZES = """
SELECT
    relname,
    (SELECT count(*) FROM pg_index WHERE indrelid = pg_class.oid) AS indexes,
    pg_table_size(oid) AS heap_bytes,
    pg_indexes_size(oid) AS index_bytes
FROM pg_class
WHERE oid = ANY (
    '{tickets, log_entries, ops_deliveries, ticket_events}'::regclass[]
)
ORDER BY relname
"""
_TEXT = "The device switches itself off after ten minutes. " * 3
_RECENT = "SELECT id FROM tickets ORDER BY created_at DESC, id DESC LIMIT $1"

Statement: TypeAlias = tuple[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one write costs, on average."""

    wal_bytes: float
    pages: float
    cpu_us: float


def main(arguments: Sequence[str]) -> None:
    """Measure, print the tables, and write them."""
    given = parser("writes", __doc__).parse_args(arguments)
    asyncio.run(_measure(given, folder=results(given)))


async def _measure(given: argparse.Namespace, *, folder: Path) -> None:
    tickets = QUICK_TICKETS if given.quick else TICKETS
    writes = QUICK_WRITES if given.quick else WRITES
    async with server(given.database) as server_url, fresh_copy(server_url, tickets) as url:
        connection = await asyncpg.connect(url)
        try:
            sizes = await _sizes(connection, tickets)
            costs = {}
            ids = await _recent(connection, min(writes, tickets))
            texts = [f"{word} {_TEXT}" for word in ("first", "second", "third", "fourth")]
            kinds = {
                "a ticket created": _creates(),
                "its description updated": _updates(ids, "description", texts),
                "its status updated": _updates(ids, "status", ["pending", "open", "closed"]),
            }
            for name, statements in kinds.items():
                say(f"Writing {writes:,} times: {name}")
                costs[name] = await _cost(connection, statements, writes)
            told = await conditions(connection, load="our own client")
        finally:
            await connection.close()
    head = ["", "WAL, bytes", "pages touched", "PostgreSQL's CPU, µs"]
    rows = {
        name: [f"{cost.wal_bytes:,.0f}", f"{cost.pages:.0f}", f"{cost.cpu_us:.0f}"]
        for name, cost in costs.items()
    }
    text = f"{told}; {tickets:,} tickets.\n\n{sizes}\n\n{table(head, rows)}\n"
    print(text)  # noqa: T201  # for this it is run
    (folder / "writes.md").write_text(text)


async def _sizes(connection: asyncpg.Connection, tickets: int) -> str:
    rows = await connection.fetch(_SIZES)
    shown = {
        row["relname"]: [
            f"{row['heap_bytes'] / tickets:,.0f}",
            str(row["indexes"]),
            f"{row['index_bytes'] / tickets:,.0f}",
        ]
        for row in rows
    }
    shown["together"] = [
        f"{sum(row['heap_bytes'] for row in rows) / tickets:,.0f}",
        str(sum(row["indexes"] for row in rows)),
        f"{sum(row['index_bytes'] for row in rows) / tickets:,.0f}",
    ]
    return table(["Bytes a ticket", "rows", "indexes", "bytes of the indexes"], shown)


async def _cost(
    connection: asyncpg.Connection, statements: Iterator[Statement], writes: int
) -> Cost:
    backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
    began_cpu_s = sum(backend.cpu_times()[:2])
    for _ in range(writes):
        statement, values = next(statements)
        await connection.fetch(statement, *values)
    cpu_s = sum(backend.cpu_times()[:2]) - began_cpu_s
    plans = [await _explained(connection, *next(statements)) for _ in range(writes)]
    # After a checkpoint, the first change of a page logs all of it.
    typical = [plan for plan in plans if plan["WAL FPI"] == 0]
    if not typical:
        raise Unmeasured("each write logged a whole page; check checkpoint_timeout")
    return Cost(
        wal_bytes=mean(plan["WAL Bytes"] for plan in typical),
        pages=mean(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in typical),
        cpu_us=cpu_s / writes * 1e6,
    )


async def _explained(
    connection: asyncpg.Connection, statement: str, values: list[Any]
) -> dict[str, Any]:
    """Run a statement, and return the top of its plan with what it took."""
    text = await connection.fetchval(
        f"EXPLAIN (ANALYZE, BUFFERS, WAL, FORMAT JSON) {statement}", *values
    )
    plan: dict[str, Any] = json.loads(text)[0]["Plan"]
    return plan


async def _recent(connection: asyncpg.Connection, number: int) -> list[str]:
    return [row["id"] for row in await connection.fetch(_RECENT, number)]


def _creates() -> Iterator[Statement]:
    for number in itertools.count():
        ticket = ticket_row(RandomSource(1, number), new_id(), NEWEST, age_days=0)
        values = {name: ticket[name] for name in NEW_TICKET}
        event = [new_id(), "bench", new_id(), all_changes(values)]
        yield CREATE, [ticket["id"], *values.values(), *event]


def _updates(ids: Sequence[str], column: str, values: Sequence[str]) -> Iterator[Statement]:
    statement = update_statement((column,), is_patch=False)
    for number in itertools.count():
        ticket_id, value = ids[number % len(ids)], values[number // len(ids) % len(values)]
        yield statement, [ticket_id, None, new_id(), "bench", new_id(), value]
