"""A server that reaches its limit of file descriptors while it runs."""

import http.client
import json
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests.app.service import Service, running, serving_processes

TIMEOUT_S = 60.0
BEGIN = "connections cannot be accepted"
END = "connections are accepted again"


@pytest.fixture(params=[1, 2], ids=["one process", "two processes"])
def service(
    request: pytest.FixtureRequest, tmp_path: Path, empty_database_url: str
) -> Iterator[Service]:
    """Return a server of one process or of two."""
    with running(cwd=tmp_path, DATABASE_URL=empty_database_url, WORKERS=str(request.param)) as one:
        yield one


class Log:
    """The events of a server after its start."""

    def __init__(self, service: Service) -> None:
        self._stderr = service.process.stderr
        self._events: list[dict[str, Any]] = []
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._stderr is not None
        for line in self._stderr:
            self._events.append(json.loads(line))

    def of(self, message: str) -> list[dict[str, Any]]:
        """Return the events with a message."""
        return [event for event in self._events if event["message"] == message]

    def wait_for(self, message: str, *, count: int) -> None:
        """Wait for this many events with a message."""
        ends_at = time.monotonic() + TIMEOUT_S
        while len(self.of(message)) < count:
            assert time.monotonic() < ends_at, self._events
            time.sleep(0.05)


def test_the_log_says_that_no_connection_can_be_accepted_and_the_server_stays_usable(
    service: Service,
) -> None:
    address = urlsplit(service.url)
    assert address.hostname is not None
    assert address.port is not None
    parent = service.process.pid
    processes = [child.pid for child in serving_processes(parent)] or [parent]
    log = Log(service)
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in processes}
    with ExitStack() as stack:
        kept = http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT_S)
        stack.callback(kept.close)
        assert status(kept) == 200
        for pid in processes:
            used = psutil.Process(pid).num_fds()
            # Less than it uses, so that closed connections do not end it at once.
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used - 5, limits[pid][1]))
        log.wait_for(BEGIN, count=len(processes))
        for _ in range(50):
            refused = socket.create_connection((address.hostname, address.port))
            stack.callback(refused.close)
        # It is the connection of a known caller, which is not closed.
        assert status(kept) == 200
        for pid, limit in limits.items():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)
        log.wait_for(END, count=len(processes))
        assert status(kept) == 200
        new = http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT_S)
        stack.callback(new.close)
        assert status(new) == 200
    assert len(log.of(BEGIN)) == len(log.of(END)) == len(processes)
    [event, *_] = log.of(BEGIN)
    assert event["reason"] == "Too many open files"
    assert "ulimit -n" in event["hint"]


def status(connection: http.client.HTTPConnection) -> int:
    """Send a query on a connection, and return the status of the response."""
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/graphql", b'{"query": "{ __typename }"}', headers)
    with connection.getresponse() as response:
        response.read()
        return response.status
