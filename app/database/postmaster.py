"""Control of the server process of an embedded cluster: start, readiness, stop.

The state is read from the cluster itself (`postmaster.pid` and the socket), so that a
process can control a server that another process started.
"""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from app.database.access import can_enter, path_for, programs_for
from app.database.postgres_log import PostgresLog
from app.database.programs import (
    Account,
    EmbeddedPostgresError,
    make_private,
    popen_options,
)

__all__ = ["PORT", "Postmaster"]

PORT = 5432  # used only in the name of the socket
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 2.0
POLL_S = 0.02
# The shortest message that a server responds to (PostgreSQL, Message Formats).
SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
# sockaddr_un holds 104 bytes on macOS, 108 on Linux.
MAX_SOCKET_PATH_BYTES = 103
# The line of postmaster.pid with the status (LOCK_FILE_LINE_PM_STATUS), counted from 0.
STATUS_LINE = 7
# The state in the control file, a number that is the same in all versions (`DBState`).
STATE_BYTES = slice(16, 20)
SHUT_DOWN = 1
# Identifies the server of a cluster in the list of processes. PostgreSQL accepts any parameter
# whose name has a dot, and does nothing with it.
_CLUSTER_OPTION = "ticketops.cluster"

# Referenced for the life of the process: the server may outlive the object that started it,
# and Python warns of a running child that is garbage-collected.
_children: list[subprocess.Popen[bytes]] = []


class Postmaster:
    """The server process of a cluster. Callers serialize `ensure_running` and `stop` by a lock."""

    def __init__(self, cluster: Path, log: PostgresLog, options: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._log = log
        self._options = options
        # The folder of the programs, for a cluster of another version.
        self.programs: Path | None = None

    @property
    def socket_folder(self) -> Path:
        """The cluster's folder, or another one if its path cannot be that of a socket.

        It can be too long, and a comma separates several folders.
        """
        path = os.fsencode(self._cluster / f".s.PGSQL.{PORT}")
        if len(path) <= MAX_SOCKET_PATH_BYTES and b"," not in path:
            return self._cluster
        digest = hashlib.sha256(os.fsencode(self._cluster)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"ticketops-{digest}"

    def is_running(self) -> bool:
        """Return whether a process holds the cluster, ready or not."""
        for child in _children:
            # Collect the exit status of those that have ended, which would remain as zombies.
            child.poll()
        return self._process() is not None

    def was_shut_down(self) -> bool:
        """Return whether a server that does not run was shut down in order; it then left no file.

        A server that could not recover, because its disk is full, has left none either. The state
        that a server records last is in its control file (`ControlFileData`).
        """
        if self._pid_file():
            return False
        control = (self._cluster / "global" / "pg_control").read_bytes()
        return int.from_bytes(control[STATE_BYTES], sys.byteorder) == SHUT_DOWN

    def ensure_running(self, account: Account | None) -> None:
        """Start the server unless it runs, and wait until it accepts connections."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._accepts_connections():
            found = self._process()
            if found is None:
                self._start(account, deadline)
                return
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"Process {found.pid} seems to be the PostgreSQL of {self._cluster.parent}, "
                    f"but does not respond.",
                    hint=f"End that process, or read {self._log.path}.",
                )
            # The server is starting or stopping.
            time.sleep(POLL_S)
        self._wait_until_ready(deadline)

    def stop(self) -> None:
        """Stop the server: in order at first, at once if that takes too long."""
        # SIGINT ends the sessions and writes all data. After SIGQUIT, the next start
        # recovers from the write-ahead log.
        for number in (signal.SIGINT, signal.SIGQUIT):
            server = self._process()
            if server is None:
                return
            with suppress(psutil.NoSuchProcess):
                server.send_signal(number)
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while self._process() is not None and time.monotonic() < deadline:
                time.sleep(POLL_S)

    def _start(self, account: Account | None, deadline: float) -> None:
        if self.socket_folder != self._cluster:
            make_private(self.socket_folder, account)
            if account is not None and not can_enter(self.socket_folder, account):
                raise EmbeddedPostgresError(
                    f"PostgreSQL cannot run as root, and {account.name} cannot enter the folder of"
                    f" its socket, {self.socket_folder}.",
                    hint="Set DATA_DIR to a folder with a shorter path, or change TMPDIR.",
                )
        self.remove_stale_files()
        self._log.rotate()
        data = path_for(self._cluster, account)
        # Bound by the server, hence by the path that its account can use.
        sockets = data if self.socket_folder == self._cluster else self.socket_folder
        options = {
            **self._options,
            "unix_socket_directories": str(sockets),
            _CLUSTER_OPTION: str(self._cluster),
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        with os.fdopen(self._log.open(), "ab") as log:
            start = os.fstat(log.fileno()).st_size
            server = subprocess.Popen(  # noqa: S603  # program and arguments come from this package
                [programs_for(account, self.programs) / "postgres", "-D", data, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **popen_options(self._cluster, account),
            )
        _children.append(server)
        try:
            self._wait_until_ready(deadline, server, log_start=start)
        except BaseException:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                server.send_signal(signal.SIGQUIT)
            raise

    def remove_stale_files(self) -> None:
        """Remove the files of a dead server whose process id now belongs to another process.

        PostgreSQL would mistake that process for its server; other leftovers it removes itself.
        """
        lines = self._pid_file()
        if lines and lines[0].isdecimal() and psutil.pid_exists(int(lines[0])):
            (self._cluster / "postmaster.pid").unlink()
            self._socket.with_name(f"{self._socket.name}.lock").unlink(missing_ok=True)

    def _wait_until_ready(
        self,
        deadline: float,
        server: subprocess.Popen[bytes] | None = None,
        *,
        log_start: int = 0,
    ) -> None:
        while self._status() != "ready" or not self._accepts_connections():
            if server is not None and server.poll() is not None:
                raise EmbeddedPostgresError(
                    f"The embedded PostgreSQL did not start: {self._log.reason(log_start)}",
                    hint=f"Its complete output is in {self._log.path}.",
                )
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"The embedded PostgreSQL was not ready after {START_TIMEOUT_S:g} s.",
                    hint=f"Read its output in {self._log.path}.",
                )
            time.sleep(POLL_S)

    def _process(self) -> psutil.Process | None:
        """Return the process that holds the cluster, None if it has ended."""
        lines = self._pid_file()
        if not lines or not lines[0].isdecimal():
            return None
        try:
            process = psutil.Process(int(lines[0]))
            # Servers that older versions started have only the path, after -D.
            marks = {str(self._cluster), f"--{_CLUSTER_OPTION}={self._cluster}"}
            holds_cluster = process.name() == "postgres" and bool(
                marks.intersection(process.cmdline())
            )
        except psutil.Error:
            return None
        return process if holds_cluster and process.status() != psutil.STATUS_ZOMBIE else None

    def _status(self) -> str:
        lines = self._pid_file()
        return lines[STATUS_LINE].strip() if len(lines) > STATUS_LINE else ""

    def _pid_file(self) -> list[str]:
        try:
            return (self._cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    @property
    def _socket(self) -> Path:
        return self.socket_folder / f".s.PGSQL.{PORT}"

    def _accepts_connections(self) -> bool:
        """Return whether a server responds on the socket, which may be left over from a crash."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(CONNECT_TIMEOUT_S)
            try:
                probe.connect(str(self._socket))
                probe.sendall(SSL_REQUEST)
                return bool(probe.recv(1))
            except OSError:
                return False
