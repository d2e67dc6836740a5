"""A real PgBouncer in transaction mode in front of a database."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tests.app.programs import needed, wait_for
from tests.ops.processes import free_port

__all__ = ["Pooled", "pooling"]

SESSIONS = 4
STOP_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Pooled:
    """URLs of one database through PgBouncer, in transaction and in session mode."""

    url: str
    session_url: str


@contextmanager
def pooling(database_url: str, folder: Path, *, max_clients: int = 1000) -> Iterator[Pooled]:
    """Run PgBouncer during the block. If it is missing, skip the test, or fail in CI."""
    program = needed("pgbouncer")
    port = free_port()
    file = folder / "pgbouncer.ini"
    file.write_text(_configuration(database_url, port, max_clients))
    user = ["--user", "nobody"] if os.geteuid() == 0 else []
    log_file = folder / "pgbouncer.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen([program, *user, file], stdout=log, stderr=log)
    try:
        wait_for(port, process, log_file)
        url = f"postgresql://anybody@127.0.0.1:{port}"
        yield Pooled(f"{url}/transactions", f"{url}/sessions")
    finally:
        process.kill()
        process.wait(STOP_TIMEOUT_S)


def _configuration(database_url: str, port: int, max_clients: int) -> str:
    server = urlsplit(database_url)
    query = parse_qs(server.query)
    parameters = {
        "host": server.hostname or query["host"][0],
        "port": str(server.port or query.get("port", ["5432"])[0]),
        "dbname": server.path.removeprefix("/"),
        "user": unquote(server.username or "postgres"),
        "password": unquote(server.password or ""),
    }
    target = " ".join(f"{name}='{value}'" for name, value in parameters.items() if value)
    return f"""
[databases]
transactions = {target}
sessions = {target} pool_mode=session

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {SESSIONS}
max_client_conn = {max_clients}
"""
