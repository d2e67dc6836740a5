"""Input that waits is dropped if its client has closed the connection."""

import asyncio
import sys

import pytest

from app.server.backlog import Backlog
from app.server.client_close import has_closed
from app.server.http_connection import HttpConnection
from app.server.input_scheduler import InputScheduler, Parsing
from tests.app.server.echo import GET, Connect, Echo, next_response

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


class Held(InputScheduler):
    """Lets all input wait until the test parses it."""

    def __init__(self) -> None:
        super().__init__(Backlog(accepts_per_turn=1))
        self.connections: asyncio.Queue[Parsing] = asyncio.Queue()

    def admits(self, units: int) -> bool:
        """Return false."""
        assert units
        return False

    def wait(self, connection: Parsing, size: int) -> None:
        """Keep the connection."""
        assert size
        self.connections.put_nowait(connection)


async def received(held: Held) -> HttpConnection:
    """Return the connection whose input waits."""
    connection = await held.connections.get()
    assert isinstance(connection, HttpConnection)
    return connection


async def test_the_input_of_a_client_that_has_closed_is_dropped(
    connect: Connect, echo: Echo
) -> None:
    held = Held()
    async with connect(scheduler=held) as (_, writer):
        writer.write(GET + b"\r\n")
        connection = await received(held)
        writer.close()
        while not has_closed(connection.transport):  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(0.01)
        assert not connection.transport.is_closing()
        assert not connection.parse_part()
        assert connection.transport.is_closing()
    assert echo.requests == []


async def test_the_input_of_a_client_that_waits_for_the_response_is_parsed(
    connect: Connect, echo: Echo
) -> None:
    held = Held()
    async with connect(scheduler=held) as (reader, writer):
        writer.write(GET + b"\r\n")
        connection = await received(held)
        assert not has_closed(connection.transport)
        assert not connection.parse_part()
        assert await next_response(reader) == b""
    assert len(echo.requests) == 1
