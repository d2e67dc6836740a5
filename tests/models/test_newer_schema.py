"""A program on a database that a newer version has migrated."""

import logging
from importlib import import_module
from pathlib import Path

import asyncpg
import httpx2
import orjson
import pytest

from app.database.applied import EXPECTED_VERSION, VERSIONS, MigrationRefused, migration_number
from app.database.migration_check import check_migration
from app.database.migrations import migrate
from models.migrations.compatibility import Description
from tests.app.readiness import readiness
from tests.app.service import running, ticketops
from tests.docs.markdown import ROOT, Page
from tests.feed.readers import connected
from tests.waiting import until

GUIDE = Page(ROOT / "docs/how-to/upgrade-without-downtime.md")
THIS_FILE = Path(__file__).name

NUMBER = migration_number(EXPECTED_VERSION)
NEWER = "98_20990101000000_x.py"
NEWEST = "99_20990101000000_y.py"

SEARCH: Description = import_module(
    f"models.migrations.{VERSIONS[2].removesuffix('.py')}"
).DESCRIPTION


async def apply(connection: asyncpg.Connection, version: str, oldest_code: int | None) -> None:
    """Record a migration as a newer version does; None leaves out which programs run with it."""
    await connection.execute(
        "INSERT INTO aerich (version, app, content) VALUES ($1, 'models', '{}')", version
    )
    if oldest_code is not None:
        await connection.execute(
            "INSERT INTO schema_compatibility VALUES ($1, $2)", version, oldest_code
        )


async def test_a_program_runs_with_newer_migrations_that_admit_it(
    empty_database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await migrate(empty_database_url)
    async with connected(empty_database_url) as connection:
        await apply(connection, NEWER, 0)
        await apply(connection, NEWEST, NUMBER)
    with caplog.at_level(logging.WARNING):
        report = await migrate(empty_database_url)

    assert (report.before, report.after, report.applied) == (NEWEST, NEWEST, ())
    [warning] = [one for one in caplog.records if one.message == "database newer than this program"]
    assert warning.__dict__["fields"] == {
        "schema_version": NEWEST,
        "program_version": EXPECTED_VERSION,
    }
    message = (
        f"The database is at {NEWEST}, newer than this program ({EXPECTED_VERSION}), which runs"
        " with it: nothing to do."
    )
    assert str(report) == message
    done = ticketops("migrate", "--check", cwd=tmp_path, DATABASE_URL=empty_database_url)
    assert (done.returncode, done.stdout) == (0, f"{message}\n")
    done = ticketops("seed", "--tickets", "1", cwd=tmp_path, DATABASE_URL=empty_database_url)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("version", "oldest_code", "reason"),
    [
        (NEWEST, NUMBER + 1, rf"{NEWEST} needs a program with migration {NUMBER + 1} or newer"),
        (NEWEST, None, rf"Whether they run together is not recorded for {NEWEST}"),
    ],
)
async def test_a_newer_migration_that_does_not_admit_the_program_is_refused(
    empty_database_url: str, version: str, oldest_code: int | None, reason: str
) -> None:
    await migrate(empty_database_url)
    async with connected(empty_database_url) as connection:
        await apply(connection, NEWER, 0)
        await apply(connection, version, oldest_code)
    for attempt in (migrate, check_migration):
        with pytest.raises(MigrationRefused, match=f"newer than this program.*{reason}") as refusal:
            await attempt(empty_database_url)
        assert refusal.value.hint == "Use a newer version of the program."


async def test_a_newer_database_without_the_table_is_refused(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    async with connected(empty_database_url) as connection:
        await apply(connection, NEWEST, None)
        await connection.execute("DROP TABLE schema_compatibility")
    with pytest.raises(MigrationRefused, match=f"newer than this program: it is at {NEWEST}"):
        await migrate(empty_database_url)


@pytest.mark.parametrize("version", ["1_20990101000000_x.py", NEWEST])
async def test_migrations_of_another_line_are_refused(
    empty_database_url: str, version: str
) -> None:
    """Of a branch of the program, which has other migrations with the same or later numbers."""
    await migrate(empty_database_url)
    async with connected(empty_database_url) as connection:
        await apply(connection, version, 0)
        await connection.execute("DELETE FROM aerich WHERE version = $1", EXPECTED_VERSION)
    with pytest.raises(MigrationRefused, match="does not continue the migrations of this program"):
        await migrate(empty_database_url)


async def test_a_server_starts_and_is_ready_while_newer_migrations_admit_it(
    empty_database_url: str, tmp_path: Path
) -> None:
    await migrate(empty_database_url)
    async with connected(empty_database_url) as connection:
        await apply(connection, NEWER, NUMBER)
        with running(cwd=tmp_path, DATABASE_URL=empty_database_url) as service:
            [warning] = [
                event
                for event in service.startup_events
                if event["message"] == "database newer than this program"
            ]
            assert warning["schema_version"] == service.listening_event["schema_version"] == NEWER
            assert warning["program_version"] == EXPECTED_VERSION
            async with httpx2.AsyncClient(base_url=service.url, timeout=60) as http:
                assert (await http.get("/readyz")).status_code == 200
                # A contracting migration, which should have waited for the end of this server.
                await apply(connection, NEWEST, NUMBER + 1)

                async def not_ready() -> httpx2.Response | None:
                    response = await http.get("/readyz")
                    return None if response.status_code == 200 else response

                response: httpx2.Response = await until(not_ready)
    assert response.status_code == 503
    assert readiness(response) == {
        "status": "not ready",
        "missing": "compatible schema",
        "reason": f"The database is newer than this program: it is at {NEWEST}, the program at"
        f" {EXPECTED_VERSION}. {NEWEST} needs a program with migration {NUMBER + 1} or newer.",
    }


async def test_a_check_describes_the_pending_migrations(
    empty_database_url: str, tmp_path: Path
) -> None:
    """On a database at the second migration, whose servers continue to work, but do not restart."""
    await migrate(empty_database_url)
    async with connected(empty_database_url) as connection:
        # A check only reads a database that has been migrated.
        await connection.execute("DELETE FROM aerich WHERE version <> ALL($1)", VERSIONS[:2])
    given = {"cwd": tmp_path, "DATABASE_URL": empty_database_url}
    [command] = [block.text for block in GUIDE.blocks if block.argument.endswith(THIS_FILE)]
    done = ticketops(*command.split()[1:], **given)  # type: ignore[arg-type]  # two types
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("Would")] == [
        f"Would apply {version}" for version in VERSIONS[2:]
    ]
    assert lines[1:4] == [
        f"  Servers at {VERSIONS[1]} continue to work.",
        "  Reads and writes of tickets wait for a moment.",
        f"  {SEARCH.note}",
    ]
    assert lines[-2] == (
        f"Servers can be replaced one at a time. Those at {VERSIONS[1]} do not start again after"
        " the migration."
    )
    assert lines[-1] == "Nothing was changed."

    done = ticketops("migrate", "--check", "--json", **given)  # type: ignore[arg-type]  # as above
    assert (done.returncode, done.stderr) == (1, "")
    report = orjson.loads(done.stdout)
    pending = report.pop("pending")
    assert report == {
        "schema_version": VERSIONS[1],
        "program_version": EXPECTED_VERSION,
        "rolling_upgrade": True,
        "rolling_back": False,
        "adoption_changes": [],
    }
    assert [one["version"] for one in pending] == list(VERSIONS[2:])
    assert pending[0]["oldest_code"] == VERSIONS[0]
    assert pending[0]["locks"] == [
        {"table": "tickets", "blocks": "reads and writes", "lasts": "a moment"}
    ]


async def test_servers_that_start_on_a_newer_schema_can_be_replaced_back(
    empty_database_url: str, tmp_path: Path
) -> None:
    await migrate(empty_database_url)
    async with connected(empty_database_url) as connection:
        await connection.execute("DELETE FROM aerich WHERE version <> ALL($1)", VERSIONS[:-1])
    given = {"cwd": tmp_path, "DATABASE_URL": empty_database_url}
    done = ticketops("migrate", "--check", **given)  # type: ignore[arg-type]  # two types
    assert (done.returncode, done.stderr) == (1, "")
    [shown] = [block.text for block in GUIDE.blocks if block.text.startswith("Would apply")]
    assert done.stdout.splitlines()[-2:] == shown.splitlines()[-2:]


def test_json_without_a_check_is_refused(tmp_path: Path) -> None:
    done = ticketops("migrate", "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert "--json needs --check" in done.stderr
