"""Runs `ticketops` as a process, with the given settings only."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import orjson
import psutil

from app.config.setting_fields import declared_settings
from app.config.settings import Settings

TICKETOPS = Path(sys.executable).with_name("ticketops")
STOP_TIMEOUT_S = 60
SETTINGS = frozenset(
    name for setting in declared_settings(Settings) for name in (setting.name, setting.former_name)
)


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the given settings; without others, a server stops at once."""
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return {**inherited, "SHUTDOWN_DELAY_MS": "0", **given}


def ticketops(*arguments: str, cwd: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """Run a command until it ends, with settings as keyword arguments."""
    return subprocess.run(
        [TICKETOPS, *arguments],
        cwd=cwd,
        env=environment(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@dataclass
class Service:
    """A running server."""

    process: subprocess.Popen[str]
    # The events up to "listening", which is the last one.
    startup_events: list[dict[str, Any]]

    @property
    def listening_event(self) -> dict[str, Any]:
        """The fields of the event "listening"."""
        return self.startup_events[-1]

    @property
    def url(self) -> str:
        """The URL of the server."""
        return str(self.listening_event["url"])

    def graphql(self, document: str, **variables: Any) -> dict[str, Any]:
        """Run an operation and return its response."""
        body = {"query": document, "variables": variables}
        answer: dict[str, Any] = httpx2.post(f"{self.url}/graphql", json=body, timeout=30).json()
        return answer

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(STOP_TIMEOUT_S)


@contextmanager
def running(
    *, cwd: Path, program: Sequence[str | Path] = (TICKETOPS,), **given: str
) -> Iterator[Service]:
    """Run `ticketops serve` on a free port (unless PORT is given), and wait until it listens."""
    process = subprocess.Popen(
        [*program, "serve"],
        cwd=cwd,
        env=environment({"PORT": "0", "LOG_FORMAT": "json", **given}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Service(process, _startup_events(process))
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise


def _startup_events(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    assert process.stderr is not None
    output = []
    events: list[dict[str, Any]] = []
    for line in process.stderr:
        output.append(line)
        if line.startswith("{"):
            events.append(orjson.loads(line))
            if events[-1]["message"] == "listening":
                return events
    raise AssertionError("".join(output))


def serving_processes(parent: int) -> list[psutil.Process]:
    """Return the processes that serve requests, of a server with several."""
    return [child for child in psutil.Process(parent).children() if _is_serving(child)]


def _is_serving(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        # It has ended since it was listed.
        return False
