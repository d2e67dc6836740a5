"""Two servers behind a proxy are restarted one after the other under load: no request fails."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.app.programs import wait_for
from tests.app.service import STOP_TIMEOUT_S, TICKETOPS, environment
from tests.clients.proxies import proxied
from tests.ops.processes import free_port

CLIENTS = 4
# Requests in each phase of the restart.
REQUESTS = 60
# Far above what a phase takes on a slow machine.
PHASE_TIMEOUT_S = 300
CREATE = """
mutation {
  createTicket(
    input: { subject: "S", description: "D", customerName: "N", customerEmail: "n@example.com" }
  ) {
    errors { message }
  }
}
"""
CREATED: dict[str, object] = {"data": {"createTicket": {"errors": []}}}


@dataclass
class Server:
    """A server on a fixed port, which can be started again."""

    database_url: str
    log_file: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, workers: int) -> None:
        """Start the server, and wait until it listens."""
        given = {
            "DATABASE_URL": self.database_url,
            "PORT": str(self.port),
            "WORKERS": str(workers),
            "LOG_FORMAT": "json",
            "SHUTDOWN_DELAY_MS": "5000",
        }
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [TICKETOPS, "serve"],
                cwd=self.log_file.parent,
                env=environment(given),
                stderr=log,
            )
        wait_for(self.port, self.process, self.log_file)

    def stop(self) -> int:
        """Send SIGTERM, and return the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)

    def close(self) -> None:
        """Kill the server, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(STOP_TIMEOUT_S)

    def served(self) -> int:
        """Return the number of requests of the load since the start."""
        return self.log_file.read_text().count('"method":"POST"')


class Load:
    """Clients that create tickets, one request after another, until they are stopped."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/graphql"
        self._is_stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]
        self.created = 0
        self.failures: list[str] = []

    def _run(self) -> None:
        with httpx2.Client(timeout=PHASE_TIMEOUT_S) as http:
            while not self._is_stopping.is_set():
                try:
                    response = http.post(self._url, json={"query": CREATE})
                except httpx2.TransportError as error:
                    self.failures.append(repr(error))
                    continue
                if response.status_code == 200 and response.json() == CREATED:
                    self.created += 1
                else:
                    self.failures.append(f"{response.status_code} {response.text}")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the clients during the block."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._is_stopping.set()
            for thread in self._threads:
                thread.join(PHASE_TIMEOUT_S)

    def wait_for_requests(self) -> None:
        """Wait until some further requests have been answered."""
        before = self.created
        until(lambda: self.created >= before + REQUESTS or bool(self.failures))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PHASE_TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(("proxy", "workers"), [("nginx.conf", 2), ("haproxy.cfg", 1)])
def test_no_request_fails(
    tmp_path: Path, empty_database_url: str, proxy: str, workers: int
) -> None:
    servers = [Server(empty_database_url, tmp_path / f"server{number}.log") for number in (0, 1)]
    with ExitStack() as cleanup:
        for server in servers:
            cleanup.callback(server.close)
            server.start(workers=workers)
        url = cleanup.enter_context(proxied(proxy, tmp_path, *(one.url for one in servers)))
        load = Load(url)
        with load.running():
            load.wait_for_requests()
            for server in servers:
                assert server.stop() == 0, server.log_file.read_text()
                load.wait_for_requests()
                server.start(workers=workers)
                # The proxy uses the server again.
                until(lambda server=server: server.served() >= REQUESTS or bool(load.failures))  # type: ignore[misc]
        assert load.failures == []
        count = {"query": "{ tickets { totalCount } }"}
        assert httpx2.post(f"{url}/graphql", json=count).json() == {
            "data": {"tickets": {"totalCount": load.created}}
        }
    assert load.created >= 5 * REQUESTS
