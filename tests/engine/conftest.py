"""A few rows of every kind, and someone who asks for them in the process of the tests."""

import gc
from collections.abc import AsyncIterator

import pytest

from engine.sql import statements
from ops import Deliveries, OpsPolicy, Simulator, SimulatorSettings
from resolvers.context import Caller, Context
from tests.engine import dataset
from tests.engine.reference import Rows


@pytest.fixture
async def context(
    database: None,  # noqa: ARG001  # it must be there first
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Context]:
    """Return the context of a request, where the database has the rows of `dataset`."""
    await dataset.fill()
    # So few that pages go on behind them.
    monkeypatch.setattr(statements, "NEAREST_PER_ROW", 1)
    deliveries = Deliveries(Simulator(SimulatorSettings(latency_ms=0)), OpsPolicy())
    caller = Caller(scopes=frozenset({"read", "write", "ops"}))
    yield Context(deliveries=deliveries, request_id="r", caller=caller)
    await deliveries.close()
    # What an operation has left behind is nobody else's fault.
    gc.collect()


@pytest.fixture
def rows() -> Rows:
    """Return the rows as the reference fetches them."""
    return Rows()
