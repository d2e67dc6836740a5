"""Settings of the database or the role that reach every session of the service.

The service gives the same answers whatever the owner of the database has set.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import httpx2
import pytest

from app.database.migrations import migrate
from engine.database.fixed_settings import FIXED_SETTINGS
from tests.app.database.hostile_settings import hostile_values, use_core
from tests.app.http.serving import Served, served
from tests.app.service import ticketops
from tests.conftest import empty_database
from tests.feed.readers import connected

CLIENTS = 8
CHANGES = 60
TERMINATE = """
    SELECT pg_terminate_backend(pid)
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
async def owner(empty_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect to a migrated database as its owner."""
    await migrate(empty_database_url)
    async with connected(empty_database_url) as connection:
        yield connection


@pytest.fixture
async def http(
    owner: asyncpg.Connection,  # noqa: ARG001  # it migrates the database
    empty_database_url: str,
    tmp_path: Path,
) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of a server on that database."""
    with served(tmp_path / "log", empty_database_url) as server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=30) as client:
            yield client


async def change(owner: asyncpg.Connection, values: Mapping[str, str]) -> None:
    """Give all sessions these settings and no others, and end those that have the former ones."""
    database = await owner.fetchval("SELECT current_database()")
    role = await owner.fetchval("SELECT current_user")
    await owner.execute(f"ALTER DATABASE {database} RESET ALL")
    await owner.execute(f"ALTER ROLE {role} IN DATABASE {database} RESET ALL")
    for index, (name, value) in enumerate(values.items()):
        # Those of a role take precedence over those of a database.
        target = f"ROLE {role} IN DATABASE {database}" if index % 2 else f"DATABASE {database}"
        await owner.execute(f"ALTER {target} SET {name} = '{value}'")
    await owner.execute(TERMINATE)


async def until_connected(http: httpx2.AsyncClient) -> None:
    """Wait until the server has replaced the sessions that were ended."""
    async with asyncio.timeout(20):
        for _ in range(3):
            while (await http.get("/tickets/none")).status_code != 404:  # noqa: ASYNC110  # polled
                await asyncio.sleep(0.01)


async def test_the_answers_do_not_depend_on_the_settings_of_the_database(
    owner: asyncpg.Connection, http: httpx2.AsyncClient
) -> None:
    expected = await use_core(http)
    assert {status for status, _ in expected} == {200, 201, 204, 404, 422}
    values = await hostile_values(owner)
    fixed = {name: values.pop(name) for name in list(values) if name.lower() in FIXED_SETTINGS}
    assert len(fixed) >= len(FIXED_SETTINGS) - 2
    trials = [{name: value} for name, listed in fixed.items() for value in listed]
    # The others are harmless, also together: all with their first value, then with their second...
    trials += [
        {name: listed[index] for name, listed in values.items() if len(listed) > index}
        for index in range(max(map(len, values.values())))
    ]
    for trial in trials:
        await change(owner, trial)
        await until_connected(http)
        assert await use_core(http) == expected, trial


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_concurrent_changes_succeed_at_any_isolation_level_of_the_database(
    owner: asyncpg.Connection, empty_database_url: str, tmp_path: Path, isolation: str
) -> None:
    """Two servers, whose requests do not take turns in one process."""
    await change(owner, {"default_transaction_isolation": isolation})
    async with AsyncExitStack() as opened:
        servers: list[Served] = [
            opened.enter_context(served(tmp_path / f"log-{number}", empty_database_url))
            for number in range(2)
        ]
        clients = [
            await opened.enter_async_context(httpx2.AsyncClient(base_url=server.url, timeout=30))
            for server in servers
        ]
        ticket = {
            "id": "T-1",
            "subject": "S",
            "description": "D",
            "customer_name": "N",
            "customer_email": "n@example.com",
        }
        assert (await clients[0].post("/tickets", json=ticket)).status_code == 201
        limit = asyncio.Semaphore(CLIENTS)

        async def put(number: int) -> int:
            async with limit:
                body = {"assigned_to": f"team {number}"}
                return (await clients[number % 2].put("/tickets/T-1", json=body)).status_code

        statuses = await asyncio.gather(*(put(number) for number in range(CHANGES)))
        assert set(statuses) == {200}
        assert (await clients[0].get("/tickets/T-1")).json()["version"] == CHANGES + 1


async def test_the_start_names_a_setting_that_the_service_cannot_change(
    owner: asyncpg.Connection, empty_database_url: str, tmp_path: Path
) -> None:
    await change(owner, {"session_replication_role": "replica"})
    done = await asyncio.to_thread(
        ticketops, "serve", cwd=tmp_path, DATABASE_URL=empty_database_url, PORT="0"
    )
    assert done.returncode == 2
    assert "session_replication_role = replica" in done.stderr
    assert "SET session_replication_role = 'origin'" in done.stderr
    assert "Traceback" not in done.stderr


async def test_migrations_ignore_the_timeouts_of_the_database() -> None:
    async with empty_database() as url, connected(url) as owner:
        timeouts = dict.fromkeys(
            ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"), "1"
        )
        await change(owner, timeouts | {"default_transaction_isolation": "serializable"})
        report = await migrate(url)
        assert report.applied
