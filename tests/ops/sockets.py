"""Servers on sockets of this process: one that answers given bytes, and the simulator."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ops.simulator.process import serve_simulator
from ops.simulator.server import SimulatorServer

__all__ = ["Heard", "answering", "serving_simulator"]


@dataclass
class Heard:
    """Where a server listens, and what it heard, one entry a request."""

    url: str
    requests: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def answering(
    answer: bytes | None, *, then_hang: bool = False, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Heard]:
    """Answer every request with these bytes and hang up; with None hang up without a word."""
    heard = Heard("")
    hanging = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ),
            0,
        )
        heard.requests.append(head + await reader.readexactly(length))
        if answer is not None:
            writer.write(answer)
            await writer.drain()
        if then_hang:
            await hanging.wait()
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=tls)
    scheme = "http" if tls is None else "https"
    heard.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield heard
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
