"""Run tests on an installed PostgreSQL that others have configured.

``python -m tests.installed_postgres`` takes the arguments of pytest. It starts a server of
POSTGRES_BIN, and sets TEST_DATABASE_URL for pytest. The tests, and so the service, connect as a
role with no attribute other than CREATEDB. The settings below are the defaults of every session;
the service must set those that it depends on.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from app.database.programs import SUPERUSER, Account, account_for, popen_options, run_program

__all__ = ["installed_postgres"]

DEFAULT_BIN = "/usr/lib/postgresql/15/bin"
ROLE = "tests"
SCHEMA = "Tickets of others"
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "300",
    # The data is deleted after the tests.
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    # Transactions, and the names that statements find.
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "search_path": f'"{SCHEMA}", public',
    # The text of values.
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Pacific/Chatham",
    "bytea_output": "escape",
    "extra_float_digits": "-3",
    "default_text_search_config": "pg_catalog.german",
    "quote_all_identifiers": "on",
    # The meaning of statements.
    "array_nulls": "off",
    "backslash_quote": "off",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    # Plans.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "join_collapse_limit": "1",
}
_PREPARE = (
    f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER CREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS",
    # Copied to each database of the tests.
    f'CREATE SCHEMA "{SCHEMA}"',
    f'GRANT USAGE, CREATE ON SCHEMA "{SCHEMA}" TO {ROLE}',
    "REVOKE ALL ON SCHEMA public FROM PUBLIC, pg_database_owner",
    f"GRANT USAGE ON SCHEMA public TO {ROLE}",
)


@contextmanager
def installed_postgres(programs: Path) -> Iterator[str]:
    """Run a temporary server of these programs during the block, and yield its URL."""
    # Not TMPDIR, because the path of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="ticketops-", dir="/tmp") as name:
        folder = Path(name)
        cluster = folder / "data"
        account = account_for(cluster)
        if account is not None:
            os.chown(folder, account.uid, account.gid)
        run_program(
            [
                programs / "initdb",
                *(f"--pgdata={cluster}", f"--username={SUPERUSER}", "--auth=trust"),
                *("--encoding=UTF8", "--locale=C", "--no-sync"),
            ],
            folder=folder,
            account=account,
        )
        server = _start(programs, cluster, account)
        try:
            _wait(server, cluster)
            asyncio.run(_prepare(f"postgresql://{SUPERUSER}@/template1?host={folder}"))
            yield f"postgresql://{ROLE}@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(STOP_TIMEOUT_S)


def _start(programs: Path, cluster: Path, account: Account | None) -> subprocess.Popen[bytes]:
    settings = {**_SETTINGS, "unix_socket_directories": str(cluster.parent)}
    arguments = [f"--{name}={value}" for name, value in settings.items()]
    with (cluster.parent / "log").open("wb") as log:
        return subprocess.Popen(
            [programs / "postgres", "-D", cluster, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **popen_options(cluster, account),
        )


def _wait(server: subprocess.Popen[bytes], cluster: Path) -> None:
    """Wait until the server accepts connections."""
    pid_file = cluster / "postmaster.pid"
    deadline = time.monotonic() + START_TIMEOUT_S
    while not pid_file.exists() or "ready" not in pid_file.read_text().split():
        output = (cluster.parent / "log").read_text()
        assert server.poll() is None, output
        assert time.monotonic() < deadline, output
        time.sleep(0.02)


async def _prepare(url: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in _PREPARE:
        await connection.execute(statement)
    await connection.close()


def main(arguments: Sequence[str]) -> int:
    """Run pytest with these arguments, and return its exit status."""
    programs = Path(os.environ.get("POSTGRES_BIN") or DEFAULT_BIN)
    if not (programs / "initdb").exists():
        sys.exit(
            f"Cannot find PostgreSQL in {programs} (on Debian 12: apt install postgresql-15)."
            f" If it is elsewhere, set POSTGRES_BIN to the folder of its programs."
        )
    with installed_postgres(programs) as url:
        return subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            env={**os.environ, "TEST_DATABASE_URL": url},
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
