"""A database for the tests of deliveries, open in every task of this process."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from app.database import database
from app.migrations import migrate


@pytest.fixture(scope="session")
def ops_database_url() -> Iterator[str]:
    """Make a migrated database, and drop it at the end."""
    server = os.environ["TEST_DATABASE_URL"]
    name = f"t_{uuid4().hex[:12]}"

    async def run(statement: str) -> None:
        connection = await asyncpg.connect(server)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run(f"CREATE DATABASE {name}"))
    url = urlsplit(server)._replace(path="/" + name).geturl()
    asyncio.run(migrate(url))
    yield url
    asyncio.run(run(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest_asyncio.fixture(scope="session")
async def ops_database(ops_database_url: str) -> AsyncIterator[str]:
    """Open the database for the models."""
    async with database(ops_database_url):
        yield ops_database_url
