"""Data of customers in DATA_DIR: who can read it, and what the log of PostgreSQL contains."""

import asyncio
import fcntl
import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from app.database import postgres_log
from app.database.embedded import VOLATILE, EmbeddedPostgres
from app.database.migrations import migrate
from app.database.postgres_log import PostgresLog
from app.database.programs import EmbeddedPostgresError
from tests.app.conftest import new_data_dir
from tests.superuser import superuser_options, superuser_url
from tests.waiting import until

PRIVATE = "Grace-Hopper-of-Arlington"
INSERT = """
INSERT INTO tickets (id, subject, description, customer_name, customer_email, status)
VALUES ('T-1', 's', '', $1, 'grace@example.com', 'no such status')
"""
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL runs as another account")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    """Run an embedded PostgreSQL with secrets in the environment."""
    with new_data_dir() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JWT_SECRET", PRIVATE)
        patch.setenv("OPS_TOKEN", PRIVATE)
        postgres = EmbeddedPostgres(folder, options=VOLATILE)
        postgres.start()
        yield postgres
        postgres.stop()


async def test_the_log_contains_no_rows_and_statements(postgres: EmbeddedPostgres) -> None:
    await migrate(postgres.url)
    connection = await asyncpg.connect(postgres.url)
    with pytest.raises(asyncpg.CheckViolationError) as violated:
        await connection.execute(INSERT, PRIVATE)
    assert PRIVATE in (violated.value.detail or "")
    for statement in (
        f"SELECT '{PRIVATE}'::int",
        f"SELECT '{PRIVATE}",
        f'SELECT "{PRIVATE}"',
        f"SELECT '{{\"{PRIVATE}\"}}'::jsonb",
        f"DO $$ BEGIN RAISE WARNING '{PRIVATE}'; END $$",
        f"DO $$ BEGIN RAISE EXCEPTION '{PRIVATE}'; END $$",
        f"SET statement_timeout = 50; SELECT pg_sleep(5), '{PRIVATE}'",
    ):
        try:
            await connection.execute(statement)
        except asyncpg.PostgresError:
            continue
    await connection.execute("SET statement_timeout = 0")
    # PostgreSQL logs the statement that a killed process was running.
    pid = await connection.fetchval("SELECT pg_backend_pid()")
    await _kill_while_it_runs(postgres, connection, pid)
    text = (postgres.data_dir / "postgres.log").read_text()
    assert "was terminated by signal 9" in text
    assert PRIVATE not in text
    assert "tickets" not in text


async def _kill_while_it_runs(
    postgres: EmbeddedPostgres, connection: asyncpg.Connection, pid: int
) -> None:
    """Kill the process of a connection while it runs a statement, and wait for the recovery."""
    starts = _starts(postgres)
    backend = psutil.Process(pid)
    observer = await asyncpg.connect(postgres.url)
    running = asyncio.ensure_future(
        connection.execute(
            f"SELECT pg_sleep(60), '{PRIVATE}' FROM (VALUES (1)) AS tickets", timeout=60
        )
    )
    await until(lambda: _runs(observer, pid))
    backend.send_signal(signal.SIGKILL)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await running
    observer.terminate()
    # The client may notice before the server does, which then ends all other sessions as well.
    await until(lambda: _started_again(postgres, starts))


async def _runs(observer: asyncpg.Connection, pid: int) -> bool:
    state = "SELECT state = 'active' FROM pg_stat_activity WHERE pid = $1"
    return bool(await observer.fetchval(state, pid))


async def _started_again(postgres: EmbeddedPostgres, starts: int) -> bool:
    return _starts(postgres) > starts


def _starts(postgres: EmbeddedPostgres) -> int:
    log = (postgres.data_dir / "postgres.log").read_text()
    return log.count("database system is ready to accept connections")


def test_the_files_are_private(postgres: EmbeddedPostgres) -> None:
    folder = postgres.data_dir
    assert mode(folder) in {0o700, 0o710}
    assert mode(folder) == (0o710 if os.geteuid() == 0 else 0o700)
    assert folder.stat().st_uid == os.geteuid()
    for path in folder.iterdir():
        assert mode(path) & 0o077 == 0, path


def test_the_environment_of_postgresql_is_minimal(postgres: EmbeddedPostgres) -> None:
    pid = int((postgres.cluster / "postmaster.pid").read_text().split()[0])
    environment = psutil.Process(pid).environ()
    assert PRIVATE not in environment.values()
    allowed = {"PATH", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "LC_ALL"}
    # PostgreSQL sets these itself.
    assert {name for name in environment if not name.startswith(("PG", "LC_"))} <= allowed


async def test_the_service_is_not_a_superuser(postgres: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(postgres.url)
    row = await connection.fetchrow("SELECT * FROM pg_roles WHERE rolname = current_user")
    assert row is not None
    assert row["rolname"] == "ticketops"
    powers = {name for name in row.keys() if row[name] is True}  # noqa: SIM118  # a Record
    assert powers == {"rolcanlogin", "rolinherit"}
    for statement in (
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/hostname')",
        "CREATE DATABASE other",
        "CREATE ROLE other",
        "SET log_min_messages = debug5",
        "SET ROLE postgres",
        "ALTER SYSTEM SET log_statement = 'all'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()


@pytest.mark.parametrize(
    ("role", "database"),
    [("postgres", "ticketops"), ("postgres", "postgres"), ("ticketops", "postgres")],
)
async def test_no_other_role_and_database_can_be_connected_to(
    postgres: EmbeddedPostgres, role: str, database: str
) -> None:
    url = postgres.url.replace("://ticketops@/ticketops", f"://{role}@/{database}")
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(url)


async def _make_former(data_dir: Path) -> None:
    """Turn a folder into one of an older version, with a migrated database."""
    options = VOLATILE | superuser_options(data_dir)
    with EmbeddedPostgres(data_dir, options=options) as url:
        await migrate(url)
        connection = await asyncpg.connect(superuser_url(url))
        await connection.execute(
            "INSERT INTO tickets (id, subject, description, customer_name, customer_email)"
            " VALUES ('T-1', 's', '', 'n', 'n@example.com')"
        )
        await connection.execute("CREATE SCHEMA own; CREATE VIEW own.seen AS SELECT FROM tickets")
        await connection.execute("ALTER DATABASE ticketops OWNER TO postgres")
        await connection.execute("REASSIGN OWNED BY ticketops TO postgres; DROP ROLE ticketops")
        await connection.close()
    (data_dir / "postgres/pg_hba.conf").write_text("local all all trust\n")
    (data_dir / "postgres.log").chmod(0o644)
    os.chmod(data_dir, 0o701 if os.geteuid() == 0 else 0o700)  # noqa: PTH101  # a short call


async def test_a_cluster_of_an_older_version_is_converted(data_dir: Path) -> None:
    await _make_former(data_dir)
    for _ in range(2):
        with EmbeddedPostgres(data_dir, options=VOLATILE) as url:
            await migrate(url)
            connection = await asyncpg.connect(url)
            assert await connection.fetchval("SELECT id FROM tickets") == "T-1"
            await connection.execute("ALTER TABLE tickets ADD COLUMN more text")
            await connection.execute("ALTER TABLE tickets DROP COLUMN more")
            await connection.execute("ALTER SEQUENCE log_entries_sequence CACHE 1")
            await connection.execute("ALTER FUNCTION jsonb_merge_patch(jsonb, jsonb) IMMUTABLE")
            await connection.execute("CREATE OR REPLACE VIEW own.seen AS SELECT FROM tickets")
            others = await connection.fetch(
                "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
                " WHERE nspname IN ('public', 'own') AND relowner <> 'ticketops'::regrole"
            )
            assert others == []
            await connection.close()
    assert mode(data_dir) == (0o710 if os.geteuid() == 0 else 0o700)
    assert mode(data_dir / "postgres.log") == 0o600


async def test_a_cluster_that_an_older_version_is_using_is_not_converted(data_dir: Path) -> None:
    await _make_former(data_dir)
    with (data_dir / "users").open("r+") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        with pytest.raises(EmbeddedPostgresError, match="An older version") as refused:
            EmbeddedPostgres(data_dir, options=VOLATILE).start()
    assert "Stop all its processes" in (refused.value.hint or "")


@pytest.mark.parametrize("open_mode", [0o755, 0o750, 0o770, 0o701, 0o704, 0o777])
def test_an_open_folder_with_other_content_is_refused(working_dir: Path, open_mode: int) -> None:
    data_dir = working_dir / "data"
    data_dir.mkdir()
    (data_dir / "letter.txt").write_text("")
    data_dir.chmod(open_mode)
    with pytest.raises(
        EmbeddedPostgresError, match=f"open to other accounts .mode {open_mode:04o}"
    ) as refused:
        EmbeddedPostgres(data_dir, options=VOLATILE).start()
    assert f"chmod 700 {data_dir}" in (refused.value.hint or "")
    assert mode(data_dir) == open_mode
    data_dir.chmod(0o700)
    with EmbeddedPostgres(data_dir, options=VOLATILE):
        pass


def test_an_empty_folder_is_closed(working_dir: Path) -> None:
    data_dir = working_dir / "data"
    data_dir.mkdir(mode=0o755)
    with EmbeddedPostgres(data_dir, options=VOLATILE):
        assert mode(data_dir) == (0o710 if os.geteuid() == 0 else 0o700)


@AS_ROOT
def test_the_account_of_postgresql_cannot_replace_the_files_of_root(
    postgres: EmbeddedPostgres,
) -> None:
    assert postgres.data_dir.stat().st_uid == 0
    assert postgres.cluster.stat().st_uid != 0
    for name in ("lock", "users", "postgres.log"):
        assert (postgres.data_dir / name).stat().st_uid == 0


def test_the_log_is_limited(tmp_path: Path) -> None:
    log = PostgresLog(tmp_path / "postgres.log", max_bytes=1000)
    server = log.open()
    for number in range(100):
        os.write(server, f"{number:099}\n".encode())
        log.rotate()
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert sum(sizes) <= 2200
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}
    start = os.fstat(server).st_size
    assert log.reason(start) == "it wrote no output."
    os.write(server, b"2026 [1] FATAL:  no space\n2026 [1] LOG:  database system is shut down\n")
    assert log.reason(start) == "2026 [1] FATAL:  no space"
    os.close(server)


def test_the_log_is_limited_while_the_server_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_log, "INTERVAL_S", 0.01)
    log = PostgresLog(tmp_path / "postgres.log", max_bytes=1000)
    server = log.open()
    log.rotate_periodically()
    os.write(server, b"x" * 5000)
    deadline = time.monotonic() + 10
    while (tmp_path / "postgres.log").stat().st_size > 1000:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    log.stop()
    os.close(server)
