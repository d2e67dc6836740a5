"""Fixtures: a server with the default settings, and a function that starts others."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.bounds.harness import Target, serving
from tests.conftest import empty_database

Serve: TypeAlias = Callable[..., Target]


@pytest.fixture(scope="session")
async def bounds_database_url() -> AsyncIterator[str]:
    """Create a database for the servers of these tests, and return its URL."""
    async with empty_database() as url:
        yield url


@pytest.fixture(scope="session")
def target(bounds_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Run a server with the default settings."""
    with serving(tmp_path_factory.mktemp("target"), bounds_database_url) as running:
        yield running


@pytest.fixture
async def serve(empty_database_url: str, tmp_path: Path) -> AsyncIterator[Serve]:
    """Return a function that starts a server with other settings, on a database of its own."""
    with ExitStack() as stack:

        def start(**settings: str) -> Target:
            return stack.enter_context(serving(tmp_path, empty_database_url, **settings))

        yield start
