"""Folder for an embedded PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@contextmanager
def new_data_dir() -> Iterator[Path]:
    """Create a folder outside those of pytest, which other users cannot enter."""
    with TemporaryDirectory(prefix="ticketops-data-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Return a new DATA_DIR."""
    with new_data_dir() as folder:
        yield folder
