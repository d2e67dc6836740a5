"""opsHealth touches a limited number of buffers, however many deliveries have which states.

Buffers are counted, because their number does not depend on the machine.
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.database.migrations import migrate
from engine.database.session import apply_settings
from engine.sql.expressions import render
from resolvers.ops_health import health_statement
from tests.conftest import empty_database
from tests.engine.many_deliveries import STATES, fill
from tests.engine.test_flat_pages import buffers

SMALL, LARGE = 2_000, 40_000
COUNTED = 100
# Each count reads an entry of the index and, if the table was not vacuumed, the row. The descents
# of the indexes and the catalog of their statistics are the rest.
MAX_BUFFERS = 2 * (COUNTED + 1) + 50
_EXPECTED = """
SELECT
    least($1 + 1, count(*) FILTER (WHERE state = 'pending')),
    least($1 + 1, count(*) FILTER (WHERE state = 'failed')),
    min(created_at) FILTER (WHERE state = 'pending')
FROM ops_deliveries
"""


@pytest.fixture(scope="module")
async def connection() -> AsyncIterator[asyncpg.Connection]:
    """Connect to a new database, in which autovacuum does nothing."""
    async with empty_database() as url:
        await migrate(url)
        connection = await asyncpg.connect(url)
        await apply_settings(connection, statement_timeout_ms=None)
        await connection.execute("ALTER TABLE ops_deliveries SET (autovacuum_enabled = false)")
        yield connection
        await connection.close()


async def check(connection: asyncpg.Connection) -> None:
    """Check the result of the statement, and the number of its buffers."""
    statement = health_statement(COUNTED)
    text, values = render(statement)
    found = await connection.fetchrow(text, *values)
    expected = await connection.fetchrow(_EXPECTED, COUNTED)
    assert found is not None
    assert expected is not None
    assert tuple(found)[:3] == tuple(expected)
    assert await buffers(connection, statement) <= MAX_BUFFERS


@pytest.mark.parametrize("states", STATES)
@pytest.mark.parametrize("count", [SMALL, LARGE])
async def test_health_reads_no_more_of_many_deliveries(
    connection: asyncpg.Connection, count: int, states: str
) -> None:
    await fill(connection, count, states)
    await check(connection)
    await connection.execute("VACUUM ops_deliveries")
    await check(connection)


@pytest.mark.parametrize("before", ["all PENDING", "all FAILED", "all DELIVERED"])
async def test_health_does_not_rely_on_present_statistics(
    connection: asyncpg.Connection, before: str
) -> None:
    await fill(connection, LARGE, before)
    await connection.execute(
        "UPDATE ops_deliveries SET state = CASE WHEN id < $1 THEN 'pending' ELSE 'delivered' END,"
        " next_attempt_at = CASE WHEN id < $1 THEN created_at END",
        f"{LARGE // 100:012}",
    )
    await connection.execute("VACUUM ops_deliveries")
    await check(connection)
