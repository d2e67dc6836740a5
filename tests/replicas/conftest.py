"""A primary with two standbys, and two servers that read on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.http.conftest import serve
from tests.app.http.serving import Served, served
from tests.replicas.callers import AUTHENTICATION
from tests.replicas.streaming import Streaming, streaming_postgres, wait_until_used

__all__ = ["serve"]


@pytest.fixture(scope="package")
def streaming() -> Iterator[Streaming]:
    """Run a primary and two standbys."""
    with streaming_postgres(standbys=2) as streaming:
        yield streaming


@pytest.fixture(scope="package")
def servers(
    streaming: Streaming, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, Served]]:
    """Run two servers of the same database, with authentication."""
    folder: Path = tmp_path_factory.mktemp("servers")
    settings = AUTHENTICATION | streaming.settings
    with (
        served(folder / "1", streaming.primary.url, **settings) as first,
        served(folder / "2", streaming.primary.url, **settings) as second,
    ):
        for server in (first, second):
            wait_until_used(server, 2)
        yield first, second
