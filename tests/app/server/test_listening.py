"""Several connections are accepted in one turn of the event loop."""

import asyncio
import errno
import os
import resource
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import uvloop

from app.server.listening import ACCEPTS_PER_TURN, accept_waiting, duplicated, listen
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


@contextmanager
def few_descriptors(free: int) -> Iterator[None]:
    """Let this process open no more file descriptors than these."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        highest = max(int(one.name) for one in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, limits[1]))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        taken = []
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
                stack.callback(os.close, taken[-1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + free, limits[1]))
        yield


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Return a listening socket that does not block."""
    with listen("127.0.0.1", 0) as one:
        one.settimeout(0)
        yield one


def connected(listener: socket.socket, stack: ExitStack, count: int) -> list[socket.socket]:
    """Open connections that wait to be accepted."""
    address = listener.getsockname()
    return [stack.enter_context(socket.create_connection(address)) for _ in range(count)]


def test_all_connections_that_wait_are_accepted(listener: socket.socket) -> None:
    with ExitStack() as stack:
        clients = connected(listener, stack, 5)
        accepted = [stack.enter_context(one) for one in accept_waiting(listener)]
        assert [one.getpeername() for one in accepted] == [one.getsockname() for one in clients]
        assert accept_waiting(listener) == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to list descriptors")
def test_connections_are_left_and_reported_if_there_are_no_descriptors(
    listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as stack:
        connected(listener, stack, 5)
        with few_descriptors(2):
            accepted = [stack.enter_context(one) for one in accept_waiting(listener)]
        assert len(accepted) == 2
        [record] = caplog.records
        assert record.fields == {"reason": "Too many open files", "accepted": 2}  # type: ignore[attr-defined]
        # The others still wait.
        assert len([stack.enter_context(one) for one in accept_waiting(listener)]) == 3


class FailingListener(socket.socket):
    """A listening socket that reports failures of connections, which the network decides."""

    failures: Sequence[int] = ()

    def accept(self) -> tuple[socket.socket, object]:
        """Report the next failure, or accept a connection."""
        if self.failures:
            error, *self.failures = self.failures
            raise OSError(error, os.strerror(error))
        return super().accept()


def test_a_connection_that_failed_does_not_keep_others_from_being_accepted(
    listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as stack:
        connected(listener, stack, 2)
        failing = stack.enter_context(FailingListener(fileno=os.dup(listener.fileno())))
        failing.failures = (errno.ECONNABORTED, errno.EPROTO, errno.ENETDOWN)
        assert len([stack.enter_context(one) for one in accept_waiting(failing)]) == 2
    assert caplog.records == []
