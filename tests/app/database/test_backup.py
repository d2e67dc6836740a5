"""`ticketops backup` and `ticketops restore`, with PostgreSQL's real programs."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import pytest

from app.database.backup import backup
from app.database.client_programs import BackupError, find_client_programs
from app.database.embedded import VOLATILE, EmbeddedPostgres
from app.database.migrations import EXPECTED_VERSION, migrate
from app.database.restore import restore
from tests.app.conftest import new_data_dir
from tests.app.database.contents import contents, filled
from tests.app.database.small_disk import fill, small_disk
from tests.app.programs import needed
from tests.app.service import ticketops
from tests.conftest import empty_database
from tests.feed.readers import connected
from tests.installed_postgres import DEFAULT_BIN, installed_postgres
from tests.models.dump import schema_of

PASSWORD = " p:a@s/s'w\\ö rd% "  # noqa: S105  # of a server of the test


@pytest.fixture
async def source(empty_database_url: str) -> str:
    """Return the URL of a database with tickets."""
    await filled(empty_database_url)
    return empty_database_url


@pytest.fixture
async def target() -> AsyncIterator[str]:
    """Return the URL of an empty database."""
    async with empty_database() as url:
        yield url


def restored(url: str, file: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return ticketops("restore", str(file), cwd=cwd, DATABASE_URL=url)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Check that a command was refused in one line with one hint, and return the line."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    message, *hint = done.stderr.splitlines()
    assert len(hint) <= 1, done.stderr
    assert message.startswith("ticketops: ")
    return message


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def same_schema(url: str, other: str) -> bool:
    """Compare two schemas, apart from brackets: PostgreSQL nests AND and OR when it parses them."""
    [one, two] = [re.sub("[()]", "", await schema_of(schema_url)) for schema_url in (url, other)]
    return one == two


async def has_no_tables(url: str) -> bool:
    return not await contents(url)


async def test_a_restored_database_is_identical(source: str, target: str, tmp_path: Path) -> None:
    file = tmp_path / "tickets.dump"
    before = await contents(source)
    done = await asyncio.to_thread(
        ticketops, "backup", str(file), cwd=tmp_path, DATABASE_URL=source
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Wrote {file}, {file.stat().st_size:,} bytes.\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert files(tmp_path) == [file]
    assert await contents(source) == before

    done = await asyncio.to_thread(restored, target, file, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Restored 40 tickets, ")
    assert await contents(target) == before
    assert await same_schema(target, source)
    async with connected(target) as connection:
        statistics = "SELECT reltuples FROM pg_class WHERE oid = 'tickets'::regclass"
        assert await connection.fetchval(statistics) == 40


def test_the_standard_output_can_be_restored_from_the_standard_input(
    source: str, target: str, tmp_path: Path
) -> None:
    program = Path(sys.executable).with_name("ticketops")
    piped = subprocess.run(
        [program, "backup", "-", "--database-url", source],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    done = subprocess.run(
        [program, "restore", "-", "--database-url", target],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        input=piped.stdout,
        capture_output=True,
        check=False,
    )
    assert done.stdout.startswith(b"Restored 40 tickets, "), done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "message"),
    [(b"", "cannot be read as a backup"), (b"PGDMP", "cannot be read as a backup")],
)
def test_a_standard_input_that_is_not_a_backup_is_refused(
    target: str, tmp_path: Path, given: bytes, message: str
) -> None:
    program = Path(sys.executable).with_name("ticketops")
    done = subprocess.run(
        [program, "restore", "-", "--database-url", target],
        cwd=tmp_path,
        input=given,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert message in done.stderr.decode()


def test_a_terminal_is_not_restored(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("ticketops")
    parent, child = os.openpty()
    try:
        done = subprocess.run(
            [program, "restore", "-"],
            cwd=tmp_path,
            stdin=child,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(parent)
        os.close(child)
    assert done.returncode == 2
    assert "The standard input is a terminal" in done.stderr
    assert not (tmp_path / ".data").exists()


def test_a_file_is_replaced_only_by_force(source: str, tmp_path: Path) -> None:
    file = tmp_path / "tickets.dump"
    file.write_text("important")
    arguments = ("backup", str(file), "--database-url", source)
    assert refusal(ticketops(*arguments, cwd=tmp_path)) == f"ticketops: {file} exists."
    assert file.read_text() == "important"
    assert ticketops(*arguments, "--force", cwd=tmp_path).returncode == 0
    assert file.read_bytes().startswith(b"PGDMP")
    assert file.stat().st_mode & 0o777 == 0o600
    in_folder = ticketops("backup", str(tmp_path), "--database-url", source, cwd=tmp_path)
    assert "is a folder" in refusal(in_folder)
    nowhere = tmp_path / "no" / "file"
    done = ticketops("backup", str(nowhere), "--database-url", source, cwd=tmp_path)
    assert "No such file or directory" in refusal(done)


def test_a_database_without_tickets_is_not_backed_up(target: str, tmp_path: Path) -> None:
    done = ticketops("backup", "file", cwd=tmp_path, DATABASE_URL=target)
    assert "does not contain tables of ticketops" in refusal(done)
    assert files(tmp_path) == []


def test_a_backup_that_fails_leaves_no_file(source: str) -> None:
    with small_disk(mib=1) as folder:
        ballast = folder / "ballast"
        ballast.touch()
        fill(ballast)
        # Enough for the header of the file.
        os.truncate(ballast, ballast.stat().st_size - 8192)
        done = ticketops("backup", "file", cwd=folder, DATABASE_URL=source)
        assert "No space left on device" in refusal(done)
        assert list(folder.iterdir()) == [ballast]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
async def test_an_incomplete_file_changes_nothing(
    source: str, target: str, tmp_path: Path, share: float
) -> None:
    file = tmp_path / "tickets.dump"
    await asyncio.to_thread(backup, source, file, overwrite=False)
    os.truncate(file, int(file.stat().st_size * share))
    done = await asyncio.to_thread(restored, target, file, tmp_path)
    assert "read" in refusal(done)
    assert await has_no_tables(target)


async def test_other_files_are_refused(target: str, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("-- PostgreSQL database dump\n" * 100)
    done = await asyncio.to_thread(restored, target, text, tmp_path)
    assert f"{text} cannot be read as a backup by pg_restore" in refusal(done)
    done = await asyncio.to_thread(restored, target, tmp_path / "missing", tmp_path)
    assert "No such file or directory" in refusal(done)
    other = tmp_path / "other"
    async with connected(target) as connection:
        await connection.execute("CREATE TABLE tickets (id text)")
    programs = find_client_programs(13)
    process = await asyncio.create_subprocess_exec(
        *programs.command("pg_dump", "-Fc", f"--file={other}", target)
    )
    assert await process.wait() == 0
    done = await asyncio.to_thread(restored, target, other, tmp_path)
    assert refusal(done) == f"ticketops: {other} is not a backup of ticketops."


def test_a_file_that_cannot_be_read_creates_no_database(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    done = ticketops("restore", "missing", cwd=tmp_path, DATA_DIR=str(data_dir))
    assert refusal(done) == "ticketops: Cannot read missing: No such file or directory."
    assert not data_dir.exists()


async def test_a_database_with_tables_is_refused(source: str, tmp_path: Path) -> None:
    file = tmp_path / "tickets.dump"
    before = await contents(source)
    await asyncio.to_thread(backup, source, file, overwrite=False)
    done = await asyncio.to_thread(restored, source, file, tmp_path)
    assert 'already has the table "tickets"' in refusal(done)
    assert await contents(source) == before


async def test_a_backup_of_a_newer_version_is_refused(
    source: str, target: str, tmp_path: Path
) -> None:
    newer = "97_20990101000000_x.py"
    async with connected(source) as connection:
        await connection.execute(
            "INSERT INTO aerich (version, app, content) VALUES ($1, 'models', '{}')", newer
        )
    file = tmp_path / "tickets.dump"
    await asyncio.to_thread(backup, source, file, overwrite=False)
    done = await asyncio.to_thread(restored, target, file, tmp_path)
    assert f"newer version of ticketops: it is at {newer}" in refusal(done)
    assert await has_no_tables(target)


async def test_a_backup_of_an_older_version_is_migrated(
    empty_database_url: str, target: str, tmp_path: Path
) -> None:
    await migrate(empty_database_url)
    async with connected(empty_database_url) as connection:
        await _undo_last_migration(empty_database_url)
        assert await connection.fetchval("SELECT count(*) FROM aerich") > 0
    file = tmp_path / "tickets.dump"
    await asyncio.to_thread(backup, empty_database_url, file, overwrite=False)
    done = await asyncio.to_thread(restored, target, file, tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"Applied {EXPECTED_VERSION}" in done.stdout
    await migrate(empty_database_url)
    assert await same_schema(target, empty_database_url)


async def _undo_last_migration(url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aerich", "-c", "aerich.ini", "downgrade", "--yes"),
        env={**os.environ, "DATABASE_URL": url},
        cwd=Path(__file__).parents[3],
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0


@contextmanager
def postgres_with_password() -> Iterator[str]:
    """Run a PostgreSQL that requires a password, and yield its URL without one."""
    with new_data_dir() as folder:
        with EmbeddedPostgres(folder, options=VOLATILE) as url:
            asyncio.run(_set_password(url))
        hba = folder.resolve() / "postgres/tests_hba.conf"
        hba.write_text("local all all scram-sha-256\n")
        hba.chmod(0o644)
        options = VOLATILE | {"hba_file": "tests_hba.conf"}
        with EmbeddedPostgres(folder, options=options) as url:
            yield url


async def _set_password(url: str) -> None:
    await filled(url)
    async with connected(url) as connection:
        statement = await connection.fetchval(
            "SELECT format('ALTER ROLE ticketops PASSWORD %L', $1::text)", PASSWORD
        )
        await connection.execute(statement)


def with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"ticketops:{quote(password, safe='')}@"))


def test_a_password_is_used_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    with postgres_with_password() as url:
        wrong = ticketops("backup", "file", cwd=tmp_path, DATABASE_URL=with_password(url, "x"))
        assert "password authentication failed" in refusal(wrong)
        assert files(tmp_path) == []
        right = with_password(url, PASSWORD)
        done = ticketops("backup", "file", cwd=tmp_path, DATABASE_URL=right)
        assert done.returncode == 0, done.stderr


def test_programs_that_are_older_than_the_server_are_refused() -> None:
    with pytest.raises(BackupError, match=r"The newest pg_dump is version \d+ .*PostgreSQL 99"):
        find_client_programs(99)


async def test_a_role_that_may_not_read_everything_is_told_so(source: str, tmp_path: Path) -> None:
    async with connected(source) as connection:
        name = (await connection.fetchval("SELECT current_database()"))[2:]
        await connection.execute(f"CREATE ROLE r_{name}; GRANT SELECT ON aerich TO r_{name}")
        url = f"{source}{'&' if '?' in source else '?'}options=-crole%3Dr_{name}"
        try:
            done = await asyncio.to_thread(
                ticketops, "backup", "file", cwd=tmp_path, DATABASE_URL=url
            )
            assert "permission denied for" in refusal(done)
            assert "Use the owner of the tables, or a member of pg_read_all_data." in done.stderr
            assert files(tmp_path) == []
        finally:
            await connection.execute(f"DROP OWNED BY r_{name}; DROP ROLE r_{name}")


def test_an_installed_postgresql_that_is_older_than_the_programs(tmp_path: Path) -> None:
    """Also one whose sessions have hostile defaults, and with the tables in another schema."""
    file, other = tmp_path / "tickets.dump", tmp_path / "other.dump"
    programs = Path(needed(f"{DEFAULT_BIN}/postgres", package="postgresql-15")).parent
    with installed_postgres(programs) as url:
        one, two, three = (
            urlunsplit(urlsplit(url)._replace(path=f"/{name}")) for name in ("a", "b", "c")
        )
        asyncio.run(_create_databases(url, "a", "b", "c"))
        asyncio.run(filled(one))
        before = asyncio.run(contents(one))
        backup(one, file, overwrite=False)
        assert restore(two, file).version == EXPECTED_VERSION
        assert asyncio.run(contents(two)) == before
        # By pg_dump of the newest version instead of the server's.
        clients = find_client_programs(15)
        assert clients.major > 15
        subprocess.run(clients.command("pg_dump", "-Fc", f"--file={other}", one), check=True)
        restore(three, other)
        assert asyncio.run(contents(three)) == before


async def _create_databases(url: str, *names: str) -> None:
    async with connected(url) as connection:
        for name in names:
            await connection.execute(f"CREATE DATABASE {name}")
