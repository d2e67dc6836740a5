"""Clients that come at once are let in at once, however busy the server is."""

import asyncio
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import uvloop

from app.server.listening import ACCEPTS_PER_TURN, duplicated, listen
from tests.app.service import running, serving_processes


class Taken(asyncio.Protocol):
    """Counts the connections that were taken."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count one, and end it."""
        Taken.count += 1
        transport.close()


def test_many_connections_are_taken_in_a_turn_of_the_loop() -> None:
    clients = 4 * ACCEPTS_PER_TURN
    with listen("127.0.0.1", 0) as listener, duplicated(listener, processes=1) as sockets:
        waiting = [socket.create_connection(listener.getsockname()) for _ in range(clients)]
        most = uvloop.run(_most_in_a_turn(clients, sockets))
        for one in waiting:
            one.close()
    assert most == ACCEPTS_PER_TURN


async def _most_in_a_turn(clients: int, sockets: Sequence[socket.socket]) -> int:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Taken, sock=one) for one in sockets]
    Taken.count = most = 0
    async with asyncio.timeout(10):
        while Taken.count < clients:
            before = Taken.count
            await asyncio.sleep(0)
            most = max(most, Taken.count - before)
    for server in servers:
        server.close()
    return most


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what is open is seen in /proc")
@pytest.mark.parametrize("workers", [1, 2])
def test_the_processes_take_as_many_together(
    tmp_path: Path, empty_database_url: str, workers: int
) -> None:
    given = {"DATABASE_URL": empty_database_url, "WORKERS": str(workers)}
    with running(cwd=tmp_path, **given) as service:
        main = service.process.pid
        pids = [main] if workers == 1 else [one.pid for one in serving_processes(main)]
        assert len(pids) == workers
        assert [_same_socket(pid) for pid in pids] == [ACCEPTS_PER_TURN // workers] * workers


def _same_socket(pid: int) -> int:
    """Return how often the socket that is open the most often is open in a process."""
    opened: Counter[str] = Counter()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        # It may have been closed since it was listed.
        with suppress(FileNotFoundError):
            opened[str(one.readlink())] += 1
    return max(count for name, count in opened.items() if name.startswith("socket:"))
