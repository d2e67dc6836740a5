"""A folder for an embedded PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@contextmanager
def new_data_dir() -> Iterator[Path]:
    """Make a folder outside pytest's own, which every run of pytest closes to other users."""
    with TemporaryDirectory(prefix="ticketops-data-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Return a DATA_DIR of the test's own."""
    with new_data_dir() as folder:
        yield folder
