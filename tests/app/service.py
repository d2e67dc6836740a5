"""The command as people run it: a process of its own, with nothing but what it is given."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
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
    """Return the environment without any setting but those given."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return {**kept, **given}


def ticketops(*arguments: str, cwd: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with settings as keyword arguments."""
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
    """A server that is up."""

    process: subprocess.Popen[str]
    # What it logged until it listened, which is the last of it.
    beginning: list[dict[str, Any]]

    @property
    def greeting(self) -> dict[str, Any]:
        """What it said when it listened."""
        return self.beginning[-1]

    @property
    def url(self) -> str:
        """Where it listens."""
        return str(self.greeting["url"])

    def graphql(self, document: str, **variables: Any) -> dict[str, Any]:
        """Run an operation and return its answer."""
        body = {"query": document, "variables": variables}
        answer: dict[str, Any] = httpx2.post(f"{self.url}/graphql", json=body, timeout=30).json()
        return answer

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(STOP_TIMEOUT_S)


@contextmanager
def running(*, cwd: Path, **given: str) -> Iterator[Service]:
    """Run `ticketops serve` on a free port (unless PORT is given), and wait until it listens."""
    process = subprocess.Popen(
        [TICKETOPS, "serve"],
        cwd=cwd,
        env=environment({"PORT": "0", "LOG_FORMAT": "json", **given}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Service(process, _beginning(process))
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise


def _beginning(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    assert process.stderr is not None
    said = []
    events: list[dict[str, Any]] = []
    for line in process.stderr:
        said.append(line)
        if line.startswith("{"):
            events.append(orjson.loads(line))
            if events[-1]["message"] == "listening":
                return events
    raise AssertionError("".join(said))


def serving_processes(parent: int) -> list[psutil.Process]:
    """Return the processes of a server that has several."""
    return [child for child in psutil.Process(parent).children() if _is_serving(child)]


def _is_serving(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        # Gone since it was listed, or dead and not yet buried.
        return False
