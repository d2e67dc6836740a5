"""Servers of a database of their own, open and closed, and the clients' projects."""

import fcntl
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from app.database.migrations import migrate
from tests.app.http.serving import Served, served
from tests.clients.project import (
    HERE,
    NPM_PROGRAMS,
    ProgramFailed,
    Project,
    copied,
    install_npm,
    install_pip,
    run,
)
from tests.conftest import empty_database

NewProject: TypeAlias = Callable[[str], Project]


@pytest.fixture(scope="session")
async def clients_database_url() -> AsyncIterator[str]:
    """Make a database of their own: what clients write is in nobody's way."""
    async with empty_database() as url:
        await migrate(url)
        yield url


@pytest.fixture(scope="session")
def open_server(
    clients_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Serve with the default settings."""
    log_file = tmp_path_factory.mktemp("log") / "open.log"
    with served(log_file, clients_database_url) as running:
        yield running


@pytest.fixture(scope="session")
def closed_server(
    clients_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Serve only those who have a token."""
    log_file = tmp_path_factory.mktemp("log") / "closed.log"
    with served(log_file, clients_database_url, AUTH="required") as running:
        yield running


@pytest.fixture(scope="session")
def token(clients_database_url: str) -> str:
    """Make a token that allows everything, as a person does."""
    scopes = [part for scope in ("read", "write", "ops") for part in ("--scope", scope)]
    create = (sys.executable, "-m", "app", "token", "create", "clients", *scopes)
    return run(*create, cwd=HERE.parents[1], DATABASE_URL=clients_database_url).strip()


@contextmanager
def only_one() -> Iterator[None]:
    """Let the workers install one after the other; without what is needed, skip, except in CI."""
    try:
        with (HERE / "package.json").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except ProgramFailed as error:
        missing(f"what the clients need could not be brought: {error}")


def missing(reason: str) -> None:
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture(scope="session")
def npm_programs() -> Path:
    """Bring the packages of npm, once."""
    if not (shutil.which("node") and shutil.which("npm")):
        missing("no Node.js with npm on this machine (on Debian: apt install nodejs npm)")
    with only_one():
        install_npm()
    return NPM_PROGRAMS


@pytest.fixture
def project(npm_programs: Path, tmp_path: Path) -> NewProject:
    """Copy a client's project into a folder of the test."""
    return lambda name: copied(name, tmp_path, npm_programs)


@pytest.fixture
def ariadne(tmp_path: Path) -> Project:
    """Copy the project of ariadne-codegen, and bring that into an environment of its own."""
    return with_pip("ariadne", tmp_path)


@pytest.fixture
def schemathesis(tmp_path: Path) -> Project:
    """Copy the project of schemathesis, whose dependencies are many and none of ours."""
    return with_pip("schemathesis", tmp_path)


def with_pip(name: str, tmp_path: Path) -> Project:
    with only_one():
        programs = install_pip(name)
    return copied(name, tmp_path, programs)
