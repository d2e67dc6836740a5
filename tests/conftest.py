"""Fixtures of all tests: a real PostgreSQL, and the real server on a real socket.

All parallel workers share one PostgreSQL: that of TEST_DATABASE_URL, or an embedded one in a
temporary folder. Each worker has its own migrated database, whose tables are emptied before and
after each test that uses the server.
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
import hypothesis  # noqa: F401  # a late import by its plugin hits a bug of CPython 3.11
import pytest
import uvicorn
from tortoise.models import Model

import models
from app.application import application
from app.config.log_line_limit import UNAUTHENTICATED_LINES
from app.config.settings import Settings
from app.database.migrations import migrate
from app.processes.uvicorn_server import uvicorn_config
from engine.database.opening import RESET_STATEMENT
from engine.database.queries import default_client
from resolvers.idempotency import DELETE_EXPIRED_KEYS
from tests.superuser import superuser_options, superuser_url

# In the reverse order of the names of their models, which puts the rows that belong to a ticket
# before the tickets.
TABLES = ", ".join(
    model._meta.db_table
    for _, model in sorted(vars(models).items(), reverse=True)
    if isinstance(model, type) and issubclass(model, Model)
)
UNCOUNTED = {"SET", "BEGIN", "COMMIT", "ROLLBACK", "NOTIFY"}
GraphQL: TypeAlias = Callable[..., Awaitable[dict[str, Any]]]
NewDatabase: TypeAlias = Callable[[], Awaitable[str]]


def pytest_configure(config: pytest.Config) -> None:
    """Start PostgreSQL in the first process; parallel workers find it in their environment."""
    if hasattr(config, "workerinput") or os.environ.get("TEST_DATABASE_URL"):
        return
    from app.database.embedded import VOLATILE, EmbeddedPostgres  # noqa: PLC0415  # only if it is needed

    folder = tempfile.TemporaryDirectory(prefix="ticketops-tests-")
    options = VOLATILE | superuser_options(Path(folder.name))
    server = EmbeddedPostgres(Path(folder.name), options=options)
    os.environ["TEST_DATABASE_URL"] = superuser_url(server.start())

    def stop() -> None:
        server.stop()
        folder.cleanup()

    config.add_cleanup(stop)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests of all workers have recorded with record_property."""
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
async def empty_database(options: str = "") -> AsyncIterator[str]:
    """Create a database without tables, and drop it at the end."""
    name = f"t_{uuid4().hex}"
    await _run(f"CREATE DATABASE {name} {options}")
    server = urlsplit(os.environ["TEST_DATABASE_URL"])
    try:
        yield server._replace(path=f"/{name}").geturl()
    finally:
        await _run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def empty_database_url() -> AsyncIterator[str]:
    """Create a database without tables, and return its URL."""
    async with empty_database() as url:
        yield url


@pytest.fixture(scope="session")
async def database_url() -> AsyncIterator[str]:
    """Create and migrate the worker's database, and return its URL."""
    async with empty_database() as url:
        await migrate(url)
        yield url


@pytest.fixture(scope="session")
def settings() -> Callable[..., Settings]:
    """Return a function that makes settings, with defaults for those not given."""

    def make(**given: str) -> Settings:
        environ = {
            "OPS_SIM_LATENCY_MS": "0",
            # Tests control when deliveries are attempted.
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
    # A client that does not disconnect must not delay the following tests.
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


@pytest.fixture(autouse=True)
def _new_log_period() -> None:
    """Let each test cause as many log lines without a credential as a period has."""
    UNAUTHENTICATED_LINES.end_period()


@pytest.fixture
async def server(_server: str) -> AsyncIterator[str]:
    """Serve with the default settings and empty tables, and return the URL.

    The server runs in this process, so that the models of the tests use its database.
    """
    # Before the test too, because servers of other tests leave rows in this database.
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
    # One client for all tests, because creating one reads all certificates of the system.
    async with httpx2.AsyncClient(base_url=_server, timeout=30) as client:
        yield client


@pytest.fixture
def http(_http: httpx2.AsyncClient, server: str) -> httpx2.AsyncClient:  # noqa: ARG001  # it empties the tables
    """Return an HTTP client of the server."""
    return _http


@pytest.fixture
def graphql(http: httpx2.AsyncClient) -> GraphQL:
    """Return a function that runs an operation and returns its response."""

    async def run(document: str, **variables: Any) -> dict[str, Any]:
        response = await http.post("/graphql", json={"query": document, "variables": variables})
        answer: dict[str, Any] = response.json()
        return answer

    return run


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the SQL statements executed during the test.

    Notifications and statements that begin, end or reset a transaction are not recorded, nor those
    of the background.
    """
    recorded: list[str] = []

    def record_calls(name: str) -> None:
        original = getattr(asyncpg.Connection, name)

        async def run(self: asyncpg.Connection, query: str, *args: Any, **options: Any) -> Any:
            is_uncounted = query.split(maxsplit=1)[0].rstrip(";") in UNCOUNTED
            if query not in {RESET_STATEMENT, DELETE_EXPIRED_KEYS} and not is_uncounted:
                recorded.append(query)
            return await original(self, query, *args, **options)

        monkeypatch.setattr(asyncpg.Connection, name, run)

    for name in ("fetch", "fetchrow", "fetchval", "execute", "executemany"):
        record_calls(name)
    return recorded
