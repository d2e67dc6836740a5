"""Detection of a connection pooler such as PgBouncer between this process and PostgreSQL."""

import asyncpg

__all__ = ["dsn_uses_pooler", "uses_pooler"]


async def dsn_uses_pooler(dsn: str) -> bool:
    """Connect to a DSN and return whether the connection goes through a pooler."""
    connection = await asyncpg.connect(dsn, statement_cache_size=0)
    try:
        return await uses_pooler(connection)
    finally:
        await connection.close()


async def uses_pooler(connection: asyncpg.Connection) -> bool:
    """Return whether a connection goes through a pooler.

    A pooler reports a process id of its own at connect, which is not the backend's.
    """
    backend_pid: int = await connection.fetchval("SELECT pg_backend_pid()")
    return backend_pid != connection.get_server_pid()
