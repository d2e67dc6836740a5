"""States of the database that pass: the service says so, and recovers by itself."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest

from app.database.embedded import EmbeddedPostgres
from app.database.migrations import EXPECTED_VERSION, migrate
from tests.app.database.standby import standby_of
from tests.app.http.serving import Served, served
from tests.app.readiness import facts_of, readiness
from tests.engine.pools import own_postgres
from tests.feed.readers import connected

TICKET = {
    "subject": "S",
    "description": "D",
    "customer_name": "N",
    "customer_email": "n@example.com",
}
END_SESSIONS = """
    SELECT pg_terminate_backend(pid)
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
SETTINGS = {"DELIVERY_WORKER": "true", "LOG_LEVEL": "info"}
# How long to wait for what must happen.
WAIT_S = 60


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    """Run a migrated PostgreSQL of its own, whose role owns the database."""
    with own_postgres() as postgres:
        asyncio.run(migrate(postgres.url))
        yield postgres


@pytest.fixture
async def owner(postgres: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    """Connect as the owner of the database; afterwards all is as before."""
    async with connected(postgres.url) as connection:
        yield connection
        await connection.execute("ALTER DATABASE ticketops RESET ALL")
        await connection.execute("ALTER DATABASE ticketops CONNECTION LIMIT -1")


@pytest.fixture
def server(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[Served]:
    """Run a server that also delivers to OPS."""
    with served(tmp_path / "log", postgres.url, **SETTINGS) as server:
        yield server


def until(expected: int, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
    """Repeat a request until its response has this status."""
    deadline = time.monotonic() + WAIT_S
    while (response := ask()).status_code != expected:
        assert response.status_code in {200, 201, 503}, response.text
        assert time.monotonic() < deadline, response.text
        time.sleep(0.05)
    return response


def create(server: Served) -> httpx2.Response:
    return server.http.post("/tickets", json=TICKET)


def readyz(server: Served) -> httpx2.Response:
    return server.http.get("/readyz")


def wait_for_readyz(server: Served, expected: dict[str, str]) -> None:
    """Repeat the check until it has this answer: ended sessions are noticed one by one."""
    deadline = time.monotonic() + WAIT_S
    while (answer := readiness(readyz(server))) != expected:
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)


def lines(server: Served, *words: str) -> list[dict[str, Any]]:
    """Return the lines of the log whose message contains one of these words."""
    return [line for line in server.log() if any(word in line["message"] for word in words)]


def is_unavailable(response: httpx2.Response) -> bool:
    return (
        response.status_code == 503
        and response.json()["code"] == "SERVICE_UNAVAILABLE"
        and int(response.headers["Retry-After"]) >= 1
    )


async def test_a_read_only_database_is_503_for_changes_until_it_is_not(
    owner: asyncpg.Connection, server: Served
) -> None:
    ticket = create(server).json()
    await owner.execute("ALTER DATABASE ticketops SET default_transaction_read_only = on")
    await owner.execute(END_SESSIONS)
    until(503, lambda: readyz(server))
    until(200, lambda: server.http.get(f"/tickets/{ticket['id']}"))
    assert is_unavailable(create(server))
    change = server.http.put(f"/tickets/{ticket['id']}", json={"subject": "T"})
    assert is_unavailable(change)
    assert "read-only" in change.json()["detail"]
    mutation = 'mutation { deleteTicket(input: {id: "x"}) { deletedId } }'
    answer = server.http.post("/graphql", json={"query": mutation})
    assert answer.status_code in {200, 503}
    wait_for_readyz(
        server,
        {
            "status": "not ready",
            "missing": "writable database",
            "reason": "default_transaction_read_only is on.",
        },
    )
    assert readyz(server).headers["Retry-After"]

    await owner.execute("ALTER DATABASE ticketops RESET default_transaction_read_only")
    # The sessions that cannot write are replaced without being terminated.
    until(201, lambda: create(server))
    until(200, lambda: readyz(server))
    server.wait_for_text("database accepts changes again")
    assert len(lines(server, "database is read-only")) == 1
    assert len(lines(server, "database accepts changes again")) == 1
    assert "Traceback" not in server.log_text()


# By what the database then refuses: what causes it, what ends it, and the SQLSTATE.
REFUSALS = {
    "role without LOGIN": ("ALTER ROLE {role} NOLOGIN", "ALTER ROLE {role} LOGIN", "28000"),
    "renamed": (
        "ALTER DATABASE {database} RENAME TO {database}_away",
        "ALTER DATABASE {database}_away RENAME TO {database}",
        "3D000",
    ),
    "no connections": (
        "ALTER DATABASE {database} ALLOW_CONNECTIONS false",
        "ALTER DATABASE {database} ALLOW_CONNECTIONS true",
        "55000",
    ),
    "no privilege": (
        "REVOKE CONNECT ON DATABASE {database} FROM {role}, PUBLIC",
        "GRANT CONNECT ON DATABASE {database} TO {role}",
        "42501",
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_database_that_refuses_sessions_is_503_until_it_does_not(
    empty_database_url: str, tmp_path: Path, refusal: str
) -> None:
    await migrate(empty_database_url)
    database = urlsplit(empty_database_url).path[1:]
    names = {"database": database, "role": f"r{database}"}
    begin, end, sqlstate = (text.format(**names) for text in REFUSALS[refusal])
    async with connected(os.environ["TEST_DATABASE_URL"]) as administrator:
        # Not that of the tests, a superuser, who may always connect.
        await administrator.execute(f"CREATE ROLE {names['role']} LOGIN PASSWORD '{names['role']}'")
        try:
            async with connected(empty_database_url) as owner:
                for kind in ("TABLES", "SEQUENCES", "ROUTINES"):
                    await owner.execute(
                        f"GRANT ALL ON ALL {kind} IN SCHEMA public TO {names['role']}"
                    )
            parts = urlsplit(empty_database_url)
            host = parts.netloc.rpartition("@")[2]
            url = parts._replace(netloc=f"{names['role']}:{names['role']}@{host}").geturl()
            with served(tmp_path / "log", url, **SETTINGS) as server:
                assert create(server).status_code == 201
                while True:
                    await administrator.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
                        database,
                    )
                    with suppress(asyncpg.ObjectInUseError):
                        await administrator.execute(begin)
                        break
                async with asyncio.timeout(WAIT_S):
                    # A session that was admitted just before is listed only later.
                    while True:
                        await administrator.execute(
                            "SELECT pg_terminate_backend(pid)"
                            " FROM pg_stat_activity WHERE datname = $1",
                            database,
                        )
                        until(503, lambda: readyz(server))
                        responses = [create(server) for _ in range(5)]
                        if all(map(is_unavailable, responses)):
                            break
                        assert {response.status_code for response in responses} <= {201, 503}
                wait_for_readyz(
                    server,
                    {
                        "status": "not ready",
                        "missing": "database",
                        "reason": f"PostgreSQL reports SQLSTATE {sqlstate}.",
                    },
                )
                await administrator.execute(end)
                until(201, lambda: create(server))
                # An attempt to connect that began before can still fail.
                until(200, lambda: readyz(server))
                # An outage ends with the first success after a second without an error.
                deadline = time.monotonic() + WAIT_S
                while not lines(server, "database available again"):
                    assert time.monotonic() < deadline
                    assert readyz(server).status_code == 200
                assert "Traceback" not in server.log_text()
                reasons = [
                    line["sqlstate"]
                    for line in lines(server, "database unavailable")
                    if "sqlstate" in line
                ]
                assert reasons.count(sqlstate) == 1
        finally:
            async with connected(empty_database_url) as owner:
                await owner.execute(f"DROP OWNED BY {names['role']}")
            await administrator.execute(f"DROP ROLE {names['role']}")


async def test_a_small_database_serves_many_requests_with_few_connections(
    owner: asyncpg.Connection, server: Served
) -> None:
    # Of the owner, for notifications, and three for requests and deliveries.
    await owner.execute("ALTER DATABASE ticketops CONNECTION LIMIT 5")
    await owner.execute(END_SESSIONS)
    until(201, lambda: create(server))
    async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
        made = await asyncio.gather(*(http.post("/tickets", json=TICKET) for _ in range(80)))
        assert {response.status_code for response in made} == {201}
        sent = await asyncio.gather(
            *(http.post(f"/api/ops/{response.json()['id']}") for response in made)
        )
        assert {response.status_code for response in sent} <= {200, 202}
        assert (await http.get("/readyz")).status_code == 200
    assert len(lines(server, "fewer database connections")) == 1
    assert "Traceback" not in server.log_text()


def test_a_standby_is_served_for_reads_until_it_is_promoted(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    with (
        standby_of(postgres) as standby,
        served(tmp_path / "log", standby.url, **SETTINGS) as server,
    ):
        wait_for_readyz(
            server,
            {
                "status": "not ready",
                "missing": "writable database",
                "reason": "The server is a standby.",
            },
        )
        facts = facts_of(readyz(server))
        assert facts["database"]["role"] == "standby"
        # Of a time without changes, or null if it has replayed none since its start.
        assert (facts["database"]["lag_s"] or 0) >= 0
        assert server.http.get("/tickets").status_code == 200
        assert all(is_unavailable(create(server)) for _ in range(3))
        # Perhaps the standby has not replayed it yet.
        assert is_unavailable(server.http.post("/api/ops/missing"))
        for mutation in (
            'sendToOps(input: {ticketId: "missing"}) { errors { code } }',
            'retryDelivery(input: {deliveryId: "missing"}) { errors { code } }',
            'cancelDelivery(input: {deliveryId: "missing"}) { errors { code } }',
            'updateTicket(input: {id: "missing", subject: "T"}) { errors { code } }',
            'deleteTicket(input: {id: "missing"}) { errors { code } }',
        ):
            answer = server.http.post("/graphql", json={"query": f"mutation {{ {mutation} }}"})
            [error] = answer.json()["errors"]
            assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE", mutation
        standby.promote()
        until(201, lambda: create(server))
        facts = facts_of(until(200, lambda: readyz(server)))
        assert facts["database"] == {"role": "primary", "schema": EXPECTED_VERSION}
        server.wait_for_text("database accepts changes again")
        assert len(lines(server, "database is read-only")) == 1
        assert len(lines(server, "database accepts changes again")) == 1
        assert "Traceback" not in server.log_text()


async def test_readiness_says_that_no_host_accepts_changes(
    owner: asyncpg.Connection, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    folder = postgres.cluster
    url = f"postgresql://ticketops@/ticketops?host={folder},{folder / 'none'}"
    with served(tmp_path / "log", url, **SETTINGS) as server:
        assert create(server).status_code == 201
        await owner.execute("ALTER DATABASE ticketops SET default_transaction_read_only = on")
        await owner.execute(END_SESSIONS)
        wait_for_readyz(
            server,
            {
                "status": "not ready",
                "missing": "writable database",
                "reason": "The sessions of all hosts that respond are read-only.",
            },
        )
        assert is_unavailable(until(503, lambda: server.http.get("/tickets")))
        await owner.execute("ALTER DATABASE ticketops RESET default_transaction_read_only")
        until(201, lambda: create(server))
        until(200, lambda: readyz(server))
        assert "Traceback" not in server.log_text()


def test_a_failover_to_another_host_is_followed(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """Of two hosts the one that accepts changes is used, as libpq does it."""
    with standby_of(postgres) as standby:
        hosts = f"{postgres.cluster},{standby.folder}"
        url = f"postgresql://ticketops@/ticketops?host={hosts}&target_session_attrs=read-write"
        reversed_url = f"postgresql://ticketops@/ticketops?host={standby.folder},{postgres.cluster}"
        with (
            served(tmp_path / "log", url, **SETTINGS) as server,
            served(tmp_path / "reversed", reversed_url, **SETTINGS) as other,
        ):
            for each in (server, other):
                assert create(each).status_code == 201
                assert readyz(each).status_code == 200
            postgres.stop()
            try:
                for each in (server, other):
                    assert is_unavailable(until(503, lambda each=each: create(each)))  # type: ignore[misc]
                standby.promote()
                for each in (server, other):
                    until(201, lambda each=each: create(each))  # type: ignore[misc]
                    until(200, lambda each=each: readyz(each))  # type: ignore[misc]
                    assert "Traceback" not in each.log_text()
            finally:
                postgres.start()
