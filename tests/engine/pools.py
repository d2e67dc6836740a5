"""Helpers for tests of the pool."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import pytest
from tortoise import BaseDBAsyncClient

from app.database.embedded import VOLATILE, EmbeddedPostgres
from engine.database.pool import Pool, open_pools
from engine.database.queries import default_client
from models import Ticket
from tests.app.conftest import new_data_dir

_NOT_IDLE = """
SELECT state, query
FROM pg_stat_activity
WHERE datname = current_database()
    AND backend_type = 'client backend'
    AND pid <> pg_backend_pid()
    AND state <> 'idle'
"""


async def create_ticket(connection: BaseDBAsyncClient | None = None) -> None:
    """Create a ticket with the id ``a``."""
    await Ticket.create(
        id="a",
        subject="S",
        description="D",
        customer_name="N",
        customer_email="n@example.com",
        using_db=connection,
    )


@contextmanager
def only_pools(*pools: Pool) -> Iterator[None]:
    """Have these open pools and no others."""
    others = open_pools[:]
    open_pools[:] = pools
    try:
        yield
    finally:
        open_pools[:] = others


async def all_returned(pool: Pool) -> None:
    """Wait until all connections have been returned to the pool."""
    async with asyncio.timeout(60):
        while pool.available < pool.max_size:  # noqa: ASYNC110  # they are released in the background
            await asyncio.sleep(0.001)


async def all_idle(pool: Pool) -> None:
    """Wait until all connections are returned, and idle in PostgreSQL."""
    await all_returned(pool)
    rows: list[asyncpg.Record] = []
    observer = await asyncpg.connect(default_client().dsn)  # type: ignore[attr-defined]  # our client has it
    try:
        async with asyncio.timeout(60):
            # A connection of another part of the process, such as that for notifications, can be
            # active for a moment.
            while rows := await observer.fetch(_NOT_IDLE):  # noqa: ASYNC110  # only visible from outside
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"these are not idle: {rows}")
    finally:
        await observer.close()


@contextmanager
def own_postgres() -> Iterator[EmbeddedPostgres]:
    """Run a separate PostgreSQL, which the test can freeze."""
    with new_data_dir() as folder:
        postgres = EmbeddedPostgres(folder, options=VOLATILE)
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()
