"""An embedded PostgreSQL: a server of our own in DATA_DIR, for whoever has none.

The programs come with a wheel. The server is a process of its own that listens on
nothing but a socket in its folder. Everybody who uses it holds a shared lock on a
file (which the system takes back from a process however it dies), starting and
stopping happen under a second one, and the last to go stops the server. So several
of our processes share one server, and one that was left running is taken over.
"""

import atexit
import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psutil

from app.database.programs import (
    MAJOR,
    SUPERUSER,
    Account,
    EmbeddedPostgresError,
    account_for,
    find_programs,
    how,
    make_cluster,
    make_private,
    open_way,
    remove_leftovers,
)

DATABASE = "ticketops"
PORT = 5432  # only a part of the socket's name
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 2.0
POLL_S = 0.02
# The shortest message that a server answers (PostgreSQL, Message Formats).
SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
# sockaddr_un holds 104 bytes on macOS, 108 on Linux.
SOCKET_PATH_MAX_BYTES = 103

_OPTIONS = {
    "listen_addresses": "",
    "port": str(PORT),
    # Enough for many processes with a pool each.
    "max_connections": "300",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
}
# What a test does not need: that its data outlive the machine's power.
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# Kept, for a server may outlive the object that started it, and Python warns of a
# child that nobody holds.
_children: list[subprocess.Popen[bytes]] = []


class EmbeddedPostgres:
    """The PostgreSQL of a folder; a context manager whose value is the URL of the database."""

    def __init__(self, data_dir: Path, *, options: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.cluster = self.data_dir / "postgres"
        self.log = self.data_dir / "postgres.log"
        self._options = {**_OPTIONS, **(options or {})}
        self._users: int | None = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The URL of the database, whether or not the server runs."""
        folder = quote(str(self._socket_folder()), safe="/")
        return f"postgresql://{SUPERUSER}@/{DATABASE}?host={folder}&port={PORT}"

    def start(self) -> str:
        """Make the server and start it, as far as nobody else has, and return its URL.

        Raises EmbeddedTrouble. Who forgets to `stop` does so at the end of the process.
        """
        if self._users is not None:
            return self.url
        try:
            self._start_or_share()
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The embedded PostgreSQL cannot use DATA_DIR: {error}.",
                hint="It may belong to another user. Set DATA_DIR or DATABASE_URL.",
            ) from error
        atexit.register(self.stop)
        return self.url

    def stop(self) -> None:
        """Leave the server, and stop it where nobody else uses it."""
        if self._users is None:
            return
        atexit.unregister(self.stop)
        users, self._users = self._users, None
        try:
            with self._locked():
                if _try_lock(users):
                    self._stop()
        finally:
            os.close(users)

    def _start_or_share(self) -> None:
        programs = find_programs()
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        account = account_for(self.cluster)
        if account is not None:
            open_way(self.data_dir)
            open_way(programs)
        with self._locked():
            remove_leftovers(self.cluster)
            if not self.cluster.exists():
                durable = self._options.get("fsync") != "off"
                make_cluster(self.cluster, DATABASE, account=account, durable=durable)
            self._refuse_other_version()
            self._ensure_running(account)
            users = os.open(self.data_dir / "users", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(users, fcntl.LOCK_SH)
            self._users = users

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Be the only one that starts or stops this server."""
        lock = os.open(self.data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _refuse_other_version(self) -> None:
        version = (self.cluster / "PG_VERSION").read_text().strip()
        if version != str(MAJOR):
            raise EmbeddedPostgresError(
                f"{self.cluster} was made by PostgreSQL {version}, and this is {MAJOR}.",
                hint="Set DATA_DIR to another folder, and bring the data there by pg_dump.",
            )

    def _ensure_running(self, account: Account | None) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            found = self._postmaster()
            if found is None:
                self._start(account, deadline)
                return
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"Process {found.pid} seems to be the PostgreSQL of {self.data_dir}, "
                    f"but does not answer.",
                    hint=f"End it, or see {self.log}.",
                )
            # It is on its way up, or on its way down.
            time.sleep(POLL_S)
        self._wait_until_ready(deadline)

    def _start(self, account: Account | None, deadline: float) -> None:
        folder = self._socket_folder()
        if folder != self.cluster:
            make_private(folder, account)
        self._clear_away()
        options = {**self._options, "unix_socket_directories": str(folder)}
        arguments = [f"--{name}={value}" for name, value in options.items()]
        with self.log.open("ab") as log:
            server = subprocess.Popen(  # noqa: S603  # a program of ours, with arguments of ours
                [find_programs() / "postgres", "-D", self.cluster, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **how(self.cluster, account),
            )
        _children.append(server)
        try:
            self._wait_until_ready(deadline, server)
        except BaseException:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                server.send_signal(signal.SIGQUIT)
            raise

    def _clear_away(self) -> None:
        """Remove what a dead server left, where its process number belongs to someone else by now.

        PostgreSQL would take that one for itself; all else it clears away on its own.
        """
        lines = self._pid_file()
        if lines and lines[0].isdecimal() and psutil.pid_exists(int(lines[0])):
            (self.cluster / "postmaster.pid").unlink()
            self._socket().with_name(f"{self._socket().name}.lock").unlink(missing_ok=True)

    def _wait_until_ready(
        self, deadline: float, server: subprocess.Popen[bytes] | None = None
    ) -> None:
        while self._status() != "ready" or not self._answers():
            if server is not None and server.poll() is not None:
                raise EmbeddedPostgresError(
                    f"The embedded PostgreSQL did not start: {_last_line(self.log)}",
                    hint=f"All it said is in {self.log}.",
                )
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"The embedded PostgreSQL was not ready after {START_TIMEOUT_S:g} s.",
                    hint=f"See {self.log}.",
                )
            time.sleep(POLL_S)

    def _stop(self) -> None:
        # Fast: it ends the sessions, writes everything down and goes. At once, where
        # that takes too long: the next start repeats what was written to the log.
        for command in (signal.SIGINT, signal.SIGQUIT):
            server = self._postmaster()
            if server is None:
                return
            with suppress(psutil.NoSuchProcess):
                server.send_signal(command)
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while self._postmaster() is not None and time.monotonic() < deadline:
                time.sleep(POLL_S)

    def _postmaster(self) -> psutil.Process | None:
        """Return the process that holds the cluster, as far as the system still has it."""
        lines = self._pid_file()
        if not lines or not lines[0].isdecimal():
            return None
        try:
            process = psutil.Process(int(lines[0]))
            is_ours = process.name() == "postgres" and str(self.cluster) in process.cmdline()
        except psutil.Error:
            return None
        return process if is_ours and process.status() != psutil.STATUS_ZOMBIE else None

    def _status(self) -> str:
        lines = self._pid_file()
        return lines[7].strip() if len(lines) > 7 else ""  # noqa: PLR2004  # LOCK_FILE_LINE_PM_STATUS

    def _pid_file(self) -> list[str]:
        try:
            return (self.cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _answers(self) -> bool:
        """Tell whether a server takes a connection, and not just what is left of one."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(ANSWER_TIMEOUT_S)
            try:
                probe.connect(str(self._socket()))
                probe.sendall(SSL_REQUEST)
                return bool(probe.recv(1))
            except OSError:
                return False

    def _socket(self) -> Path:
        return self._socket_folder() / f".s.PGSQL.{PORT}"

    def _socket_folder(self) -> Path:
        """Return the cluster's folder, or one with a shorter path where a socket needs it."""
        if len(os.fsencode(self.cluster / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_MAX_BYTES:
            return self.cluster
        digest = hashlib.sha256(os.fsencode(self.cluster)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"ticketops-{digest}"


def _try_lock(users: int) -> bool:
    """Take a shared lock for oneself alone, where nobody else has it."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing."
