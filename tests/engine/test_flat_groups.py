"""Groups of tickets touch as few buffers in a large table as in a small one, and are exact.

See `test_flat_pages` for the tickets and their filters.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product

import asyncpg
import pytest

from engine.database.queries import IN_ORDER
from engine.sql.expressions import OneOf, render
from resolvers.tables import TICKETS
from resolvers.tickets.filters import TicketFilter, ticket_condition
from resolvers.tickets.groups import groups_statement
from tests.engine.test_flat_pages import (
    LARGE,
    SMALL,
    buffers,
    filled,
)
from tests.engine.ticket_filters import paired_filters, single_filters

GROUPS = ("status", "priority", "ops_state", "category", "assigned_to")
# Of a column that is not an enumeration, and of a customer's tickets.
WITHOUT_INDEX = ({"category", "assigned_to"}, {"customer_email"}, {"customer_name"})
# Tickets that are counted in the tests of buffers.
COUNTED = 100
# In the large table more filters match more than these, which are then counted twice, in an index
# that has one more level.
MAX_GROWTH = 3
# Of the rows of these entries, and of the index.
MAX_BUFFERS = 2 * COUNTED + 150
MIDDLE = "SELECT created_at FROM tickets ORDER BY created_at OFFSET $1 LIMIT 1"


@asynccontextmanager
async def with_unassigned(count: int) -> AsyncIterator[asyncpg.Connection]:
    """Connect to a new database with so many tickets, some of them without an assignee."""
    async with filled(count) as connection:
        await connection.execute(
            "UPDATE tickets SET assigned_to = NULL WHERE abs(hashtext(id)) % 5 = 0"
        )
        # No page is marked as visible, as after many changes: index scans read the rows too.
        await connection.execute("VACUUM FULL ANALYZE tickets")
        yield connection


@pytest.fixture(scope="module")
async def small() -> AsyncIterator[asyncpg.Connection]:
    """Connect to the small database."""
    async with with_unassigned(SMALL) as connection:
        yield connection


@pytest.fixture(scope="module")
async def large() -> AsyncIterator[asyncpg.Connection]:
    """Connect to the large database."""
    async with with_unassigned(LARGE) as connection:
        yield connection


def is_flat(by: str, filter_: TicketFilter) -> bool:
    """Return whether an index serves a filter with a group."""
    restricted = {name for name, _ in ticket_condition(filter_).restrictions}
    return not any({by, *restricted} >= columns for columns in WITHOUT_INDEX)


async def time_filters(connection: asyncpg.Connection, count: int) -> list[TicketFilter]:
    """Return filters with a range of time that has many tickets, and few."""
    middle = await connection.fetchval(MIDDLE, count // 2)
    old = await connection.fetchval(MIDDLE, 30)
    ranges: list[TicketFilter] = [
        {"created_at": {"gte": middle}},
        {"created_at": {"lt": middle}},
        {"created_at": {"gt": old, "lte": middle}},
        {"created_at": {"lt": old}},
        {"updated_at": {"gte": middle}},
    ]
    return [
        {**time, **other}
        for time, other in product(ranges, [{}, *single_filters()])
        if not other.keys() & {"customer_email", "customer_name"}
    ]


async def keys_of(connection: asyncpg.Connection, by: str, filter_: TicketFilter) -> int:
    """Return the number of groups that share the limit."""
    for name, restriction in ticket_condition(filter_).restrictions:
        if name == by and isinstance(restriction, OneOf):
            return len(restriction.values)  # null is one too
    column = TICKETS.columns[by]
    if column.members is not None:
        return len(column.members)
    distinct: int = await connection.fetchval(f"SELECT count(DISTINCT {by}) FROM tickets")
    return distinct + column.is_nullable


@pytest.mark.parametrize("by", GROUPS)
@pytest.mark.parametrize("limit", [30, 900, 2 * SMALL])
async def test_groups_have_the_counts_of_a_plain_query(
    small: asyncpg.Connection, by: str, limit: int
) -> None:
    filters = [{}, *single_filters(), *paired_filters(), *await time_filters(small, SMALL)]
    for filter_ in filters:
        where = ticket_condition(filter_)
        statement, is_limited = groups_statement(by, where, max_counted=limit)
        assert is_limited == is_flat(by, filter_)
        condition, values = render(where)
        expected = await small.fetch(
            f"SELECT {by}, count(*) FROM tickets WHERE {condition} GROUP BY 1 ORDER BY 1", *values
        )
        text, values = render(statement)
        found = [(key, count, more) for _, key, count, more in await small.fetch(text, *values)]
        share: float = limit
        if is_limited and sum(count for _, count in expected) > limit:
            share = limit // await keys_of(small, by, filter_)
        elif not is_limited:
            share = SMALL
        assert found == [(key, min(count, share + 1), count > share) for key, count in expected], (
            filter_,
            limit,
        )


async def buffers_of(connection: asyncpg.Connection, by: str, filter_: TicketFilter) -> int:
    """Return the number of buffers that the statement of groups touches."""
    statement, _ = groups_statement(by, ticket_condition(filter_), max_counted=COUNTED)
    async with connection.transaction(readonly=True):
        await connection.execute(IN_ORDER)
        return await buffers(connection, statement)


@pytest.mark.parametrize("is_vacuumed", [False, True], ids=["changed", "vacuumed"])
@pytest.mark.parametrize("by", GROUPS)
async def test_groups_are_flat(
    small: asyncpg.Connection, large: asyncpg.Connection, by: str, *, is_vacuumed: bool
) -> None:
    if is_vacuumed:
        await small.execute("VACUUM tickets")
        await large.execute("VACUUM tickets")
    same: list[TicketFilter] = [{}, *single_filters(), *paired_filters()]
    filters = [
        *zip(same, same, strict=True),
        *zip(await time_filters(small, SMALL), await time_filters(large, LARGE), strict=True),
    ]
    too_large = []
    for of_small, of_large in filters:
        if is_flat(by, of_small):
            before = await buffers_of(small, by, of_small)
            after = await buffers_of(large, by, of_large)
            if after > MAX_GROWTH * before + MAX_BUFFERS:
                too_large.append((of_small, before, after))
    assert not too_large
