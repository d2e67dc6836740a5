"""Embedded PostgreSQL: a server in DATA_DIR, for users without a PostgreSQL of their own.

The server is a separate process that listens only on a Unix socket in its folder. Several
processes can share it. Each user of the server holds a shared lock on a file, which the operating
system releases however the process ends. Starting and stopping happen under a second, exclusive
lock, and the last user stops the server. A server left running by a killed process is reused.
"""

import atexit
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from app.database.cluster import create_cluster, remove_partial_clusters
from app.database.postmaster import PORT, Postmaster
from app.database.programs import (
    MAJOR_VERSION,
    SUPERUSER,
    EmbeddedPostgresError,
    account_for,
    find_programs,
    make_traversable,
)

__all__ = ["VOLATILE", "EmbeddedPostgres"]

DATABASE = "ticketops"

_OPTIONS = {
    "listen_addresses": "",
    "port": str(PORT),
    # Enough for many processes with a pool each.
    "max_connections": "300",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
}
# For tests, whose data need not survive a power failure.
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """The PostgreSQL server of a folder; as a context manager, its value is the database's URL."""

    def __init__(self, data_dir: Path, *, options: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.cluster = self.data_dir / "postgres"
        self._options = {**_OPTIONS, **(options or {})}
        self._postmaster = Postmaster(self.cluster, self.data_dir / "postgres.log", self._options)
        # The file descriptor of the shared lock, while this object uses the server.
        self._user_lock: int | None = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The URL of the database, whether or not the server runs."""
        folder = quote(str(self._postmaster.socket_folder), safe="/")
        return f"postgresql://{SUPERUSER}@/{DATABASE}?host={folder}&port={PORT}"

    def start(self) -> str:
        """Create the cluster and start the server, unless that is done, and return the URL.

        Without a call of `stop`, the server stops at the end of the process.
        Raises EmbeddedPostgresError.
        """
        if self._user_lock is not None:
            return self.url
        try:
            self._start_or_share()
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The embedded PostgreSQL cannot use DATA_DIR: {error}.",
                hint="Check who owns the folder, or set DATA_DIR or DATABASE_URL.",
            ) from error
        atexit.register(self.stop)
        return self.url

    def stop(self) -> None:
        """Release the server, and stop it if this was its last user."""
        if self._user_lock is None:
            return
        atexit.unregister(self.stop)
        user_lock, self._user_lock = self._user_lock, None
        try:
            with self._exclusive():
                if _is_last_user(user_lock):
                    self._postmaster.stop()
        finally:
            os.close(user_lock)

    def _start_or_share(self) -> None:
        programs = find_programs()
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        account = account_for(self.cluster)
        if account is not None:
            make_traversable(self.data_dir)
            make_traversable(programs)
        with self._exclusive():
            remove_partial_clusters(self.cluster)
            if not self.cluster.exists():
                durable = self._options.get("fsync") != "off"
                create_cluster(self.cluster, DATABASE, account=account, durable=durable)
            self._refuse_other_version()
            self._postmaster.ensure_running(account)
            user_lock = os.open(self.data_dir / "users", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(user_lock, fcntl.LOCK_SH)
            self._user_lock = user_lock

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Hold the lock for starting and stopping this server."""
        lock = os.open(self.data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _refuse_other_version(self) -> None:
        version = (self.cluster / "PG_VERSION").read_text().strip()
        if version != str(MAJOR_VERSION):
            raise EmbeddedPostgresError(
                f"{self.cluster} was created by PostgreSQL {version}; the embedded PostgreSQL is "
                f"version {MAJOR_VERSION}.",
                hint="Set DATA_DIR to another folder, and transfer the data by pg_dump.",
            )


def _is_last_user(user_lock: int) -> bool:
    """Return whether no other process holds the shared lock, by making it exclusive."""
    try:
        fcntl.flock(user_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
