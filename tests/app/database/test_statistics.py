"""Statistics are made when tables were filled, so that the first query uses an index."""

import logging
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.database.migrations import migrate
from app.database.statistics import make_missing_statistics
from app.seed import seed
from tests.models.former import BY_HAND, LOG_ENTRIES, ORPHAN, TICKETS

TICKETS_MADE, ENTRIES_MADE = 2_000, 6_000
_FILL = """
INSERT INTO log_entries (id, ticket_id, action, status, timestamp)
SELECT number, 'T-1', 'send', CASE WHEN number % 1000 = 0 THEN 'failed' ELSE 'success' END, now()
FROM generate_series(1, $1::integer) AS number
"""
_REPLACE = """
ALTER TABLE log_entries SET (autovacuum_enabled = false);
ALTER TABLE ops_deliveries SET (autovacuum_enabled = false);
ALTER TABLE ticket_events SET (autovacuum_enabled = false);
ALTER TABLE tickets SET (autovacuum_enabled = false);
"""


@pytest.fixture
async def connection(empty_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect to a migrated database without rows, in which autovacuum makes no statistics."""
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(_REPLACE)
    yield connection
    await connection.close()


async def rows_of(connection: asyncpg.Connection, table: str) -> int:
    """Return the number of rows for which the planner plans."""
    rows: int = await connection.fetchval(
        "SELECT reltuples::bigint FROM pg_class WHERE oid = $1::text::regclass", table
    )
    return rows


async def columns_with_statistics(connection: asyncpg.Connection, table: str) -> int:
    number: int = await connection.fetchval(
        "SELECT count(*) FROM pg_stats WHERE schemaname = 'public' AND tablename = $1", table
    )
    return number


async def plan(connection: asyncpg.Connection, statement: str) -> str:
    return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {statement}"))


def lines(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, object]]:
    return [vars(record)["fields"] for record in caplog.records if record.message == message]


async def test_after_a_seed_the_first_query_uses_an_index(
    connection: asyncpg.Connection, empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await seed(empty_database_url, tickets=TICKETS_MADE, seed=0, progress=lambda *_: None)

    assert await rows_of(connection, "tickets") == TICKETS_MADE
    assert await rows_of(connection, "log_entries") == ENTRIES_MADE
    for table in ("tickets", "log_entries", "ops_deliveries", "ticket_events"):
        assert await columns_with_statistics(connection, table)
    made = lines(caplog, "statistics of a table made")
    assert ("tickets", TICKETS_MADE) in {(line["table"], line["rows"]) for line in made}

    chosen = await plan(
        connection,
        "SELECT * FROM tickets WHERE customer_email = 'nobody@example.com' ORDER BY created_at",
    )
    assert "tickets_of_customer" in chosen
    first_page = await plan(
        connection, "SELECT * FROM tickets ORDER BY created_at DESC, id DESC LIMIT 20"
    )
    assert "tickets_by_created_at" in first_page


async def test_after_a_seed_counts_read_only_an_index(
    connection: asyncpg.Connection, empty_database_url: str
) -> None:
    """The visibility map has all pages, also those of the last batch."""
    # Rows become visible to all when the WAL of their commit is written. The commits of the tests'
    # PostgreSQL do not wait for that.
    name = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")
    await seed(empty_database_url, tickets=40, seed=0, progress=lambda *_: None, batch_size=10)
    pages = await connection.fetch(
        """
        SELECT relname, relpages, relallvisible
        FROM pg_class
        WHERE oid = ANY ('{tickets, log_entries, ops_deliveries, ticket_events}'::regclass[])
        """
    )
    assert len(pages) == 4
    for page in pages:
        assert page["relallvisible"] == page["relpages"] > 0, page["relname"]


async def test_an_adopted_database_has_statistics(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await BY_HAND.make(connection)
    for table in ("tickets", "log_entries"):
        await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")

    report = await migrate(empty_database_url)

    assert report.adopted is not None
    assert await rows_of(connection, "tickets") == len(TICKETS)
    assert await rows_of(connection, "log_entries") == len((*LOG_ENTRIES, ORPHAN))
    for table in ("tickets", "log_entries"):
        assert await columns_with_statistics(connection, table)
    await connection.close()


async def test_a_table_that_was_filled_by_a_restore_gets_statistics_at_the_start(
    connection: asyncpg.Connection, empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Made once: the next start finds them."""
    caplog.set_level(logging.INFO)
    await connection.execute(_FILL, ENTRIES_MADE)
    # A restore builds the indexes last, which sets the number of rows but no statistics.
    await connection.execute("REINDEX TABLE log_entries")
    assert await columns_with_statistics(connection, "log_entries") == 0

    await migrate(empty_database_url)

    assert await rows_of(connection, "log_entries") == ENTRIES_MADE
    assert await columns_with_statistics(connection, "log_entries")
    rare = "SELECT * FROM log_entries WHERE status = 'failed' ORDER BY timestamp DESC, id DESC"
    estimated = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {rare}")
    assert '"Plan Rows": 6,' in estimated
    await migrate(empty_database_url)
    assert len(lines(caplog, "statistics of a table made")) == 1


async def test_statistics_that_the_role_may_not_make_are_logged(
    connection: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await connection.execute(_FILL, ENTRIES_MADE)
    await connection.execute(
        """
        DROP ROLE IF EXISTS statistics_reader;
        CREATE ROLE statistics_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO statistics_reader;
        SET ROLE statistics_reader;
        """
    )
    try:
        await make_missing_statistics(connection)
        assert await columns_with_statistics(connection, "log_entries") == 0
        [line] = lines(caplog, "statistics of a table not made")
        assert line["table"] == "log_entries"
        assert "log_entries" in str(line["reason"])
    finally:
        await connection.execute(
            "RESET ROLE; DROP OWNED BY statistics_reader; DROP ROLE statistics_reader"
        )
