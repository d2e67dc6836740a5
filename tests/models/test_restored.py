"""A database restored from a dump, on a server with lower transaction numbers."""

import asyncio
import logging

import asyncpg
import pytest

from app.database.migrations import migrate

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
IN_ORDER = "SELECT id FROM {table} ORDER BY transaction, sequence"
READABLE = """
SELECT bool_and(transaction < txid_snapshot_xmin(txid_current_snapshot()))
FROM {table}
"""


@pytest.mark.parametrize(("table", "insert"), [("ticket_events", EVENT), ("log_entries", ENTRY)])
async def test_restored_rows_keep_their_order_and_precede_new_rows(
    empty_database_url: str, table: str, insert: str, caplog: pytest.LogCaptureFixture
) -> None:
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    for number in range(5):
        await connection.execute(insert, f"old {number}")
    await connection.execute(COME_FURTHER.format(table=table))
    assert not await connection.fetchval(READABLE.format(table=table))

    # Undo the logging configuration of earlier tests.
    with caplog.at_level(logging.WARNING):
        await migrate(empty_database_url)

    renumbered = [
        record.__dict__["fields"]["table"]
        for record in caplog.records
        if record.message == "restored table renumbered"
    ]
    assert renumbered == [table]
    for number in range(3):
        await connection.execute(insert, f"new {number}")
    ids = [row["id"] for row in await connection.fetch(IN_ORDER.format(table=table))]
    assert ids == [f"old {number}" for number in range(5)] + [
        f"new {number}" for number in range(3)
    ]
    async with asyncio.timeout(60):
        # Once all that is under way in the cluster has ended, other tests' too.
        while not await connection.fetchval(READABLE.format(table=table)):  # noqa: ASYNC110  # no event reports it
            await asyncio.sleep(0.02)
    await connection.close()


async def test_a_database_that_was_not_restored_is_unchanged(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(EVENT, "1")
    before = await connection.fetch("SELECT * FROM ticket_events")
    await migrate(empty_database_url)
    assert await connection.fetch("SELECT * FROM ticket_events") == before
    await connection.close()
