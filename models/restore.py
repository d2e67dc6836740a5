"""A database restored from a dump: its rows have the transaction numbers of another server.

Numbers begin anew on a new server. Rows with numbers that it has yet to come to would
wait in the feed until then, and come once more; and what is written now would stand
before them in the history. So those rows get numbers below all others, in their order.
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
    """Renumber the tables whose rows are of another server, and return their names."""
    return tuple([table for table in TABLES if await _renumber(connection, table)])


async def _renumber(connection: asyncpg.Connection, table: str) -> bool:
    if not await connection.fetchval(_IS_AHEAD % table):
        return False
    async with connection.transaction():
        # Nobody writes meanwhile; and another process may just have done the same.
        await connection.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        if not await connection.fetchval(_IS_AHEAD % table):
            return False
        await connection.execute(_RENUMBER % (table, table))
    return True
