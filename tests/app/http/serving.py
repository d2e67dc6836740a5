"""A server in a process of its own, with its log."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from app.application import application
from app.config.logs import configure_logs
from app.config.settings import Settings
from app.processes.uvicorn_server import uvicorn_config
from app.server.file_descriptors import raise_limit
from app.server.listening import listen, url_of
from tests.app.rest.conformance import check_conformance

# A server with them has the metrics of replicas. The replica does not respond.
WITH_REPLICA = {
    "DATABASE_URL": "postgresql://127.0.0.1:1/primary",
    "DATABASE_REPLICA_URL": "postgresql://127.0.0.1:1/replica",
}
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
# How long to wait for a line of the log.
LOG_TIMEOUT_S = 60


@dataclass(frozen=True)
class Served:
    """A running server."""

    url: str
    http: httpx2.Client
    log_file: Path

    def log_text(self) -> str:
        """Return what the server has logged so far."""
        return self.log_file.read_text()

    def log(self) -> list[dict[str, Any]]:
        """Return the events that the server has logged so far, of a log in JSON."""
        return [json.loads(line) for line in self.log_text().splitlines()]

    def wait_for_text(self, text: str) -> None:
        """Wait until a text is in the log, which is written just after the response."""
        deadline = time.monotonic() + LOG_TIMEOUT_S
        while text not in self.log_text():
            assert time.monotonic() < deadline, self.log_text()
            time.sleep(0.01)

    def line_of(self, response: httpx2.Response) -> dict[str, Any]:
        """Return the log line of a request."""
        request_id = response.headers["X-Request-Id"]
        self.wait_for_text(f'"message":"request","request_id":"{request_id}"')
        [line] = [
            event
            for event in self.log()
            if event["message"] == "request" and event["request_id"] == request_id
        ]
        return line


@contextmanager
def served(
    log_file: Path, database_url: str, *, max_descriptors: str | None = None, **settings: str
) -> Iterator[Served]:
    """Run a server with these settings until the end of the block, and stop it by SIGTERM."""
    command = [sys.executable, "-W", "ignore", "-m", __name__, database_url]
    if max_descriptors is not None:
        command = ["sh", "-c", f'ulimit -n {max_descriptors}; exec "$@"', "sh", *command]
    environ = {
        "LOG_FORMAT": "json",
        "OPS_SIM_LATENCY_MS": "0",
        "DELIVERY_WORKER": "false",
        "SHUTDOWN_DELAY_MS": "0",
    }
    environ |= settings
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command,
            env=os.environ | environ,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert process.stdout is not None
        with process, process.stdout:
            url = process.stdout.readline().strip()
            try:
                assert url, log_file.read_text()
                _wait_for(url)
                hooks = {"response": [check_conformance]}
                with httpx2.Client(base_url=url, timeout=30, event_hooks=hooks) as http:
                    yield Served(url, http, log_file)
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(STOP_TIMEOUT_S) in {0, -signal.SIGTERM}


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            assert httpx2.get(f"{url}/healthz").status_code == 200
        except httpx2.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def _main(database_url: str, environ: Mapping[str, str]) -> None:
    settings = Settings.load(environ, dotenv=None)
    configure_logs(level=settings.log_level, log_format=settings.log_format)
    raise_limit()
    # Unlike `ticketops serve`, do not migrate the database.
    factory = partial(application, settings, database_url=database_url)
    with listen("127.0.0.1", 0) as listener:
        print(url_of(listener, "127.0.0.1"), flush=True)  # noqa: T201  # read by `served`
        uvicorn.Server(uvicorn_config(factory, settings)).run(sockets=[listener])


if __name__ == "__main__":
    _main(sys.argv[1], os.environ)
