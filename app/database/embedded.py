"""Embedded PostgreSQL: a server in DATA_DIR, for users without a PostgreSQL of their own.

The server is a separate process that listens only on a Unix socket in its folder. Several
processes can share it. Each user of the server holds a shared lock on a file, which the operating
system releases however the process ends. Starting and stopping happen under a second, exclusive
lock, and the last user stops the server. A server left running by a killed process is reused.
"""

import atexit
import errno
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from app.database.access import programs_for
from app.database.cluster import create_cluster, remove_partial_clusters
from app.database.data_folder import prepare_data_folder
from app.database.other_versions import other_programs
from app.database.postgres_log import PostgresLog
from app.database.postgres_supervisor import PostgresSupervisor
from app.database.postmaster import PORT, Postmaster
from app.database.programs import Account, EmbeddedPostgresError, account_for
from app.database.roles import DATABASE, ROLE, is_restricted, restrict
from app.errors import reason_of

__all__ = ["VOLATILE", "EmbeddedPostgres"]

_OPTIONS = {
    "listen_addresses": "",
    "port": str(PORT),
    # Enough for many processes with a pool each.
    "max_connections": "300",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    # The log is for the operation of the server. Errors of statements, which quote their values,
    # are reported to the client; details of other messages can contain a statement or a row.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
}
# For tests, whose data need not survive a power failure.
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """The PostgreSQL server of a folder; as a context manager, its value is the database's URL.

    A cluster of another major version is refused, unless ``allows_other_version`` and the programs
    of that version are installed, to back it up.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        options: Mapping[str, str] | None = None,
        allows_other_version: bool = False,
    ) -> None:
        self.data_dir = _absolute(data_dir)
        self.cluster = self.data_dir / "postgres"
        self._options = {**_OPTIONS, **(options or {})}
        self._log = PostgresLog(self.data_dir / "postgres.log")
        self._postmaster = Postmaster(self.cluster, self._log, self._options)
        self._allows_other_version = allows_other_version
        # The file descriptor of the shared lock, while this object uses the server.
        self._user_lock: int | None = None
        self._supervisor: PostgresSupervisor | None = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The URL of the database, whether or not the server runs."""
        folder = quote(str(self._postmaster.socket_folder), safe="/")
        return f"postgresql://{ROLE}@/{DATABASE}?host={folder}&port={PORT}"

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
                f"The embedded PostgreSQL cannot use DATA_DIR: {reason_of(error)}.",
                hint=_hint_of(error),
            ) from error
        self._log.rotate_periodically()
        atexit.register(self.stop)
        return self.url

    def supervise(self) -> None:
        """Restart the server whenever it dies, in a background thread, until `stop` is called."""
        self._supervisor = PostgresSupervisor(
            self._postmaster, account_for(self.cluster), self._exclusive
        )
        self._supervisor.start()

    def stop(self) -> None:
        """Release the server, and stop it if this was its last user."""
        if self._user_lock is None:
            return
        if self._supervisor is not None:
            self._supervisor.stop()
        atexit.unregister(self.stop)
        self._log.stop()
        user_lock, self._user_lock = self._user_lock, None
        try:
            with self._exclusive():
                if _is_last_user(user_lock):
                    self._postmaster.stop()
        finally:
            os.close(user_lock)

    def _start_or_share(self) -> None:
        account = account_for(self.cluster)
        programs_for(account)
        prepare_data_folder(self.data_dir, account)
        with self._exclusive():
            remove_partial_clusters(self.cluster)
            if not self.cluster.exists():
                durable = self._options.get("fsync") != "off"
                create_cluster(self.cluster, account=account, durable=durable)
            self._postmaster.programs = programs = other_programs(
                self.data_dir, allows_other=self._allows_other_version
            )
            user_lock = os.open(self.data_dir / "users", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if not is_restricted(self.cluster):
                    self._restrict(user_lock, account, programs)
                self._postmaster.ensure_running(account)
                fcntl.flock(user_lock, fcntl.LOCK_SH)
            except BaseException:
                os.close(user_lock)
                raise
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

    def _restrict(self, user_lock: int, account: Account | None, programs: Path | None) -> None:
        """Convert a cluster of an older version, whose server may be left from a killed process."""
        if not _is_last_user(user_lock):
            raise EmbeddedPostgresError(
                f"An older version of ticketops is using the PostgreSQL of {self.data_dir}.",
                hint="Stop all its processes, then start again.",
            )
        self._postmaster.stop()
        self._postmaster.remove_stale_files()
        restrict(self.cluster, account, programs)


def _absolute(data_dir: Path) -> Path:
    try:
        folder = Path(os.path.realpath(data_dir))
        _reject_loop(folder)
    except OSError as error:
        # The current directory was removed, or symbolic links form a loop.
        raise EmbeddedPostgresError(
            f"Cannot find the folder of DATA_DIR {data_dir}: {reason_of(error)}.",
            hint="Start in a folder that exists, or set DATA_DIR to an absolute path.",
        ) from error
    return folder


def _reject_loop(folder: Path) -> None:
    """Raise OSError if symbolic links form a loop, which `realpath` accepts.

    `Path.resolve` rejects it only before Python 3.13.
    """
    try:
        folder.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise


def _hint_of(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "Free some space, or set DATA_DIR to a folder on another file system."
    return "Set DATA_DIR to a folder that this user can write, or set DATABASE_URL."


def _is_last_user(user_lock: int) -> bool:
    """Return whether no other process holds the shared lock, by making it exclusive."""
    try:
        fcntl.flock(user_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
