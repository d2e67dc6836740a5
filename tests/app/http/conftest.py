"""A server in a process of its own, for its log; and servers with settings of a test's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import httpx2
import pytest

from tests.app.http.serving import Served, served

Serve: TypeAlias = Callable[..., Served]


@pytest.fixture(scope="session")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run one server with the default settings for all tests."""
    with served(tmp_path_factory.mktemp("log") / "server.log", database_url) as running:
        yield running


@pytest.fixture
def http(server: Served) -> httpx2.Client:
    """Ask that server."""
    return server.http


@pytest.fixture
def serve(database_url: str, tmp_path: Path) -> Iterator[Serve]:
    """Start further servers, each with its own settings, until the end of the test."""
    with ExitStack() as running:

        def start(database_url: str = database_url, **settings: str) -> Served:
            log_file = tmp_path / f"{uuid4().hex}.log"
            return running.enter_context(served(log_file, database_url, **settings))

        yield start
