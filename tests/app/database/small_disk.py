"""A small file system, which a test fills."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.app.programs import needed
from tests.waiting import wait_until

__all__ = ["fill", "small_disk"]


@contextmanager
def small_disk(*, mib: int, folder: Path | None = None) -> Iterator[Path]:
    """Mount a file system of this many MiB on a folder, and yield it. Only root can."""
    mount, umount = needed("mount"), needed("umount")
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    with TemporaryDirectory(prefix="ticketops-disk-") as temporary:
        folder = folder or Path(temporary)
        done = subprocess.run(
            [mount, "-t", "tmpfs", "-o", f"size={mib}m", "ticketops-test", folder],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            pytest.skip(f"no file system can be mounted: {done.stderr}")
        try:
            yield folder
        finally:
            # A program that has files in it may be ending.
            wait_until(lambda: subprocess.run([umount, folder], check=False).returncode == 0)


def fill(file: Path) -> None:
    """Write to a file until the disk is full."""
    with file.open("wb", buffering=0) as ballast, pytest.raises(OSError, match="No space"):
        write_without_end(ballast)


def write_without_end(file: RawIOBase) -> None:
    while True:
        file.write(bytes(1 << 16))
