"""Renumber the rows of a database that was restored from a dump.

Feeds are ordered by transaction number, and a new server counts transactions from the start.
Restored rows with numbers that the server has not reached would be withheld from the feed
until it reaches them, and new rows would precede them in the history. Restored rows
therefore get lower numbers than all others, in their former order.
"""

import asyncpg

__all__ = ["renumber_restored"]

TABLES = ("ticket_events", "log_entries")

_IS_AHEAD = """
SELECT max(transaction) >= txid_snapshot_xmax(txid_current_snapshot())
FROM %s
"""
_RENUMBER = """
UPDATE %s AS restored
SET transaction = restored.transaction - newest.transaction - 1
FROM (SELECT max(transaction) AS transaction FROM %s) AS newest
"""


async def renumber_restored(connection: asyncpg.Connection) -> tuple[str, ...]:
    """Renumber the tables with rows of another server, and return the names of these tables."""
    return tuple([table for table in TABLES if await _renumber(connection, table)])


async def _renumber(connection: asyncpg.Connection, table: str) -> bool:
    if not await connection.fetchval(_IS_AHEAD % table):
        return False
    async with connection.transaction():
        # Block writers, and check again: another process may have renumbered the table.
        await connection.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        if not await connection.fetchval(_IS_AHEAD % table):
            return False
        await connection.execute(_RENUMBER % (table, table))
    return True
