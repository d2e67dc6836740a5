"""DATA_DIR with a cluster of another major version of PostgreSQL, moved by its own server.

The commands are those of docs/how-to/back-up-and-restore.md.
"""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from app.database.client_programs import server_programs
from app.database.data_folder import prepare_data_folder
from app.database.embedded import EmbeddedPostgres
from app.database.programs import MAJOR_VERSION, SUPERUSER, account_for, make_private, run_program
from tests.app.database.contents import contents, filled
from tests.app.programs import needed
from tests.app.service import TICKETOPS, environment, ticketops
from tests.installed_postgres import DEFAULT_BIN

OTHER = 15
ROOT = Path(__file__).parents[3]


def create_cluster_of(programs: Path, data_dir: Path) -> None:
    """Create a cluster with the database, as a version of ticketops with that PostgreSQL would."""
    cluster = data_dir / "postgres"
    account = account_for(cluster)
    prepare_data_folder(data_dir, account)
    make_private(cluster, account)
    run_program(
        [
            programs / "initdb",
            *(f"--pgdata={cluster}", f"--username={SUPERUSER}", "--auth=trust"),
            *("--encoding=UTF8", "--locale=C", "--no-sync"),
        ],
        folder=cluster,
        account=account,
    )
    run_program(
        [programs / "postgres", "--single", "-D", cluster, "postgres"],
        folder=cluster,
        account=account,
        stdin="CREATE DATABASE ticketops\n",
    )


def test_a_cluster_of_postgresql_15_is_moved_by_the_commands_of_the_refusal(
    working_dir: Path,
) -> None:
    data_dir = working_dir / "its data"
    programs = Path(needed(f"{DEFAULT_BIN}/postgres", package="postgresql-15")).parent
    create_cluster_of(programs, data_dir)
    with EmbeddedPostgres(data_dir, allows_other_version=True) as url:
        asyncio.run(filled(url))
        before = asyncio.run(contents(url))
    assert (data_dir / "postgres/PG_VERSION").read_text().strip() == str(OTHER)

    refused = ticketops("serve", cwd=working_dir, DATA_DIR=str(data_dir), PORT="0")
    assert refused.returncode == 2
    message, hint = refused.stderr.splitlines()
    assert f"was created by PostgreSQL {OTHER}; the embedded PostgreSQL is version" in message
    commands = hint.partition("To move it, run: ")[2]
    documented = (ROOT / "docs/how-to/back-up-and-restore.md").read_text("utf-8")
    for command in commands.replace(f"'{data_dir.resolve()}", "'.data").split(" && "):
        assert command.replace("'", "") in documented

    done = subprocess.run(
        ["/bin/sh", "-c", commands],
        cwd=working_dir,
        env={**environment({}), "PATH": f"{TICKETOPS.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done
    assert (data_dir / f"postgres-{OTHER}/PG_VERSION").read_text().strip() == str(OTHER)
    with EmbeddedPostgres(data_dir) as url:
        assert (data_dir / "postgres/PG_VERSION").read_text().strip() == str(MAJOR_VERSION)
        assert asyncio.run(contents(url)) == before


@pytest.mark.parametrize(
    ("version", "advice"),
    [("99", "Use a newer version of ticketops"), ("12", "transfer the data by pg_dump")],
)
def test_a_cluster_that_cannot_be_moved_is_refused(
    working_dir: Path, version: str, advice: str
) -> None:
    cluster = working_dir / ".data/postgres"
    cluster.mkdir(parents=True)
    cluster.parent.chmod(0o700)
    (cluster / "PG_VERSION").write_text(f"{version}\n")
    for command in (("migrate",), ("backup", "file")):
        done = ticketops(*command, cwd=working_dir)
        assert done.returncode == 2
        assert f"was created by PostgreSQL {version};" in done.stderr
        assert advice in done.stderr


def test_the_programs_of_another_version_in_the_wheel_are_found() -> None:
    found = server_programs(16)
    assert found is not None
    done = subprocess.run([found / "postgres", "--version"], capture_output=True, check=True)
    assert b"(PostgreSQL) 16." in done.stdout
