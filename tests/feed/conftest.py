"""Fixtures: a notifier and a stream of ticket events in this process."""

from collections.abc import AsyncIterator

import pytest

from engine.streaming.notifications import Notifier
from engine.streaming.stream import Stream
from resolvers.tables import EVENTS


@pytest.fixture
async def notifier(database: None, database_url: str) -> AsyncIterator[Notifier]:  # noqa: ARG001  # initializes the models
    """Return an entered notifier."""
    async with Notifier(database_url) as notifier:
        yield notifier


@pytest.fixture
async def stream(notifier: Notifier) -> AsyncIterator[Stream]:
    """Return a stream of ticket events."""
    stream = Stream(EVENTS, notifier, key="ticket_id")
    yield stream
    await stream.close()
