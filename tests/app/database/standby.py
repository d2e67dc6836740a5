"""A hot standby: the copy of a cluster in recovery, which can be promoted."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote

from app.database.access import path_for, programs_for
from app.database.embedded import EmbeddedPostgres
from app.database.postmaster import PORT
from app.database.programs import account_for, popen_options
from app.database.roles import DATABASE, ROLE
from tests.app.conftest import new_data_dir

__all__ = ["Standby", "standby_of"]

START_TIMEOUT_S = 30


class Standby:
    """A PostgreSQL in recovery; by default without a primary from which it receives changes."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.process = process
        self.url = f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(folder))}&port={PORT}"

    def promote(self) -> None:
        """Make it a primary."""
        # As pg_ctl does it, whose account would have to own the folder.
        (self.folder / "promote").touch()
        pid = (self.folder / "postmaster.pid").read_text().splitlines()[0]
        os.kill(int(pid), signal.SIGUSR1)


@contextmanager
def standby_of(
    postgres: EmbeddedPostgres, *, options: Mapping[str, str] | None = None
) -> Iterator[Standby]:
    """Run a standby with the data of a server, which is stopped while they are copied."""
    with new_data_dir() as parent:
        # Only the account of the server may enter it.
        folder = parent / "postgres"
        parent.chmod(0o711)
        postgres.stop()
        subprocess.run(["/bin/cp", "-a", str(postgres.cluster), str(folder)], check=True)
        postgres.start()
        (folder / "standby.signal").touch()
        account = account_for(postgres.cluster)
        data = path_for(folder, account)
        command = [
            str(programs_for(account) / "postgres"),
            "-D",
            str(data),
            f"--unix_socket_directories={data}",
            "--listen_addresses=",
            f"--port={PORT}",
            "--fsync=off",
            # At least that of the server whose data it has.
            "--max_connections=300",
            *(f"--{name}={value}" for name, value in (options or {}).items()),
        ]
        with (parent / "log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, **popen_options(folder, account)
            )
        try:
            deadline = monotonic() + START_TIMEOUT_S
            pid_file = folder / "postmaster.pid"
            while not pid_file.exists() or "ready" not in pid_file.read_text():
                assert monotonic() < deadline, (parent / "log").read_text()
                sleep(0.02)
            yield Standby(folder, process)
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
