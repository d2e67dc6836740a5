"""Servers on one database that are replaced while clients use them."""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import httpx2

from tests.app.programs import wait_for
from tests.app.service import STOP_TIMEOUT_S, TICKETOPS, environment
from tests.docs.tree import Tree
from tests.ops.processes import free_port
from tests.waiting import wait_until

__all__ = ["CREATE", "PHASE_TIMEOUT_S", "REQUESTS", "Load", "Server", "ask"]

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
    ticket { id }
    errors { message }
  }
}
"""
Work: TypeAlias = Callable[[httpx2.Client], object]


class UnexpectedResponse(Exception):
    """A request was not answered as it should be."""


def ask(http: httpx2.Client, document: str, **variables: Any) -> Any:
    """Return the data of an operation; raises UnexpectedResponse."""
    response = http.post("/graphql", json={"query": document, "variables": variables})
    answer = response.json() if response.status_code == httpx2.codes.OK else {"errors": None}
    if "errors" in answer:
        raise UnexpectedResponse(f"{response.status_code} {response.text}")
    return answer["data"]


@dataclass
class Server:
    """A server on a fixed port, which can be started again."""

    database_url: str
    log_file: Path
    port: int = field(default_factory=free_port)
    # The release that runs; the working tree by default.
    tree: Tree | None = None
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
            "OPS_SIM_LATENCY_MS": "0",
            **({} if self.tree is None else self.tree.settings),
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

    def wait_for_requests(self, load: "Load") -> None:
        """Wait until the proxy uses the server again."""
        wait_until(lambda: self.served() >= load.amount or load.failures, within_s=PHASE_TIMEOUT_S)

    def close(self) -> None:
        """Kill the server, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(STOP_TIMEOUT_S)

    def served(self) -> int:
        """Return the number of requests of the load since the start."""
        return self.log_file.read_text().count('"method":"POST"')


class Load:
    """Clients that work, one request after another, until they are stopped."""

    def __init__(self, url: str, work: Work, *, amount: int = REQUESTS) -> None:
        """Call ``work`` with a client of the server; in each phase at least ``amount`` times."""
        self.amount = amount
        self._url = url
        self._work = work
        self._is_stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]
        self.done = 0
        self.failures: list[str] = []

    def _run(self) -> None:
        with httpx2.Client(base_url=self._url, timeout=PHASE_TIMEOUT_S) as http:
            while not self._is_stopping.is_set():
                try:
                    self._work(http)
                except Exception as error:  # noqa: BLE001  # the test reports it
                    self.failures.append(repr(error))
                else:
                    self.done += 1

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
        """Wait until some further work has been done, or some has failed."""
        before = self.done
        wait_until(
            lambda: self.done >= before + self.amount or self.failures, within_s=PHASE_TIMEOUT_S
        )
