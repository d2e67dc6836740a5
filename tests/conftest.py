"""What the tests stand on: a real PostgreSQL, and the real server on a real socket.

One PostgreSQL serves the whole session and all of its parallel workers: that of
TEST_DATABASE_URL, else an embedded one in a temporary folder. Each worker has a
migrated database of its own; a test that writes leaves its tables empty.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx2
import hypothesis  # noqa: F401  # imported late by its plugin, it trips over a fault of CPython 3.11
import pytest
import uvicorn

from app.application import application
from app.config.settings import Settings
from app.database.migrations import migrate
from app.processes.uvicorn_server import uvicorn_config
from engine.database.client import RESET_STATEMENT
from engine.database.queries import default_client

TABLES = "tickets, log_entries, ops_deliveries, ticket_events, idempotency_keys, api_tokens"
UNCOUNTED = {"BEGIN", "COMMIT", "ROLLBACK", "NOTIFY"}
GraphQL: TypeAlias = Callable[..., Awaitable[dict[str, Any]]]
NewDatabase: TypeAlias = Callable[[], Awaitable[str]]


def pytest_configure(config: pytest.Config) -> None:
    """Start PostgreSQL in the first process; parallel workers find it in their environment."""
    if hasattr(config, "workerinput") or os.environ.get("TEST_DATABASE_URL"):
        return
    from app.database.embedded import VOLATILE, EmbeddedPostgres  # noqa: PLC0415  # only where it is wanted

    folder = tempfile.TemporaryDirectory(prefix="ticketops-tests-")
    server = EmbeddedPostgres(Path(folder.name), options=VOLATILE)
    os.environ["TEST_DATABASE_URL"] = server.start()

    def stop() -> None:
        server.stop()
        folder.cleanup()

    config.add_cleanup(stop)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests have recorded (record_property), wherever they ran."""
    for report in terminalreporter.stats.get("passed", ()):
        for name, value in report.user_properties:
            if name == "figure":
                terminalreporter.write_line(value)


async def _run(statement: str) -> None:
    connection = await asyncpg.connect(os.environ["TEST_DATABASE_URL"])
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def empty_database() -> AsyncIterator[str]:
    """Make a database without tables, and drop it at the end."""
    name = f"t_{uuid4().hex}"
    await _run(f"CREATE DATABASE {name}")
    server = urlsplit(os.environ["TEST_DATABASE_URL"])
    try:
        yield server._replace(path=f"/{name}").geturl()
    finally:
        await _run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def empty_database_url() -> AsyncIterator[str]:
    """Make a database without tables, and return its URL."""
    async with empty_database() as url:
        yield url


@pytest.fixture(scope="session")
async def database_url() -> AsyncIterator[str]:
    """Make the worker's database, migrated, and return its URL."""
    async with empty_database() as url:
        await migrate(url)
        yield url


@pytest.fixture(scope="session")
def settings() -> Callable[..., Settings]:
    """Make settings, all default but for those given."""

    def make(**given: str) -> Settings:
        environ = {
            "OPS_SIM_LATENCY_MS": "0",
            # Nothing happens in a test but what it does.
            "DELIVERY_WORKER": "false",
            "LOG_LEVEL": "warning",
            "GRAPHQL_SHORTCUTS": os.environ.get("GRAPHQL_SHORTCUTS", "true"),
        } | given
        return Settings.load(environ, dotenv=None)

    return make


@asynccontextmanager
async def serving(settings: Settings, database_url: str) -> AsyncIterator[str]:
    """Serve the application on a socket of this process, and yield its URL."""
    config = uvicorn_config(partial(application, settings, database_url=database_url), settings)
    config.host, config.port = "127.0.0.1", 0
    # A client that does not hang up must not hold up all that comes after.
    config.timeout_graceful_shutdown = 5
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done(), serving.result()
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


@pytest.fixture(scope="session")
async def _server(settings: Callable[..., Settings], database_url: str) -> AsyncIterator[str]:
    async with serving(settings(), database_url) as url:
        yield url


@pytest.fixture
async def server(_server: str) -> AsyncIterator[str]:
    """Serve with the default settings and empty tables, and return the URL.

    The server runs in this process, and so its database is that of the models here.
    """
    # Before, for servers of other tests share the database, and leave rows in it.
    await _empty_tables()
    yield _server
    await _empty_tables()


async def _empty_tables() -> None:
    # A TRUNCATE takes five times as long for the few rows of a test.
    await default_client().execute_script(
        "; ".join(f"DELETE FROM {table}" for table in TABLES.split(", "))
    )


@pytest.fixture
def database(server: str) -> None:
    """Connect the models to the worker's database, whose tables are empty."""


@pytest.fixture(scope="session")
async def _http(_server: str) -> AsyncIterator[httpx2.AsyncClient]:
    # One for all tests: making a client reads all certificates of the system.
    async with httpx2.AsyncClient(base_url=_server, timeout=30) as client:
        yield client


@pytest.fixture
def http(_http: httpx2.AsyncClient, server: str) -> httpx2.AsyncClient:  # noqa: ARG001  # empties the tables
    """Return a client of the server."""
    return _http


@pytest.fixture
def graphql(http: httpx2.AsyncClient) -> GraphQL:
    """Run an operation and return its answer."""

    async def run(document: str, **variables: Any) -> dict[str, Any]:
        response = await http.post("/graphql", json={"query": document, "variables": variables})
        answer: dict[str, Any] = response.json()
        return answer

    return run


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the SQL statements that run from here on.

    Left out are the ends of transactions and of what was cancelled, and the bell that
    rings beside all work.
    """
    seen: list[str] = []

    def watched(name: str) -> None:
        original = getattr(asyncpg.Connection, name)

        async def run(self: asyncpg.Connection, query: str, *args: Any, **options: Any) -> Any:
            if query != RESET_STATEMENT and query.split(maxsplit=1)[0].rstrip(";") not in UNCOUNTED:
                seen.append(query)
            return await original(self, query, *args, **options)

        monkeypatch.setattr(asyncpg.Connection, name, run)

    for name in ("fetch", "fetchrow", "fetchval", "execute", "executemany"):
        watched(name)
    return seen
