"""Pages of tickets touch as few buffers in a large table as in a small one.

Buffers are counted, because their number does not depend on the machine. The distribution of the
values is in `many_tickets`: the matching rows are near, far, rare, frequent or missing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from typing import Any

import asyncpg
import orjson
import pytest

from app.database.migrations import migrate
from engine.database.session import apply_settings
from engine.sql.expressions import OneOf, Sql, all_of, render
from engine.sql.ordering import Bound
from engine.sql.paging import Window
from engine.sql.queries import Page
from engine.sql.statements import (
    expressions_statement,
    opposite_page_expression,
    page_statement,
)
from models import LogAction, LogStatus
from resolvers.log_entries import log_entry_condition
from resolvers.tables import LOG_ENTRIES, NEWEST_LOG_ENTRY_FIRST, TICKET_ORDERS, TICKETS
from resolvers.tickets.filters import TicketFilter, ticket_condition
from tests.conftest import empty_database
from tests.engine.many_tickets import NEWEST, fill
from tests.engine.ticket_filters import paired_filters, single_filters

SMALL, LARGE = 4_000, 80_000
# The second is for 150 ranges, the most of a filter here, in an index of three levels.
MAX_GROWTH, MAX_BUFFERS = 1.3, 700

# No index has both: the number of buffers grows with that of their tickets.
WITHOUT_INDEX = {"category", "assigned_to"}


@asynccontextmanager
async def filled(count: int) -> AsyncIterator[asyncpg.Connection]:
    """Connect to a new database with so many tickets."""
    async with empty_database() as url:
        await migrate(url)
        connection = await asyncpg.connect(url)
        await apply_settings(connection, statement_timeout_ms=None)
        # No page here needs the search vectors, which take longest.
        await connection.execute("ALTER TABLE tickets DISABLE TRIGGER USER")
        await fill(connection, count)
        yield connection
        await connection.close()


@pytest.fixture(scope="module")
async def small() -> AsyncIterator[asyncpg.Connection]:
    """Connect to the small database."""
    async with filled(SMALL) as connection:
        yield connection


@pytest.fixture(scope="module")
async def large() -> AsyncIterator[asyncpg.Connection]:
    """Connect to the large database."""
    async with filled(LARGE) as connection:
        yield connection


def is_flat(filter_: TicketFilter, column: str = "created_at") -> bool:
    """Return whether an index serves a filter in the order of a column."""
    restrictions = dict(ticket_condition(filter_).restrictions)
    if restrictions.get("assigned_to") == OneOf((None,)):
        return column == "created_at" and len(restrictions) == 1
    return not restrictions.keys() >= WITHOUT_INDEX


async def buffers(connection: asyncpg.Connection, statement: Sql) -> int:
    """Return the number of buffers that a statement touches."""
    text, values = render(statement)
    explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {text}"
    plan = orjson.loads(await connection.fetchval(explain, *values))[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def grown(
    small: asyncpg.Connection, large: asyncpg.Connection, of_small: Sql, of_large: Sql
) -> str | None:
    """Return the growth of a statement if it is more than allowed."""
    before, after = await buffers(small, of_small), await buffers(large, of_large)
    return f"{before} to {after}" if after > max(MAX_GROWTH * before, MAX_BUFFERS) else None


@pytest.mark.parametrize("descending", [True, False], ids=["desc", "asc"])
@pytest.mark.parametrize("column", ["created_at", "updated_at"])
async def test_first_pages_are_flat(
    small: asyncpg.Connection, large: asyncpg.Connection, column: str, *, descending: bool
) -> None:
    order = TICKET_ORDERS[column, descending]
    too_large = []
    for filter_ in [*single_filters(), *paired_filters()]:
        if not is_flat(filter_, column):
            continue
        page = Page(TICKETS, order, Window(size=20), ticket_condition(filter_))
        statement = page_statement(page, '"id", "subject"')
        if growth := await grown(small, large, statement, statement):
            too_large.append((filter_, growth))
    assert not too_large


@pytest.mark.parametrize("backward", [False, True], ids=["after", "before"])
@pytest.mark.parametrize("at", [0.1, 0.9])
async def test_pages_at_a_cursor_are_flat(
    small: asyncpg.Connection, large: asyncpg.Connection, at: float, *, backward: bool
) -> None:
    order = TICKET_ORDERS["created_at", True]
    windows = [
        await window_at(connection, round(at * count), backward=backward)
        for connection, count in ((small, SMALL), (large, LARGE))
    ]
    too_large = []
    for filter_ in filter(is_flat, single_filters()):
        pages = [Page(TICKETS, order, window, ticket_condition(filter_)) for window in windows]
        for statements in (
            [page_statement(page, "id") for page in pages],
            [expressions_statement([opposite_page_expression(page)]) for page in pages],
        ):
            growth = await grown(small, large, *statements)
            too_large += [(filter_, growth)] if growth else []
    assert not too_large


@pytest.mark.parametrize("name", ["created_at", "updated_at"])
async def test_pages_of_a_time_range_are_flat(
    small: asyncpg.Connection, large: asyncpg.Connection, name: str
) -> None:
    # Customers have few tickets, which are found by their own index.
    filters = [
        one
        for one in single_filters()
        if is_flat(one, name) and not one.keys() & {"customer_email", "customer_name"}
    ]
    too_large = []
    for filter_, descending in product([{}, *filters], [True, False]):
        statements = []
        for connection, count in ((small, SMALL), (large, LARGE)):
            middle = await connection.fetchval(
                f"SELECT {name} FROM tickets ORDER BY {name} OFFSET $1 LIMIT 1", count // 2
            )
            within = {**filter_, name: {"lt" if descending else "gte": middle}}
            order = TICKET_ORDERS[name, descending]
            page = Page(TICKETS, order, Window(size=20), ticket_condition(within))
            statements.append(page_statement(page, "id"))
        if growth := await grown(small, large, *statements):
            too_large.append((filter_, descending, growth))
    assert not too_large


LOG_ENTRIES_OF = """
INSERT INTO log_entries (id, ticket_id, action, status, timestamp)
SELECT
    lpad(number::text, 12, '0'), '1', (ARRAY['send', 'retry', 'query'])[1 + number % 3],
    CASE WHEN number > $1 - 40 AND number % 3 = 0 THEN 'failed' ELSE 'success' END,
    $2::text::timestamptz - number * INTERVAL '1 second'
FROM generate_series(1, $1::integer) AS number
"""


async def test_pages_of_log_entries_are_flat(
    small: asyncpg.Connection, large: asyncpg.Connection
) -> None:
    for connection, count in ((small, SMALL), (large, LARGE)):
        await connection.execute(LOG_ENTRIES_OF, count, NEWEST)
        await connection.execute("VACUUM ANALYZE log_entries")
    too_large = []
    statuses: list[list[LogStatus]] = [list(LogStatus), [LogStatus.FAILED], []]
    actions: list[list[LogAction]] = [list(LogAction), [LogAction.QUERY], [LogAction.SEND]]
    for status, action in product(statuses, actions):
        where = log_entry_condition({"status": status, "action": action})
        page = Page(LOG_ENTRIES, NEWEST_LOG_ENTRY_FIRST, Window(size=20), where)
        statement = page_statement(page, "id")
        if growth := await grown(small, large, statement, statement):
            too_large.append((status, action, growth))
    assert not too_large


async def window_at(connection: asyncpg.Connection, number: int, *, backward: bool) -> Window:
    """Return the page that begins at a ticket, counted from the newest."""
    keyset = await connection.fetchrow(
        "SELECT trim('\"' FROM to_json(created_at)::text), id FROM tickets"
        " ORDER BY created_at DESC, id DESC OFFSET $1 LIMIT 1",
        number,
    )
    assert keyset is not None
    if backward:
        return Window(size=20, backward=True, before=tuple(keyset))
    return Window(size=20, after=tuple(keyset))


@pytest.mark.parametrize("descending", [True, False], ids=["desc", "asc"])
@pytest.mark.parametrize("column", ["created_at", "updated_at", "priority", "subject"])
async def test_pages_have_the_rows_that_the_condition_selects(
    small: asyncpg.Connection, column: str, *, descending: bool
) -> None:
    order = TICKET_ORDERS[column, descending]
    terms = ", ".join(f"({term.selected})::text" for term in order.terms)
    middle = await small.fetchrow(
        f"SELECT {terms} FROM tickets ORDER BY {order.order_by()} OFFSET $1 LIMIT 1", SMALL // 3
    )
    assert middle is not None
    first = middle[0].strip('"') if column != "priority" else int(middle[0])
    keyset = (first, middle[1])
    windows = [
        (Window(size=7), []),
        (Window(size=7, backward=True), []),
        (Window(size=7, after=keyset), [Bound(order.operator(), keyset)]),
        (
            Window(size=7, backward=True, before=keyset),
            [Bound(order.operator(reverse=True), keyset)],
        ),
    ]
    for filter_ in [*single_filters(), *paired_filters()]:
        where = ticket_condition(filter_)
        for window, bounds in windows:
            page = Page(TICKETS, order, window, where)
            found = await small.fetch(*_rendered(page_statement(page, "id")))
            condition = all_of((where, *(order.within(bound) for bound in bounds)))
            text, values = render(condition)
            expected = await small.fetch(
                f"SELECT id FROM tickets WHERE {text}"
                f" ORDER BY {order.order_by(reverse=window.backward)} LIMIT {window.size + 1}",
                *values,
            )
            assert found == expected, (filter_, window)


def _rendered(statement: Sql) -> tuple[Any, ...]:
    text, values = render(statement)
    return (text, *values)
