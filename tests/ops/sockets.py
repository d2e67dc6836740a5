"""Servers in this process: one that sends given bytes, and the simulator."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ops.simulator.process import serve_simulator
from ops.simulator.server import SimulatorServer

__all__ = ["FakeServer", "answering", "serving_simulator"]


@dataclass
class FakeServer:
    """The URL of a server, and the requests that it received."""

    url: str
    requests: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def answering(
    answer: bytes | None, *, then_hang: bool = False, tls: ssl.SSLContext | None = None
) -> AsyncIterator[FakeServer]:
    """Respond to every request with these bytes and close; with None only close."""
    server_state = FakeServer("")
    hanging = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ),
            0,
        )
        server_state.requests.append(head + await reader.readexactly(length))
        if answer is not None:
            writer.write(answer)
            await writer.drain()
        if then_hang:
            await hanging.wait()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    scheme = "http" if tls is None else "https"
    server_state.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield server_state
    finally:
        hanging.set()
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def serving_simulator(simulator: SimulatorServer) -> AsyncIterator[str]:
    """Serve the simulated OPS, and yield its URL."""
    server = serve_simulator(simulator, host="127.0.0.1", port=0)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # uvicorn has no event for this
        assert not serving.done(), serving.result()
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
