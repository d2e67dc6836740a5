"""Connections to a server with a small application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from app.server.input_scheduler import InputScheduler
from app.server.timeouts import ConnectionTimeouts
from tests.app.server.connection_arguments import FOREVER_S, connection_arguments
from tests.app.server.echo import Connect, Echo, Streams


@pytest.fixture
def echo() -> Echo:
    """Return the application."""
    return Echo()


@pytest.fixture
def connect(echo: Echo) -> Connect:
    """Return a context manager of a connection to a server of its own."""

    @asynccontextmanager
    async def connect(
        *,
        idle_s: float = FOREVER_S,
        header_s: float = FOREVER_S,
        scheduler: InputScheduler | None = None,
    ) -> AsyncIterator[Streams]:
        timeouts = ConnectionTimeouts(idle_s=idle_s, header_s=header_s)
        config = uvicorn.Config(
            echo,
            port=0,
            **connection_arguments(timeouts=timeouts, scheduler=scheduler),
            lifespan="off",
            log_config=None,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            assert not serving.done(), serving.result()
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            # Fail at the line of the test that waits in vain.
            async with asyncio.timeout(20):
                yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await serving

    return connect
