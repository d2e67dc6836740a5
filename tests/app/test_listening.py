"""Clients that come at once are let in at once, however busy the server is."""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
import uvloop

from app.listening import TAKEN_IN_A_TURN, listen, taken_in_turns
from tests.app.service import running, serving_processes

TURNS = 4


class Taken(asyncio.Protocol):
    """Counts the connections that were taken."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count one, and end it."""
        Taken.count += 1
        transport.close()


def test_many_connections_are_taken_in_a_turn_of_the_loop() -> None:
    clients = TURNS * TAKEN_IN_A_TURN
    with listen("127.0.0.1", 0) as listener, taken_in_turns(listener) as sockets:
        waiting = [socket.create_connection(listener.getsockname()) for _ in range(clients)]
        turns = uvloop.run(_turns_until(clients, sockets))
        for one in waiting:
            one.close()
    # One to begin with, one to end.
    assert turns <= TURNS + 2


async def _turns_until(count: int, sockets: Sequence[socket.socket]) -> int:
    loop = asyncio.get_running_loop()
    Taken.count = turns = 0
    servers = [await loop.create_server(Taken, sock=one) for one in sockets]
    async with asyncio.timeout(10):
        while Taken.count < count:
            await asyncio.sleep(0)
            turns += 1
    for server in servers:
        server.close()
    return turns


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what is open is seen in /proc")
@pytest.mark.parametrize("workers", [1, 2])
def test_each_process_takes_them_so(tmp_path: Path, empty_database_url: str, workers: int) -> None:
    with running(cwd=tmp_path, DATABASE_URL=empty_database_url, WORKERS=str(workers)) as service:
        main = service.process.pid
        pids = [main] if workers == 1 else [one.pid for one in serving_processes(main)]
        assert len(pids) == workers
        for pid in pids:
            opened = Counter(map(os.readlink, Path(f"/proc/{pid}/fd").iterdir()))
            assert TAKEN_IN_A_TURN in opened.values()
