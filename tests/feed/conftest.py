"""A stream of the events, followed in this process."""

from collections.abc import AsyncIterator

import pytest

from engine.bell import Bell
from engine.stream import Stream
from resolvers.tables import EVENTS


@pytest.fixture
async def bell(database: None, database_url: str) -> AsyncIterator[Bell]:  # noqa: ARG001  # models need it
    """Return a bell of this process."""
    async with Bell(database_url) as bell:
        yield bell


@pytest.fixture
async def stream(bell: Bell) -> AsyncIterator[Stream]:
    """Return a stream of the events of tickets."""
    stream = Stream(EVENTS, bell, key="ticket_id")
    yield stream
    await stream.close()
