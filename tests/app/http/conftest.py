"""Fixtures of servers that run in processes of their own, with logs and settings of their own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import httpx2
import pytest

from tests.app.http.serving import Served, served

Serve: TypeAlias = Callable[..., Served]
Tokens: TypeAlias = Callable[..., str]


@pytest.fixture(scope="session")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run one server with the default settings for all tests."""
    with served(tmp_path_factory.mktemp("log") / "server.log", database_url) as running:
        yield running


@pytest.fixture
def http(server: Served) -> httpx2.Client:
    """Return a client of that server."""
    return server.http


@pytest.fixture
def serve(database_url: str, tmp_path: Path) -> Iterator[Serve]:
    """Return a function that starts a server with other settings until the end of the test."""
    with ExitStack() as running:

        def start(database_url: str = database_url, **settings: str) -> Served:
            log_file = tmp_path / f"{uuid4().hex}.log"
            return running.enter_context(served(log_file, database_url, **settings))

        yield start


@pytest.fixture
def tokens(database_url: str) -> Tokens:
    """Return a function that runs ``ticketops token`` and returns its output."""

    def run(*arguments: str) -> str:
        program = Path(sys.executable).with_name("ticketops")
        command = [str(program), "token", *arguments, "--database-url", database_url]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return run


@pytest.fixture
def new_token(tokens: Tokens) -> Tokens:
    """Return a function that creates a token with a unique name and these scopes."""

    def make(*scopes: str) -> str:
        return tokens("create", uuid4().hex, *(f"--scope={scope}" for scope in scopes))

    return make
