"""Access of PostgreSQL's account to its programs and to a cluster below folders closed to it.

For root, PostgreSQL runs as another account, which cannot enter a private folder such as /root.
No folder is opened for it. It uses the cluster through its working directory, which root sets
before it changes the account, and it runs a copy of the programs.
"""

import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from app.database.program_copy import copy_programs
from app.database.programs import Account, EmbeddedPostgresError, find_programs, popen_options

__all__ = ["WORKING_DIRECTORY", "can_enter", "path_for", "programs_for"]

# On Linux, a path of the working directory that can be used whatever folders are above it.
# PostgreSQL changes to its data folder at the start, and stays in it.
WORKING_DIRECTORY = Path("/proc/self/cwd")
# The place of data that programs can make again (Filesystem Hierarchy Standard 3.0, 5.5).
_CACHE = Path("/var/cache/ticketops")
_ADVICE = "run ticketops as another user, or set DATABASE_URL."


def path_for(folder: Path, account: Account | None) -> Path:
    """Return the path by which the account can use a folder that is its working directory.

    Raises EmbeddedPostgresError if there is none.
    """
    if account is None:
        return folder
    for path in (folder, WORKING_DIRECTORY):
        if can_enter(path, account, working_directory=folder):
            return path
    if folder.stat().st_uid != account.uid:
        raise EmbeddedPostgresError(
            f"PostgreSQL cannot run as root, and {folder} does not belong to {account.name}.",
            hint=f"Run: chown -R {account.name} {folder}. Or {_ADVICE}",
        )
    raise EmbeddedPostgresError(
        f"PostgreSQL cannot run as root, and {account.name} cannot enter {folder}.",
        hint=f"Set DATA_DIR to a folder that it can reach, {_ADVICE}",
    )


def can_enter(folder: Path, account: Account, *, working_directory: Path = Path("/")) -> bool:
    """Return whether the account can enter a folder by its path."""
    # The system decides, because access lists and mount options count in addition to the mode.
    return _succeeds(["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)], working_directory, account)


def programs_for(account: Account | None, programs: Path | None = None) -> Path:
    """Return the folder of the programs, or of a copy if the account cannot run them.

    ``programs`` is the folder of another version. Raises EmbeddedPostgresError if there is none, or
    it cannot be copied.
    """
    found = programs or find_programs()
    return found if account is None else _programs_for(account, found)


@cache
def _programs_for(account: Account, programs: Path) -> Path:
    if _runs(programs, account):
        return programs
    try:
        copy = copy_programs(programs, _CACHE)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"PostgreSQL cannot run as root, {account.name} cannot run {programs / 'postgres'},"
            f" and a copy cannot be written: {error}.",
            hint=f"Install ticketops in a folder that it can reach, such as /opt, {_ADVICE}",
        ) from error
    if not _runs(copy, account):
        raise EmbeddedPostgresError(
            f"PostgreSQL cannot run as root, and {account.name} cannot run {copy / 'postgres'}.",
            hint=f"Let all accounts enter {_CACHE}, {_ADVICE}",
        )
    return copy


def _runs(programs: Path, account: Account) -> bool:
    return all(
        _succeeds([str(programs / name), "--version"], Path("/"), account)
        for name in ("postgres", "initdb")
    )


def _succeeds(command: Sequence[str], folder: Path, account: Account) -> bool:
    try:
        done = subprocess.run(  # noqa: S603  # paths are arguments, not part of the command
            command, check=False, capture_output=True, **popen_options(folder, account)
        )
    except PermissionError:
        return False
    return done.returncode == 0
