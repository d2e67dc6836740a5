"""Growth with the data: buffers and time of statements, by number of tickets and deliveries."""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from app.database.migrations import migrate
from engine.database.queries import IN_ORDER
from engine.database.session import apply_settings
from engine.sql.expressions import Sql, render
from engine.sql.paging import Window
from engine.sql.queries import Page
from engine.sql.statements import expressions_statement, page_statement, total_expression
from models import OpsState, TicketPriority, TicketStatus
from resolvers.ops_health import MAX_COUNTED, health_statement
from resolvers.tables import TICKET_ORDERS, TICKETS
from resolvers.tickets import groups
from resolvers.tickets.filters import TicketFilter, ticket_condition
from tests.benchmarks.conditions import conditions
from tests.benchmarks.databases import database_url, server
from tests.benchmarks.options import parser, results
from tests.benchmarks.progress import say
from tests.benchmarks.tables import table
from tests.engine import many_deliveries
from tests.engine.many_tickets import fill

SIZES, QUICK_SIZES = (10_000, 100_000, 1_000_000), (1_000, 10_000)
RUNS = 9
PAGE_SIZE = 50
NAME = "ticketops_growth"

FILTERS: Mapping[str, TicketFilter] = {
    "all tickets": {},
    "OPEN, the newest four fifths": {"status": {"eq": TicketStatus.OPEN}},
    "OPEN and HIGH, none": {
        "status": {"eq": TicketStatus.OPEN},
        "priority": {"eq": TicketPriority.HIGH},
    },
    "HIGH, the oldest 40": {"priority": {"eq": TicketPriority.HIGH}},
    "opsState PENDING, none": {"ops_state": {"eq": OpsState.PENDING}},
    "category, far back": {"category": {"eq": "sales"}},
    "category, none": {"category": {"eq": "missing"}},
    "assignee and CLOSED, far back": {
        "assigned_to": {"eq": "agent 1"},
        "status": {"eq": TicketStatus.CLOSED},
    },
    "customer's name, none": {"customer_name": {"eq": "missing"}},
    "subject contains, none": {"subject": {"contains": "missing"}},
}
# The column that tickets are grouped by, and the filter.
GROUPS: Mapping[str, tuple[str, TicketFilter]] = {
    "all tickets by status": ("status", {}),
    "all tickets by priority": ("priority", {}),
    "all tickets by category": ("category", {}),
    "all tickets by assignee": ("assigned_to", {}),
    "OPEN, the newest four fifths, by assignee": (
        "assigned_to",
        {"status": {"eq": TicketStatus.OPEN}},
    ),
    "category, far back, by status": ("status", {"category": {"eq": "sales"}}),
    "subject contains, none, by status": ("status", {"subject": {"contains": "missing"}}),
}


def main(arguments: Sequence[str]) -> None:
    """Measure, print the table, and write it."""
    options = parser("growth", __doc__)
    options.add_argument(
        "--tickets", type=int, action="append", help="a number of tickets; can be repeated"
    )
    given = options.parse_args(arguments)
    is_published = given.tickets is None
    asyncio.run(_measure(given, folder=results(given, is_published=is_published)))


async def _measure(given: argparse.Namespace, *, folder: Path) -> None:
    sizes = given.tickets or (QUICK_SIZES if given.quick else SIZES)
    columns: list[dict[str, str]] = []
    told = ""
    async with AsyncExitStack() as opened:
        server_url = await opened.enter_async_context(server(given.database))
        for tickets in sizes:
            say(f"Filling a database with {tickets:,} tickets")
            async with _database(server_url, tickets) as connection:
                say(f"Measuring {len(FILTERS)} filters with {tickets:,} tickets")
                columns.append(await _column(connection) | await _health(connection, tickets))
                told = await conditions(connection)
    rows = {title: [column[title] for column in columns] for title in columns[0]}
    head = ["buffers; milliseconds", *(f"{tickets:,}" for tickets in sizes)]
    text = f"First pages of {PAGE_SIZE}, totals, groups and opsHealth, by tickets in the database;"
    text += f" {told}.\n\n"
    text += f"{table(head, rows)}\n"
    print(text)  # noqa: T201  # for this it is run
    (folder / "growth.md").write_text(text)


@asynccontextmanager
async def _database(server_url: str, tickets: int) -> AsyncIterator[asyncpg.Connection]:
    """Connect to a new database with so many tickets, which is dropped afterwards."""
    owner = await asyncpg.connect(server_url)
    try:
        await owner.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        await owner.execute(f"CREATE DATABASE {NAME}")
        url = database_url(server_url, NAME)
        await migrate(url)
        connection = await asyncpg.connect(url)
        await apply_settings(connection, statement_timeout_ms=None)
        # No statement here needs the search vectors, which take longest.
        await connection.execute("ALTER TABLE tickets DISABLE TRIGGER USER")
        await fill(connection, tickets)
        yield connection
        await connection.close()
        await owner.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
    finally:
        await owner.close()


async def _column(connection: asyncpg.Connection) -> dict[str, str]:
    column = {}
    for order, direction in (("created_at", "newest first"), ("updated_at", "last changed first")):
        for title, filter_ in FILTERS.items():
            page = _page(order, filter_)
            statement = page_statement(page, '"id", "subject", "status"')
            column[f"{title}; {direction}"] = await _cell(connection, statement)
    for title, filter_ in FILTERS.items():
        total = expressions_statement([total_expression(_page("created_at", filter_))])
        column[f"total of {title}"] = await _cell(connection, total)
    for title, (by, filter_) in GROUPS.items():
        counts, is_limited = groups.groups_statement(
            by, ticket_condition(filter_), max_counted=groups.MAX_COUNTED
        )
        async with connection.transaction(readonly=True):
            if is_limited:
                await connection.execute(IN_ORDER)
            column[f"groups of {title}"] = await _cell(connection, counts)
    return column


async def _health(connection: asyncpg.Connection, deliveries: int) -> dict[str, str]:
    column = {}
    for states in many_deliveries.STATES:
        await many_deliveries.fill(connection, deliveries, states)
        column[f"opsHealth; deliveries {states}"] = await _cell(
            connection, health_statement(MAX_COUNTED)
        )
    return column


def _page(order: str, filter_: TicketFilter) -> Page:
    row_order = TICKET_ORDERS[order, True]
    return Page(TICKETS, row_order, Window(size=PAGE_SIZE), ticket_condition(filter_))


async def _cell(connection: asyncpg.Connection, statement: Sql) -> str:
    text, values = render(statement)
    explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {text}"
    plan: dict[str, Any] = orjson.loads(await connection.fetchval(explain, *values))[0]["Plan"]
    buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    prepared = await connection.prepare(text)
    times = []
    for _ in range(RUNS):
        started_at = time.perf_counter()
        await prepared.fetch(*values)
        times.append(time.perf_counter() - started_at)
    return f"{buffers:,}; {min(times) * 1000:.2f}"
