"""A separate server with a ticket, and a check that a test changes no row."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from app.database.migrations import migrate
from tests.app.http.serving import Served, served
from tests.app.readiness import readiness
from tests.app.rest.rest_client import create
from tests.conftest import TABLES, empty_database

# Errors that the websockets library logs: for a text that is not UTF-8 (it closes with 1007),
# and for a close frame in the same packet as other frames (it disconnects).
UVICORNS = "websockets_sansio_impl.py"
TABLE_NAMES = TABLES.split(", ")


@pytest.fixture(scope="session")
async def proof_database_url() -> AsyncIterator[str]:
    """Create a separate database, and return its URL."""
    async with empty_database() as url:
        await migrate(url)
        yield url


@pytest.fixture(scope="session")
def attacked(proof_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run a server with the default settings, and check at the end that it logged no errors."""
    log_file = tmp_path_factory.mktemp("log") / "attacked.log"
    with served(log_file, proof_database_url) as running:
        create(running.http)
        yield running
        faults = [event for event in running.log() if event["level"] == "error"]
        assert [event for event in faults if UVICORNS not in event.get("exception", "")] == []


async def contents(database_url: str) -> dict[str, list[str]]:
    """Return all rows of all tables."""
    connection = await asyncpg.connect(database_url)
    try:
        return {
            table: [
                row[0]
                for row in await connection.fetch(f"SELECT t::text FROM {table} t ORDER BY 1")
            ]
            for table in TABLE_NAMES
        }
    finally:
        await connection.close()


@pytest.fixture
async def unchanged(attacked: Served, proof_database_url: str) -> AsyncIterator[None]:
    """Check that a test changes no row, and leaves the server ready."""
    before = await contents(proof_database_url)
    yield
    assert await contents(proof_database_url) == before
    assert readiness(attacked.http.get("/readyz")) == {"status": "ready"}
