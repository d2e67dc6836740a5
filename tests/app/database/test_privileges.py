"""Serving and delivering with the privileges of docs/how-to/postgresql.md, and no others."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from app.database.migrations import migrate
from tests.app.database.hostile_settings import use_core
from tests.app.readiness import readiness
from tests.app.service import running, ticketops
from tests.docs.markdown import ROOT
from tests.feed.readers import connected

PAGE = ROOT / "docs" / "how-to" / "postgresql.md"
ROLE = "ticketops_server"


def documented_grants() -> str:
    """Return the statements of the page."""
    return PAGE.read_text(encoding="utf-8").split("<<'SQL'\n")[1].split("\nSQL\n")[0]


@pytest.fixture
async def server_url(empty_database_url: str) -> AsyncIterator[str]:
    """Migrate a database as its owner, and return the URL of a role with the privileges."""
    await migrate(empty_database_url)
    parts = urlsplit(empty_database_url)
    # Roles belong to all databases, and other tests run at the same time.
    role = f"r{parts.path[1:]}"
    async with connected(empty_database_url) as owner:
        await owner.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        await owner.execute("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC")
        await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
        try:
            await owner.execute(documented_grants().replace(ROLE, role))
            host = parts.netloc.rpartition("@")[2]
            yield parts._replace(netloc=f"{role}:{role}@{host}").geturl()
        finally:
            await owner.execute(f"DROP OWNED BY {role}")
            await owner.execute(f"DROP ROLE {role}")


async def test_a_server_and_its_worker_need_only_the_documented_privileges(
    server_url: str, tmp_path: Path
) -> None:
    def token() -> str:
        arguments = ("token", "create", "ann", "--scope", "read", "--days", "1")
        done = ticketops(*arguments, cwd=tmp_path, DATABASE_URL=server_url)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    secret = await asyncio.to_thread(token)
    with running(cwd=tmp_path, DATABASE_URL=server_url, OPS_SIM_LATENCY_MS="0") as service:
        async with httpx2.AsyncClient(base_url=service.url, timeout=30) as http:
            responses = await use_core(http)
            assert {status for status, _ in responses} == {200, 201, 204, 404, 422}
            headers = {"Authorization": f"Bearer {secret}"}
            assert (await http.get("/tickets", headers=headers)).status_code == 200
            keyed = {"Idempotency-Key": '"k"'}
            ticket = {
                "subject": "S",
                "description": "D",
                "customer_name": "N",
                "customer_email": "n@example.com",
            }
            assert (await http.post("/tickets", json=ticket, headers=keyed)).status_code == 201
            assert readiness(await http.get("/readyz")) == {"status": "ready"}


async def test_a_migrated_database_needs_no_privilege_to_migrate(
    server_url: str, tmp_path: Path
) -> None:
    for arguments in (("migrate",), ("migrate", "--check")):
        done = await asyncio.to_thread(ticketops, *arguments, cwd=tmp_path, DATABASE_URL=server_url)
        assert (done.returncode, done.stderr) == (0, "")
        assert "nothing to do" in done.stdout


async def test_a_role_that_cannot_read_the_migrations_needs_only_that(
    server_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    role = urlsplit(server_url).username
    async with connected(empty_database_url) as owner:
        await owner.execute(f"REVOKE SELECT ON aerich FROM {role}")
        done = await asyncio.to_thread(ticketops, "migrate", cwd=tmp_path, DATABASE_URL=server_url)
        message, hint = done.stderr.splitlines()
        assert done.returncode == 2
        assert f'"{role}" cannot read the table' in message
        statement = hint.partition("Run: ")[2]
        assert statement.startswith("GRANT SELECT ON")
        await owner.execute(statement)
    done = await asyncio.to_thread(ticketops, "migrate", cwd=tmp_path, DATABASE_URL=server_url)
    assert (done.returncode, done.stderr) == (0, "")


async def test_missing_privileges_are_named(
    server_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    role = urlsplit(server_url).username
    async with connected(empty_database_url) as owner:
        await owner.execute(f"REVOKE INSERT ON tickets FROM {role}")
        with running(cwd=tmp_path, DATABASE_URL=server_url) as service:
            async with httpx2.AsyncClient(base_url=service.url, timeout=30) as http:
                not_ready = await http.get("/readyz")
                assert not_ready.status_code == 503
                assert readiness(not_ready) == {
                    "status": "not ready",
                    "missing": "privileges",
                    "reason": "The role lacks INSERT on tickets.",
                }
                await owner.execute(f"GRANT INSERT ON tickets TO {role}")
                assert (await http.get("/readyz")).status_code == 200
        [warning] = [
            event
            for event in service.startup_events
            if event["message"] == "database privileges missing"
        ]
        assert warning["missing"] == "INSERT on tickets"
