"""Several connections are accepted in one turn of the event loop."""

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


class Accepted(asyncio.Protocol):
    """Counts accepted connections."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count and close a connection."""
        Accepted.count += 1
        transport.close()


def test_several_connections_are_accepted_in_one_turn_of_the_event_loop() -> None:
    clients = 4 * ACCEPTS_PER_TURN
    with listen("127.0.0.1", 0) as listener, duplicated(listener, processes=1) as sockets:
        waiting = [socket.create_connection(listener.getsockname()) for _ in range(clients)]
        most = uvloop.run(_most_in_a_turn(clients, sockets))
        for one in waiting:
            one.close()
    assert most == ACCEPTS_PER_TURN


async def _most_in_a_turn(clients: int, sockets: Sequence[socket.socket]) -> int:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Accepted, sock=one) for one in sockets]
    Accepted.count = most = 0
    async with asyncio.timeout(10):
        while Accepted.count < clients:
            before = Accepted.count
            await asyncio.sleep(0)
            most = max(most, Accepted.count - before)
    for server in servers:
        server.close()
    return most


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to list open sockets")
@pytest.mark.parametrize("workers", [1, 2])
def test_several_processes_share_the_number_of_accepted_connections(
    tmp_path: Path, empty_database_url: str, workers: int
) -> None:
    environ = {"DATABASE_URL": empty_database_url, "WORKERS": str(workers)}
    with running(cwd=tmp_path, **environ) as service:
        main = service.process.pid
        pids = [main] if workers == 1 else [one.pid for one in serving_processes(main)]
        assert len(pids) == workers
        assert [_max_duplicates(pid) for pid in pids] == [ACCEPTS_PER_TURN // workers] * workers


def _max_duplicates(pid: int) -> int:
    """Return how many descriptors of one socket a process has, for the socket with the most."""
    opened: Counter[str] = Counter()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        # The descriptor may be closed already.
        with suppress(FileNotFoundError):
            opened[str(one.readlink())] += 1
    return max(count for name, count in opened.items() if name.startswith("socket:"))
