import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from tests.benchmarks.load import NUMBER


class Server:
    """Answers each request in two pieces, every third with an error, and keeps the bodies."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers = b""
        self.port = 0
        self.sent = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""
        while not reader.at_eof():
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            self.headers = head
            self.bodies.append(await reader.readexactly(length))
            status = b"503 No" if len(self.bodies) % 3 == 0 else b"200 OK"
            answer = b"HTTP/1.1 " + status + b"\r\nContent-Length: 4\r\n\r\nabcd"
            self.sent += len(answer)
            writer.write(answer[:-2])
            await writer.drain()
            await asyncio.sleep(0.001)
            writer.write(answer[-2:])
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    yield server
    listening.close()
    await listening.wait_closed()


async def test_our_load_generator_counts_what_the_server_saw(
    server: Server, tmp_path: Path
) -> None:
    bodies = tmp_path / "bodies"
    bodies.write_text(f'{{"first": "{NUMBER}"}}\n{{"second": 2}}\n')
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.client"),
        *(f"http://127.0.0.1:{server.port}/x", str(bodies), "3", "0.3", NUMBER, "10"),
        *("Authorization", "Bearer t"),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    report = orjson.loads(output)

    assert report["requests"] == len(server.bodies) > 10
    assert report["failures"] == len(server.bodies) // 3
    assert report["bytes"] == server.sent
    assert 0 < report["p50_ms"] <= report["p99_ms"]
    assert b"Authorization: Bearer t\r\n" in server.headers
    assert server.bodies[:3] == [b'{"second": 2}', b'{"first": "12"}', b'{"second": 2}']
