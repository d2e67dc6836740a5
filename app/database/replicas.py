"""The replicas of DATABASE_REPLICA_URL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from app.config.settings import Settings
from app.database.applied import EXPECTED_VERSION, MigrationRefused
from app.database.compatibility import schema_state
from engine.database.caller_positions import CallerPositions
from engine.database.replicas import Replicas, running_replicas

__all__ = ["replicas_of"]


@asynccontextmanager
async def replicas_of(
    settings: Settings, *, statement_timeout_ms: int, folder: Path | None
) -> AsyncIterator[Replicas | None]:
    """Watch the replicas inside the block, while the database is connected; None without any.

    The processes of a server share the positions of their callers in a folder; one needs none.
    """
    if not settings.database_replica_url:
        yield None
        return
    callers = CallerPositions(folder, processes=settings.workers)
    async with running_replicas(
        settings.database_replica_url,
        callers,
        wait_s=settings.database_replica_wait_ms / 1000,
        max_lag_s=settings.database_replica_max_lag_ms / 1000,
        pool_size=settings.database_pool_size,
        statement_timeout_ms=statement_timeout_ms,
        check_schema=_why_schema_is_unfit,
    ) as replicas:
        with callers:
            yield replicas


async def _why_schema_is_unfit(connection: asyncpg.Connection) -> str | None:
    try:
        state = await schema_state(connection)
    except MigrationRefused as error:
        return str(error)
    if state.is_migrated:
        return None
    return f"It has not replayed the migration {EXPECTED_VERSION} yet."
