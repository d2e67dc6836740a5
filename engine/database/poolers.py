"""Detection of a connection pooler such as PgBouncer between this process and PostgreSQL."""

from engine.database.connecting import connect

__all__ = ["dsn_uses_pooler"]


async def dsn_uses_pooler(dsn: str) -> bool:
    """Connect to a DSN and return whether the connection goes through a pooler."""
    session = await connect(dsn)
    try:
        return session.state.has_pooler
    finally:
        await session.close()
