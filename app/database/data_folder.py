"""DATA_DIR, which only its owner can enter: it contains the data of customers.

PostgreSQL refuses to run as root. For root it runs as another account, whose group may pass
through DATA_DIR to the cluster. Folders above DATA_DIR are never changed.
"""

import os
import stat
from pathlib import Path

from app.database.programs import Account, EmbeddedPostgresError

__all__ = ["prepare_data_folder"]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
# Older versions let all accounts pass through the folder if they ran as root.
_FORMER_MODE = 0o701


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
