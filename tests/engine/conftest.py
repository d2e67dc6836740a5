"""Fixtures: the context of a request over the rows of `dataset`, and the open pool."""

import gc
from collections.abc import AsyncIterator, Iterator

import pytest

from engine.database.pool import Pool, open_pools
from engine.database.queries import fetch
from engine.sql import statements
from ops import Deliveries, OpsPolicy, Simulator, SimulatorSettings
from resolvers.context import Caller, Context
from tests.engine import dataset
from tests.engine.pools import only_pools
from tests.engine.reference import Rows


@pytest.fixture
async def context(
    database: None,  # noqa: ARG001  # creates the database
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Context]:
    """Return the context of a request to a database with the rows of `dataset`."""
    await dataset.fill()
    # Small enough that pages continue beyond the nearest rows.
    monkeypatch.setattr(statements, "NEAREST_PER_ROW", 1)
    deliveries = Deliveries(Simulator(SimulatorSettings(latency_ms=0)), OpsPolicy())
    caller = Caller(scopes=frozenset({"read", "write", "ops"}))
    yield Context(deliveries=deliveries, request_id="r", caller=caller)
    await deliveries.close()
    # Report warnings about unawaited coroutines in the test that caused them.
    gc.collect()


@pytest.fixture
def rows() -> Rows:
    """Return the rows that the reference implementation reads."""
    return Rows()


@pytest.fixture
async def pool(database: None) -> Pool:  # noqa: ARG001  # creates the database
    """Return the pool of this process, open."""
    await fetch("SELECT 1", [])
    return open_pools[-1]


@pytest.fixture
def no_open_pool() -> Iterator[None]:
    """Have no open pool."""
    with only_pools():
        yield


@pytest.fixture
def unpaused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let operations take any time in one turn of the event loop, also on a slow machine."""
    monkeypatch.setattr("engine.long_work.SHORT_S", 600)
