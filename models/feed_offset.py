"""Continuation of the feeds in a database that was restored from a dump.

Feeds are ordered by transaction number, and a new server counts transactions from the start. The
function ``feed_transaction_offset()`` of the database is added to its numbers. It is raised so that
new rows follow all restored rows. These keep their positions, so their cursors stay valid.
"""

import asyncpg

__all__ = ["continue_feeds"]

# In the order in which outcomes of deliveries lock them.
TABLES = ("log_entries", "ticket_events")
# The migration that created the function. Programs without it would withhold all new rows.
VERSION = "5_20261130210000_feed_transaction_offset.py"
OLDEST_CODE = 5

# A row of another server is not before the next transaction of this one.
_IS_BEHIND = """
SELECT
    greatest(
        (SELECT max(transaction) FROM ticket_events),
        (SELECT max(transaction) FROM log_entries)
    ) >= txid_snapshot_xmax(txid_current_snapshot()) + feed_transaction_offset()
"""
# No running transaction has a lower number than the oldest one.
_OFFSET = """
SELECT
    1 - txid_snapshot_xmin(txid_current_snapshot()) + greatest(
        (SELECT max(transaction) FROM ticket_events),
        (SELECT max(transaction) FROM log_entries)
    )
"""


async def continue_feeds(connection: asyncpg.Connection) -> int | None:
    """Let new rows follow the rows of another server; return the new offset if it was changed."""
    if not await connection.fetchval(_IS_BEHIND):
        return None
    async with connection.transaction(isolation="read_committed"):
        # Block writers, which read the function again after they have waited for the lock, and
        # check again: another process may have done this.
        await connection.execute(f"LOCK TABLE {', '.join(TABLES)} IN SHARE ROW EXCLUSIVE MODE")
        if not await connection.fetchval(_IS_BEHIND):
            return None
        offset: int = await connection.fetchval(_OFFSET)
        await connection.execute(
            "CREATE OR REPLACE FUNCTION feed_transaction_offset() RETURNS bigint"
            f" LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT {offset}::bigint'"
        )
        await connection.execute(
            "UPDATE schema_compatibility SET oldest_code = $2 WHERE version = $1",
            VERSION,
            OLDEST_CODE,
        )
    return offset
