"""Helpers for tests of the pool."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from tortoise import BaseDBAsyncClient

from app.database.embedded import VOLATILE, EmbeddedPostgres
from engine.database.pool import Pool, open_pools
from engine.database.queries import default_client
from models import Ticket
from tests.app.conftest import new_data_dir


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
    async with asyncio.timeout(20):
        while pool.available < pool.max_size:  # noqa: ASYNC110  # they are released in the background
            await asyncio.sleep(0.001)


async def states(pool: Pool) -> set[str]:
    """Return the states of the connections in PostgreSQL, after all have been returned."""
    await all_returned(pool)
    observer = await asyncpg.connect(default_client().dsn)  # type: ignore[attr-defined]  # our client has it
    try:
        rows = await observer.fetch("""
            SELECT state
            FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
        """)
    finally:
        await observer.close()
    return {row["state"] for row in rows}


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
