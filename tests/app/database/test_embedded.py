"""The embedded PostgreSQL, with real processes that are killed."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from app.database.embedded import VOLATILE, EmbeddedPostgres
from app.database.programs import EmbeddedPostgresError
from tests.app.conftest import new_data_dir

# Starts the server, prints its URL, and stops at a line on stdin.
USER = """
import sys
from pathlib import Path
from app.database.embedded import VOLATILE, EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1]), options=VOLATILE) as url:
    print(url, flush=True)
    sys.stdin.readline()
"""


def embedded(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, options=VOLATILE)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Return a DATA_DIR shared by the tests of this module."""
    with new_data_dir() as folder:
        yield folder


@contextmanager
def other_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", USER, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        if process.poll() is None:
            process.communicate("\n", timeout=60)


def wait_until_up(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def postmaster(folder: Path) -> psutil.Process | None:
    file = folder / "postgres" / "postmaster.pid"
    return psutil.Process(int(file.read_text().split()[0])) if file.exists() else None


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_start_query_and_stop(folder: Path) -> None:
    with embedded(folder) as url:
        assert await ask(url, "SELECT current_database()") == "ticketops"
        assert postmaster(folder) is not None
    assert postmaster(folder) is None


async def test_collation_and_case_mapping_do_not_depend_on_the_machine(folder: Path) -> None:
    with embedded(folder) as url:
        assert await ask(url, "SHOW server_encoding") == "UTF8"
        assert await ask(url, "SELECT upper('straße é') || ('a' < 'B')") == "STRAßE Éfalse"


async def test_it_listens_only_on_a_private_unix_socket(folder: Path) -> None:
    with embedded(folder) as url:
        assert await ask(url, "SHOW listen_addresses") == ""
        found = postmaster(folder)
        assert found is not None
        assert (folder / "postgres").stat().st_mode & 0o077 == 0
        assert not [one for one in found.net_connections("inet") if one.status == "LISTEN"]


def test_processes_share_the_server_and_the_last_one_stops_it(folder: Path) -> None:
    with other_process(folder) as first, other_process(folder) as second:
        assert wait_until_up(first) == wait_until_up(second) != ""
        first.communicate("\n", timeout=60)
        assert postmaster(folder) is not None
    assert postmaster(folder) is None


async def test_a_server_left_by_a_killed_process_is_reused(folder: Path) -> None:
    with other_process(folder) as owner:
        url = wait_until_up(owner)
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        left = postmaster(folder)
        owner.kill()
    assert postmaster(folder) == left
    with embedded(folder) as url:
        assert await ask(url, "SELECT answer FROM kept") == 42
    assert postmaster(folder) is None


@pytest.mark.parametrize("time_to_die_s", [0.0, 0.05, 0.5])
async def test_restart_after_process_and_server_were_killed(
    folder: Path, time_to_die_s: float
) -> None:
    with other_process(folder) as owner:
        wait_until_up(owner)
        killed = postmaster(folder)
        assert killed is not None
        owner.kill()
        killed.kill()
    await asyncio.sleep(time_to_die_s)
    with embedded(folder) as url:
        assert await ask(url, "SELECT 1") == 1
    assert postmaster(folder) is None


def test_a_stale_pid_file_with_the_pid_of_another_process(folder: Path) -> None:
    with embedded(folder):
        text = (folder / "postgres" / "postmaster.pid").read_text()
    _, _, rest = text.partition("\n")
    (folder / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{rest}")
    with embedded(folder):
        pass
    assert postmaster(folder) is None


def test_processes_that_start_at_once_create_one_server(data_dir: Path) -> None:
    with (
        other_process(data_dir) as first,
        other_process(data_dir) as second,
        other_process(data_dir) as third,
    ):
        urls = {wait_until_up(one) for one in (first, second, third)}
        assert len(urls) == 1
        assert "" not in urls
    assert postmaster(data_dir) is None


def test_creation_after_a_process_was_killed_while_creating(data_dir: Path) -> None:
    with other_process(data_dir) as maker:
        while not list(data_dir.glob("postgres.new-*/base")):
            time.sleep(0.005)
        maker.kill()
    assert not (data_dir / "postgres").exists()
    with embedded(data_dir):
        assert postmaster(data_dir) is not None


def test_a_path_that_is_too_long_for_a_socket(working_dir: Path) -> None:
    deep = working_dir / ("long-" * 20) / "data"
    server = embedded(deep)
    with server as url:
        assert str(deep) not in url
        place = Path(url.partition("host=")[2].partition("&")[0])
        assert place.stat().st_mode & 0o077 == 0
    place.rmdir()


def test_a_cluster_of_another_version_is_rejected(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir()
    (data_dir / "postgres" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(EmbeddedPostgresError, match=r"PostgreSQL 9\.6"):
        embedded(data_dir).start()


def test_an_incomplete_cluster_is_rejected(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir()
    with pytest.raises(EmbeddedPostgresError, match="is not a complete database") as refused:
        embedded(data_dir).start()
    assert "another folder" in refused.value.hint


def test_the_error_of_a_failed_start_contains_the_reason(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, options={**VOLATILE, "shared_buffers": "much"})
    with pytest.raises(EmbeddedPostgresError, match="shared_buffers"):
        server.start()


def test_a_data_dir_that_is_a_file_is_rejected(data_dir: Path) -> None:
    (data_dir / "data").write_text("")
    with pytest.raises(EmbeddedPostgresError, match="DATA_DIR"):
        embedded(data_dir / "data").start()


def test_ctrl_c_does_not_reach_the_server(folder: Path) -> None:
    """A terminal sends SIGINT to the whole process group."""
    with embedded(folder):
        found = postmaster(folder)
        assert found is not None
        assert os.getpgid(found.pid) != os.getpgid(0)
