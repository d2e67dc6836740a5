"""Contents of databases, to compare them, and data to fill them with."""

import asyncpg

from app.database.migrations import migrate
from app.seed import seed
from tests.feed.readers import connected

__all__ = ["contents", "filled"]

_TABLES = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind = 'r' AND relnamespace = quote_ident(current_schema())::regnamespace
-- A restore on a server with lower transaction numbers records that it excludes older programs.
AND relname <> 'schema_compatibility'
ORDER BY 1
"""
_SEQUENCES = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind = 'S' AND relnamespace = quote_ident(current_schema())::regnamespace
ORDER BY 1
"""


async def contents(url: str) -> dict[str, list[str]]:
    """Return the rows of each table as text, and the last value of each sequence."""
    async with connected(url) as connection:
        # As in the sessions of the service, whatever the defaults of the server are.
        await connection.execute("SET TimeZone = 'UTC'; SET DateStyle = 'ISO'")
        found = {}
        for table in await _names(connection, _TABLES):
            rows = await connection.fetch(f"SELECT t::text AS row FROM {table} AS t ORDER BY 1")
            found[table] = [row["row"] for row in rows]
        for sequence in await _names(connection, _SEQUENCES):
            found[sequence] = [str(await connection.fetchval(f"SELECT last_value FROM {sequence}"))]
        return found


async def _names(connection: asyncpg.Connection, statement: str) -> list[str]:
    return [row["oid"] for row in await connection.fetch(statement)]


async def filled(url: str) -> None:
    """Migrate a database, and fill it with tickets and what belongs to them."""
    await migrate(url)
    await seed(url, tickets=40, seed=1, progress=lambda _done, _total: None)
