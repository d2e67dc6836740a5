"""Folders for an embedded PostgreSQL, and the configuration of logging."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from engine.database.outages import Outage


@contextmanager
def new_data_dir() -> Iterator[Path]:
    """Create a folder with a path that is short enough for that of a socket."""
    with TemporaryDirectory(prefix="ticketops-data-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Return a new DATA_DIR."""
    with new_data_dir() as folder:
        yield folder


@pytest.fixture
def working_dir() -> Iterator[Path]:
    """Return a new folder for a DATA_DIR, which other accounts can enter."""
    with new_data_dir() as folder:
        folder.chmod(0o711)
        yield folder


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Restore the handlers and the level, with which pytest reads the log of later tests."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    """Have no outage of the database that other tests have reported."""
    outage = Outage()
    monkeypatch.setattr("app.http.failure.OUTAGE", outage)
    return outage
