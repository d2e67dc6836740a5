"""A real Redis, with a password, that keeps nothing."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.app.programs import needed, wait_for
from tests.ops.processes import free_port

__all__ = ["PASSWORD", "redis_server"]

PASSWORD = "a-password-of-the-tests"  # noqa: S105  # it is
STOP_TIMEOUT_S = 10


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run it until the end of the block, and yield its URL; skipped or failed as `needed` says."""
    program = needed("redis-server")
    port = free_port()
    options = {"bind": "127.0.0.1", "dir": folder, "save": "", "requirepass": PASSWORD}
    given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    log_file = folder / "redis.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen([program, "--port", str(port), *given], stdout=log, stderr=log)
    try:
        wait_for(port, process, log_file)
        yield f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait(STOP_TIMEOUT_S)
