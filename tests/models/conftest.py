from collections.abc import AsyncIterator

import asyncpg
import pytest
from tortoise.context import TortoiseContext

from app.database.tortoise import tortoise_config
from tests.conftest import TABLES


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the migrated database, with empty tables inside one transaction."""
    connection = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"TRUNCATE {TABLES}")
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest.fixture
async def models_context(database_url: str) -> AsyncIterator[TortoiseContext]:
    """Create a Tortoise context; the test enters it."""
    context = TortoiseContext()
    with context:
        await context.init(config=tortoise_config(database_url, pool_size=10))
    yield context
    await context.close_connections()
