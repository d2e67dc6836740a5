"""Servers as processes: started, waited for, asked what they cost, stopped."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

from app.config.settings import Settings
from tests.benchmarks.places import LOGS, SCRATCH
from tests.benchmarks.progress import Unmeasured

_READY_WITHIN_S = 30.0
_STOPPED_WITHIN_S = 15.0


class NotStarted(Unmeasured):
    """A server ended, or did not listen in time; its log says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens."""

    port: int
    process: psutil.Process

    def cpu_s(self) -> float:
        """Return the CPU that the process and those it started have used, user and system."""
        return sum(_cpu_s(process) for process in self._processes())

    def memory_bytes(self) -> int:
        """Return the resident memory of the process and those it started."""
        return sum(process.memory_info().rss for process in self._processes())

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@asynccontextmanager
async def started(
    name: str,
    command: Sequence[str],
    environ: Mapping[str, str],
    *,
    port: int,
    folder: Path = SCRATCH,
) -> AsyncIterator[Server]:
    """Run a server until the end of this context; raises NotStarted."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log_path = LOGS / f"{name}.log"
    with log_path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env={**plain_environ(), **environ},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            await _wait_until_ready(process, port, log_path)
            yield Server(port, psutil.Process(process.pid))
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(_STOPPED_WITHIN_S):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def plain_environ() -> dict[str, str]:
    """Return the environment without settings of ours: what is measured are the defaults."""
    settings = {own.name.upper() for own in fields(Settings)}
    return {name: value for name, value in os.environ.items() if name not in settings}


async def _wait_until_ready(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    deadline_s = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline_s and process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise NotStarted(f"It does not listen on port {port}. Its log ends:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]
