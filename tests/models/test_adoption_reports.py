"""Reports of an adoption: changes before they are made, and one line for each problem."""

import logging
import os
import re
import subprocess
from pathlib import Path

import asyncpg
import pytest

from app.cli.migrate import EXIT_PENDING
from app.database.migration_check import check_migration
from app.database.migrations import VERSIONS, MigrationRefused, migrate
from tests.app.service import TICKETOPS, environment, ticketops
from tests.docs.markdown import ROOT, Page
from tests.models.dump import schema_of
from tests.models.former import TICKETS, Former


async def make(url: str, sql: str = "", former: Former | None = None) -> None:
    connection = await asyncpg.connect(url)
    await (former or Former()).make(connection)
    if sql:
        await connection.execute(sql)
    await connection.close()


UNIQUE = "ALTER TABLE tickets ADD CONSTRAINT mine UNIQUE (customer_email, subject)"


async def test_a_check_reports_the_changes_and_makes_none(
    empty_database_url: str, tmp_path: Path
) -> None:
    await make(empty_database_url, UNIQUE)
    before = await schema_of(empty_database_url)

    done = ticketops("migrate", "--check", cwd=tmp_path, DATABASE_URL=empty_database_url)

    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert (
        'Adoption changes tickets: the constraint "mine" is dropped: UNIQUE (customer_email,'
        " subject)"
    ) in lines
    assert "Adoption changes tickets.id: character varying(255) becomes text" in lines
    assert [line for line in lines if line.startswith("Would")] == [
        f"Would apply {version}" for version in VERSIONS
    ]
    assert lines[-1] == "Nothing was changed."
    assert await schema_of(empty_database_url) == before

    done = ticketops("migrate", cwd=tmp_path, DATABASE_URL=empty_database_url)
    assert done.returncode == 0, done.stderr
    assert lines[0] in done.stdout
    assert f"Took over {len(TICKETS)} tickets" in done.stdout
    done = ticketops("migrate", "--check", cwd=tmp_path, DATABASE_URL=empty_database_url)
    assert (done.returncode, done.stdout) == (0, "The database is up to date: nothing to do.\n")


def run_commands_of(
    page: Page, database_url: str, folder: Path
) -> list[subprocess.CompletedProcess[str]]:
    """Run the blocks of a guide, which names a database of its own."""
    path = f"{TICKETOPS.parent}{os.pathsep}{os.environ['PATH']}"
    return [
        subprocess.run(
            ["/bin/sh", "-e", "-c", re.sub(r"^export DATABASE_URL=.*\n", "", block.text)],
            cwd=folder,
            env=environment({"DATABASE_URL": database_url, "PATH": path}),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        for block in page.blocks
        if block.language == "sh"
    ]


@pytest.mark.parametrize("name", ["adopt-a-database.md", "migrate.md"])
async def test_the_commands_of_the_guide_work(
    empty_database_url: str, tmp_path: Path, name: str
) -> None:
    await make(empty_database_url)
    done = run_commands_of(Page(ROOT / "docs/how-to" / name), empty_database_url, tmp_path)
    assert [one.stderr for one in done] == [""] * len(done)
    assert done[0].returncode == EXIT_PENDING
    assert "Nothing was changed." in done[0].stdout
    assert "Took over" not in done[0].stdout
    if name == "migrate.md":
        assert done[1].returncode == 0
        assert "Took over" in done[1].stdout
    assert len(done) == 1 + (name == "migrate.md")


async def test_a_check_is_refused_like_the_migration(empty_database_url: str) -> None:
    await make(empty_database_url, "CREATE RULE r AS ON DELETE TO tickets DO INSTEAD NOTHING")
    for attempt in (check_migration, migrate):
        with pytest.raises(MigrationRefused, match="Run: DROP RULE r ON tickets"):
            await attempt(empty_database_url)


async def test_a_check_of_a_new_database_lists_its_migrations(empty_database_url: str) -> None:
    for _ in range(2):
        check = await check_migration(empty_database_url)
        assert tuple(migration.version for migration in check.pending) == VERSIONS
        assert check.allows_rolling_upgrade is None


async def test_changes_are_logged_by_default(
    empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await make(empty_database_url, UNIQUE)
    with caplog.at_level(logging.WARNING):
        await migrate(empty_database_url)
    logged = [
        record.fields["change"]  # type: ignore[attr-defined]  # our logs add it
        for record in caplog.records
        if record.message == "adoption changes the database"
    ]
    assert 'tickets: the constraint "mine" is dropped: UNIQUE (customer_email, subject)' in logged


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("CREATE TABLE aerich (id int)", "the migrations cannot be recorded in it"),
        ("DROP TABLE tickets; CREATE VIEW tickets AS SELECT 1 AS id", "it is a view"),
        ("ALTER TABLE tickets ADD COLUMN version int", "tickets.version: exists already"),
    ],
)
@pytest.mark.parametrize("command", ["migrate", "serve", "worker"])
async def test_a_refusal_ends_a_command_without_a_traceback(
    empty_database_url: str, tmp_path: Path, sql: str, line: str, command: str
) -> None:
    await make(empty_database_url, sql)
    done = ticketops(command, cwd=tmp_path, DATABASE_URL=empty_database_url, PORT="0")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert line in done.stderr
    assert "ticketops: " in done.stderr


async def test_an_error_of_postgresql_ends_a_command_without_a_traceback(
    empty_database_url: str, tmp_path: Path
) -> None:
    """Also if the database records migrations, but lacks one of their tables."""
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("DROP TABLE api_tokens")
    await connection.close()
    done = ticketops("token", "list", cwd=tmp_path, DATABASE_URL=empty_database_url)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert (
        'ticketops: The database reported an error: relation "api_tokens" does not' in done.stderr
    )


async def test_row_security_that_hides_rows_is_refused(empty_database_url: str) -> None:
    """A superuser is exempt, therefore as the role that owns the tables."""
    connection = await asyncpg.connect(empty_database_url)
    role = "r_" + (await connection.fetchval("SELECT current_database()"))[2:]
    await connection.execute(f"CREATE ROLE {role}; GRANT CREATE, USAGE ON SCHEMA public TO {role}")
    url = f"{empty_database_url}{'&' if '?' in empty_database_url else '?'}options=-crole%3D{role}"
    try:
        await make(url, "CREATE POLICY few ON tickets USING (customer_name = 'Bob')")
        await connection.execute(
            "ALTER TABLE tickets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
        )
        with pytest.raises(MigrationRefused, match="NO FORCE ROW LEVEL SECURITY"):
            await migrate(url)
        await connection.execute("ALTER TABLE tickets NO FORCE ROW LEVEL SECURITY")
        await connection.execute(f"REVOKE UPDATE ON tickets FROM {role}")
        with pytest.raises(MigrationRefused, match=f'Run: GRANT UPDATE ON tickets TO "{role}"'):
            await migrate(url)
        await connection.execute(f"GRANT UPDATE ON tickets TO {role}")
        # The policy depends on a column whose type changes.
        await connection.execute("DROP POLICY few ON tickets")
        assert (await migrate(url)).adopted is not None
    finally:
        await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        await connection.close()
