"""Programs of the machine that some tests need, such as PgBouncer and Redis."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

__all__ = ["needed", "wait_for"]

START_TIMEOUT_S = 30


def needed(program: str, *, package: str | None = None) -> str:
    """Return the path of a program. If it is missing, skip the test, or fail in CI.

    The Debian package has the name of the program by default.
    """
    # Debian installs some in a folder that only the PATH of root contains.
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if found is not None:
        return found
    reason = f"no {program} on this machine (on Debian: apt install {package or program})"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def wait_for(
    port: int,
    process: subprocess.Popen[bytes],
    log_file: Path,
    *,
    timeout_s: float = START_TIMEOUT_S,
) -> None:
    """Wait until a program listens on a port of 127.0.0.1."""
    deadline = time.monotonic() + timeout_s
    while True:
        assert process.poll() is None, log_file.read_text()
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < deadline, log_file.read_text()
            time.sleep(0.05)
        else:
            return
