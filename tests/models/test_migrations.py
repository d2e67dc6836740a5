"""Migrations: upgrade, downgrade, concurrent processes, and refused databases."""

import asyncio
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import pytest
from aerich import Command
from aerich.migrate import Migrate
from aerich.utils import get_models_describe
from asyncpg.types import ServerVersion
from tortoise.context import TortoiseContext

from app.database import migrations
from app.database.applied import migration_number
from app.database.migrations import (
    EXPECTED_VERSION,
    LOCK_KEY,
    VERSIONS,
    Adopted,
    MigrationRefused,
    MigrationReport,
    migrate,
    schema_version,
)
from app.database.server_checks import refuse_old_server
from app.database.tortoise import APP, tortoise_config
from models.migrations.legacy import adoption
from tests.models.dump import COMMITTED, OUTDATED, schema_of
from tests.models.former import BY_HAND, LOG_ENTRIES, ORPHAN, TICKETS, Former

ROOT = Path(__file__).parents[2]


async def connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url)


async def aerich(url: str, *arguments: str) -> str:
    """Run the aerich command, and return its output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "aerich",
        "-c",
        "aerich.ini",
        *arguments,
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_a_new_database_gets_the_committed_schema(empty_database_url: str) -> None:
    report = await migrate(empty_database_url)

    assert await schema_of(empty_database_url) == COMMITTED.read_text(), OUTDATED
    assert (report.before, report.after) == (None, EXPECTED_VERSION)
    assert report.applied == VERSIONS
    assert report.adopted is None


def test_each_migration_has_its_own_number() -> None:
    """Migrations of the same number would be applied in an order that depends on the machine."""
    assert [migration_number(version) for version in VERSIONS] == list(range(len(VERSIONS)))


async def test_a_second_run_has_nothing_to_do(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    report = await migrate(empty_database_url)
    assert (report.before, report.applied) == (EXPECTED_VERSION, ())


async def test_schema_version_returns_the_version_of_a_database(empty_database_url: str) -> None:
    connection = await connect(empty_database_url)
    assert await schema_version(connection) is None
    await migrate(empty_database_url)
    assert await schema_version(connection) == EXPECTED_VERSION
    await connection.close()


async def test_upgrade_downgrade_and_upgrade_keep_the_former_rows(
    empty_database_url: str,
) -> None:
    connection = await connect(empty_database_url)
    await BY_HAND.make(connection)

    assert "Success upgrading" in await aerich(empty_database_url, "upgrade")
    assert await schema_of(empty_database_url) == COMMITTED.read_text(), OUTDATED
    assert EXPECTED_VERSION in await aerich(empty_database_url, "history")
    assert "No available heads" in await aerich(empty_database_url, "heads")
    assert "No changes detected" in await aerich(empty_database_url, "migrate")

    for _ in VERSIONS:
        assert "Success downgrading" in await aerich(empty_database_url, "downgrade", "--yes")
    assert EXPECTED_VERSION in await aerich(empty_database_url, "heads")
    tables = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    )
    assert [row["tablename"] for row in tables] == ["aerich", "log_entries", "tickets"]
    columns = await connection.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'tickets'"
    )
    assert len(columns) == len(TICKETS[0])
    # The former service may write values that the newer version forbids.
    await connection.execute("UPDATE tickets SET status = 'archived' WHERE id = '5'")
    await connection.execute("UPDATE tickets SET status = 'closed' WHERE id = '5'")

    report = await migrate(empty_database_url)
    assert report.adopted is not None
    assert (report.adopted.tickets, report.adopted.log_entries) == (
        len(TICKETS),
        len((*LOG_ENTRIES, ORPHAN)),
    )
    assert await schema_of(empty_database_url) == COMMITTED.read_text(), OUTDATED
    await connection.close()


async def test_the_models_are_what_the_migrations_say() -> None:
    """Compared by aerich, which needs no database for it."""
    config = tortoise_config("postgres://nobody@127.0.0.1:1/nothing")
    async with TortoiseContext() as context:
        await context.init(config=config)
        location = str(ROOT / "{app}" / "migrations")
        await Command(config, app=APP, location=location).init(offline=True)
        before, after = Migrate._last_version_content, get_models_describe(APP)
        assert before is not None
        Migrate.upgrade_operators.clear()
        Migrate.diff_models(before, after, no_input=True)
        Migrate._merge_operators()
        assert Migrate.upgrade_operators == []


MIGRATE = """
import asyncio, sys
from app.database.migrations import migrate
print(len(asyncio.run(migrate(sys.argv[1])).applied))
"""


@pytest.mark.parametrize("former", [None, BY_HAND], ids=["empty", "former"])
async def test_processes_that_start_together_migrate_once(
    empty_database_url: str, former: Former | None
) -> None:
    if former is not None:
        connection = await connect(empty_database_url)
        await former.make(connection)
        await connection.close()
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            MIGRATE,
            empty_database_url,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(6)
    ]
    said = [int((await process.communicate())[0]) for process in processes]
    assert sorted(said) == [0, 0, 0, 0, 0, len(VERSIONS)]
    assert await schema_of(empty_database_url) == COMMITTED.read_text(), OUTDATED


def test_a_report_lists_the_applied_migrations() -> None:
    done = MigrationReport(before=None, after="1_b.py", applied=("0_a.py", "1_b.py"))
    assert str(done) == "Applied 0_a.py\nApplied 1_b.py"
    adopted = Adopted(tickets=2, log_entries=3)
    done = MigrationReport(before=None, after="0_a.py", applied=("0_a.py",), adopted=adopted)
    assert str(done).splitlines()[1:] == [
        "Took over 2 tickets and 3 log entries of the former service."
    ]
    idle = MigrationReport(before="0_a.py", after="0_a.py", applied=())
    assert str(idle) == "The database is at 0_a.py: nothing to do."


async def test_waiting_too_long_for_another_process_is_an_error(empty_database_url: str) -> None:
    connection = await connect(empty_database_url)
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
    with pytest.raises(MigrationRefused, match="Another process has been migrating"):
        await migrate(empty_database_url, lock_timeout_s=0.2)
    await connection.close()
    assert (await migrate(empty_database_url)).applied == VERSIONS


async def test_waiting_for_another_process_is_logged_once(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(migrations, "LOCK_REPORT_S", 0.1)
    connection = await connect(empty_database_url)
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
    with pytest.raises(MigrationRefused):
        await migrate(empty_database_url, lock_timeout_s=3)
    await connection.close()
    waiting = [record for record in caplog.records if "waiting for another" in record.message]
    assert [record.levelname for record in waiting] == ["WARNING"]


async def test_a_newer_database_is_refused(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    connection = await connect(empty_database_url)
    await connection.execute(
        "INSERT INTO aerich (version, app, content) VALUES ($1, 'models', '{}')",
        "97_20990101000000_x.py",
    )
    await connection.close()
    with pytest.raises(MigrationRefused, match=r"newer than this program.*97_20990101000000_x\.py"):
        await migrate(empty_database_url)


async def test_missing_privileges_are_named(empty_database_url: str) -> None:
    connection = await connect(empty_database_url)
    role = "r_" + (await connection.fetchval("SELECT current_database()"))[2:]
    await connection.execute(f"CREATE ROLE {role}; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    url = f"{empty_database_url}{'&' if '?' in empty_database_url else '?'}options=-crole%3D{role}"
    try:
        with pytest.raises(MigrationRefused, match="cannot create tables") as refusal:
            await migrate(url)
        assert f'GRANT CREATE ON SCHEMA "public" TO "{role}"' in refusal.value.hint
        await connection.execute(f"GRANT CREATE ON SCHEMA public TO {role}")
        await BY_HAND.make(connection)
        with pytest.raises(MigrationRefused, match="Run the migration as that role"):
            await migrate(url)
        assert await schema_version(connection) is None
    finally:
        await connection.execute(f"REVOKE ALL ON SCHEMA public FROM {role}; DROP ROLE {role}")
        await connection.close()


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("default_transaction_read_only = on", "is read-only"),
        ("search_path = nowhere", "No schema of the search_path exists"),
    ],
)
async def test_a_database_that_accepts_no_tables_is_refused(
    empty_database_url: str, setting: str, told: str
) -> None:
    connection = await connect(empty_database_url)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET {setting}")
    await connection.close()
    with pytest.raises(MigrationRefused, match=told):
        await migrate(empty_database_url)


@pytest.mark.parametrize(
    "setting",
    [
        "default_transaction_isolation = serializable",
        "standard_conforming_strings = off",
        "quote_all_identifiers = on",
        "DateStyle = SQL, DMY",
    ],
)
async def test_defaults_of_a_database_do_not_change_the_migration(
    empty_database_url: str, setting: str
) -> None:
    connection = await connect(empty_database_url)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET {setting}")
    await connection.close()
    assert (await migrate(empty_database_url)).applied == VERSIONS
    # What the first run has recorded is read.
    assert (await migrate(empty_database_url)).applied == ()


async def test_a_database_that_is_not_in_utf_8_is_refused(empty_database_url: str) -> None:
    connection = await connect(empty_database_url)
    name = await connection.fetchval("SELECT current_database()")
    latin = f"{name}_latin"
    # From version 15 on, locales of other providers may support only UTF8.
    libc = "LOCALE_PROVIDER libc" if connection.get_server_version().major >= 15 else ""
    await connection.execute(
        f"CREATE DATABASE {latin} TEMPLATE template0 ENCODING 'LATIN1' "
        f"LC_COLLATE 'C' LC_CTYPE 'C' {libc}"
    )
    try:
        with pytest.raises(MigrationRefused, match="LATIN1; it must be UTF8"):
            await migrate(empty_database_url.replace(name, latin))
    finally:
        await connection.execute(f"DROP DATABASE {latin}")
        await connection.close()


def test_an_old_server_is_refused() -> None:
    """By its version string, because such an old server is not available here."""

    class Old:
        def get_server_version(self) -> ServerVersion:
            return ServerVersion(12, 22, 0, "final", 0)

        def get_settings(self) -> SimpleNamespace:
            return SimpleNamespace(server_version="12.22")

    with pytest.raises(MigrationRefused, match=r"PostgreSQL 12\.22 is not supported"):
        refuse_old_server(Old())  # type: ignore[arg-type]  # all that is asked of it


async def test_the_migration_does_not_wait_forever_for_a_lock(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adoption, "LOCK_TIMEOUT_S", 1)
    connection = await connect(empty_database_url)
    await BY_HAND.make(connection)
    async with connection.transaction():
        await connection.execute("UPDATE tickets SET subject = 'busy'")
        with pytest.raises(MigrationRefused, match="Another program is using the tables"):
            await migrate(empty_database_url)
    await connection.close()
