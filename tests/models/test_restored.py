"""A database restored from a dump, on a server with lower transaction numbers."""

import asyncio
import logging

import asyncpg
import pytest

from app.database.applied import migration_number
from app.database.migrations import migrate
from models.feed_offset import VERSION, continue_feeds
from tests.feed.readers import connected
from tests.waiting import until

EVENT = """
INSERT INTO ticket_events (id, ticket_id, type, changes)
VALUES ($1, 't', 'updated', '[]')
"""
ENTRY = """
INSERT INTO log_entries (id, ticket_id, action, status)
VALUES ($1, 't', 'send', 'success')
"""
# Rows of a server whose transaction numbers are higher.
COME_FURTHER = "UPDATE {table} SET transaction = transaction + 1000000000"
IS_WAITING = """
SELECT EXISTS (
    SELECT FROM pg_locks
    JOIN pg_database ON pg_database.oid = database
    WHERE NOT granted AND datname = current_database()
)
"""
ROWS = "SELECT ctid, * FROM {table} ORDER BY id"
IN_ORDER = "SELECT id FROM {table} ORDER BY transaction, sequence"
READABLE = """
SELECT bool_and(
    transaction < txid_snapshot_xmin(txid_current_snapshot()) + feed_transaction_offset()
)
FROM {table}
"""


@pytest.mark.parametrize(("table", "insert"), [("ticket_events", EVENT), ("log_entries", ENTRY)])
async def test_restored_rows_are_not_rewritten_and_precede_new_rows(
    empty_database_url: str, table: str, insert: str, caplog: pytest.LogCaptureFixture
) -> None:
    await migrate(empty_database_url)
    async with connected(empty_database_url) as connection:
        for number in range(5):
            await connection.execute(insert, f"old {number}")
        await connection.execute(COME_FURTHER.format(table=table))
        assert not await connection.fetchval(READABLE.format(table=table))
        restored = await connection.fetch(ROWS.format(table=table))

        # Undo the logging configuration of earlier tests.
        with caplog.at_level(logging.INFO):
            await migrate(empty_database_url)

        [offset] = [
            record.__dict__["fields"]["transaction_offset"]
            for record in caplog.records
            if record.message == "feeds continue after a restore"
        ]
        assert offset == await connection.fetchval("SELECT feed_transaction_offset()")
        oldest_code = "SELECT oldest_code FROM schema_compatibility WHERE version = $1"
        assert await connection.fetchval(oldest_code, VERSION) == migration_number(VERSION)
        assert await connection.fetch(ROWS.format(table=table)) == restored
        for number in range(3):
            await connection.execute(insert, f"new {number}")
        ids = [row["id"] for row in await connection.fetch(IN_ORDER.format(table=table))]
        assert ids == [f"old {number}" for number in range(5)] + [
            f"new {number}" for number in range(3)
        ]

        # Once all that is under way in the cluster has ended, other tests' too.
        await until(lambda: connection.fetchval(READABLE.format(table=table)))


async def test_a_session_that_has_prepared_its_statement_writes_after_the_restored_rows(
    empty_database_url: str,
) -> None:
    await migrate(empty_database_url)
    async with (
        connected(empty_database_url) as writer,
        connected(empty_database_url) as connection,
    ):
        insert = await writer.prepare(EVENT)
        # PostgreSQL keeps the plan of a statement after five executions.
        for number in range(8):
            await insert.fetch(f"old {number}")
        await connection.execute(COME_FURTHER.format(table="ticket_events"))
        async with connection.transaction():
            # Also one that waits while the offset changes.
            await connection.execute("LOCK TABLE ticket_events IN SHARE ROW EXCLUSIVE MODE")
            waiting = asyncio.create_task(insert.fetch("new"))
            await until(lambda: connection.fetchval(IS_WAITING))
            assert await continue_feeds(connection) is not None
        await waiting
        ids = [row["id"] for row in await connection.fetch(IN_ORDER.format(table="ticket_events"))]
        assert ids[-1] == "new"


async def test_a_database_that_was_not_restored_is_unchanged(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(EVENT, "1")
    before = await connection.fetch("SELECT * FROM ticket_events")
    await migrate(empty_database_url)
    assert await connection.fetch("SELECT * FROM ticket_events") == before
    await connection.close()
