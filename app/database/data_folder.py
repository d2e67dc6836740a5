"""DATA_DIR, which only its owner can enter: it contains the data of customers.

PostgreSQL refuses to run as root. For root it runs as another account, whose group may pass
through DATA_DIR to the cluster. A folder above DATA_DIR that this account cannot enter gets the
permission to pass through it, but not to list it, and a warning in the log.
"""

import logging
import os
import stat
import subprocess
from pathlib import Path

from app.database.programs import Account, EmbeddedPostgresError, popen_options

__all__ = ["prepare_data_folder", "require_access"]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
# Older versions let all accounts pass through the folder if they ran as root.
_FORMER_MODE = 0o701
_ENTER = 'cd "$1"'

_logger = logging.getLogger(__name__)


def prepare_data_folder(folder: Path, account: Account | None) -> None:
    """Create the folder, or check that other accounts cannot enter it.

    Raises EmbeddedPostgresError if they can, and the folder has content that may not be ours.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    mode = stat.S_IMODE(found.st_mode)
    is_former = mode == _FORMER_MODE and (folder / "postgres" / "PG_VERSION").exists()
    is_ours = is_former or not any(folder.iterdir())
    # An account that owns the folder needs nothing more.
    group = None if account is None or account.uid == found.st_uid else account.gid
    allowed = stat.S_IXGRP if group == found.st_gid else 0
    if mode & _OTHERS & ~allowed and not is_ours:
        raise EmbeddedPostgresError(
            f"DATA_DIR {folder} is open to other accounts (mode {mode:04o}).",
            hint=f"Run: chmod 700 {folder}. Or set DATA_DIR to a folder of its own.",
        )
    if group is not None and group != found.st_gid:
        os.chown(folder, -1, group)
    wanted = 0o700 if group is None else 0o710
    if mode != wanted:
        folder.chmod(wanted)


def require_access(folder: Path, account: Account, *, hint: str) -> None:
    """Let an account pass through the folders above this one, and check that it can enter it.

    Raises EmbeddedPostgresError if it cannot.
    """
    if _can_enter(folder, account):
        return
    for path in (*reversed(folder.parents), folder):
        if _can_enter(path, account):
            continue
        if path != folder:
            path.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IXOTH)
            fields = {"folder": str(path), "account": account.name}
            _logger.warning("folder opened for PostgreSQL's account", extra={"fields": fields})
        if not _can_enter(path, account):
            message = f"PostgreSQL cannot run as root, and {account.name} cannot enter {path}."
            raise EmbeddedPostgresError(
                message,
                hint=f"{hint}, run ticketops as another user, or set DATABASE_URL.",
            )


def _can_enter(folder: Path, account: Account) -> bool:
    # Asked of the system, because access lists and mount options count as well as the mode.
    command = ["/bin/sh", "-c", _ENTER, "sh", str(folder)]
    done = subprocess.run(  # noqa: S603  # the path is an argument, not part of the command
        command, check=False, capture_output=True, **popen_options(Path("/"), account)
    )
    return done.returncode == 0
