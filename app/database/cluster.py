"""Creation of a PostgreSQL cluster: the folder with a server's databases."""

import os
import shutil
import tempfile
from pathlib import Path

from app.database.access import path_for, programs_for
from app.database.programs import SUPERUSER, Account, run_program
from app.database.roles import create_database

__all__ = ["create_cluster", "remove_partial_clusters"]


def create_cluster(cluster: Path, *, account: Account | None, durable: bool) -> None:
    """Create a cluster with an empty database of the service's role.

    The cluster is built in a temporary folder and then renamed, so that it is complete or absent.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"{cluster.name}.new-", dir=cluster.parent))
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    programs = programs_for(account)
    options = [
        f"--pgdata={path_for(folder, account)}",
        f"--username={SUPERUSER}",
        # Replaced by `create_database`; without it, initdb prints a warning.
        "--auth=trust",
        "--encoding=UTF8",
        # The same collation and case mapping on every machine.
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        *([] if durable else ["--no-sync"]),
    ]
    run_program([programs / "initdb", *options], folder=folder, account=account)
    create_database(folder, account)
    folder.rename(cluster)


def remove_partial_clusters(cluster: Path) -> None:
    """Remove the temporary folders of processes that were killed while creating a cluster.

    If a program of such a process is still writing, files may remain until the next call.
    """
    for leftover in cluster.parent.glob(f"{cluster.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
