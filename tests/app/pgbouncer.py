"""A real PgBouncer before a database, which gives each transaction another session."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.ops.fleet import free_port

__all__ = ["Pooled", "pooling"]

# Debian keeps it where only root's PATH leads.
PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
START_TIMEOUT_S = 10
SESSIONS = 4


@dataclass(frozen=True, slots=True)
class Pooled:
    """Two ways to one database: by transactions, and by whole sessions."""

    url: str
    session_url: str


@contextmanager
def pooling(database_url: str, folder: Path) -> Iterator[Pooled]:
    """Run it until the end of the block; where it is missing skip, except in CI."""
    if PROGRAM is None:
        reason = "no PgBouncer on this machine (on Debian: apt install pgbouncer)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    port = free_port()
    file = folder / "pgbouncer.ini"
    file.write_text(_configuration(database_url, port))
    user = ["--user", "nobody"] if os.geteuid() == 0 else []
    log_file = folder / "pgbouncer.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen([PROGRAM, *user, file], stdout=log, stderr=log)
    try:
        _wait_for(port, process, log_file)
        url = f"postgresql://anybody@127.0.0.1:{port}"
        yield Pooled(f"{url}/transactions", f"{url}/sessions")
    finally:
        process.kill()
        process.wait(START_TIMEOUT_S)


def _configuration(database_url: str, port: int) -> str:
    server = urlsplit(database_url)
    query = parse_qs(server.query)
    place = {
        "host": server.hostname or query["host"][0],
        "port": str(server.port or query.get("port", ["5432"])[0]),
        "dbname": server.path.removeprefix("/"),
        "user": unquote(server.username or "postgres"),
        "password": unquote(server.password or ""),
    }
    told = " ".join(f"{name}='{value}'" for name, value in place.items() if value)
    return f"""
[databases]
transactions = {told}
sessions = {told} pool_mode=session

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {SESSIONS}
"""


def _wait_for(port: int, process: subprocess.Popen[bytes], log_file: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        assert process.poll() is None, log_file.read_text()
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < deadline, log_file.read_text()
            time.sleep(0.05)
        else:
            return
