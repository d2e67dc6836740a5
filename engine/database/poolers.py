"""Detection of a connection pooler such as PgBouncer between this process and PostgreSQL."""

from engine.database.connecting import DEFAULT_TIMEOUT_S, connect

__all__ = ["dsn_uses_pooler"]


async def dsn_uses_pooler(dsn: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> bool:
    """Connect to a DSN and return whether the connection goes through a pooler."""
    session = await connect(dsn, timeout_s=timeout_s)
    try:
        return session.state.has_pooler
    finally:
        await session.close()
