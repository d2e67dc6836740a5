"""Server and worker processes that tests start, kill and start again."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CliProcess", "ProcessGroup", "free_port", "running_processes"]

STOP_TIMEOUT_S = 60


@dataclass
class CliProcess:
    """A process of ``ticketops serve``, ``worker`` or ``ops-simulator``."""

    command: str
    environ: Mapping[str, str]
    log_file: Path
    arguments: Sequence[str] = ()
    port: int = 0
    process: Process | None = None

    @property
    def url(self) -> str:
        """URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended, or was never started."""
        return self.process is None or self.process.returncode is not None

    async def start(self) -> None:
        """Start the process; a server gets a new port."""
        self.port = free_port()
        ports = ["--port", str(self.port)] if self.command != "worker" else []
        with self.log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app", self.command, *ports, *self.arguments),
                env={**os.environ, **self.environ},
                stdout=log,
                stderr=log,
            )

    async def kill(self) -> None:
        """Kill the process, as a crash does."""
        if self.process is not None and not self.has_ended:
            self.process.kill()
            await self.process.wait()

    async def stop(self) -> int:
        """Terminate the process, and return its exit status."""
        assert self.process is not None
        if not self.has_ended:
            self.process.terminate()
        async with asyncio.timeout(STOP_TIMEOUT_S):
            return await self.process.wait()


@dataclass
class ProcessGroup:
    """The processes on one database."""

    servers: list[CliProcess]
    workers: list[CliProcess]

    @property
    def members(self) -> list[CliProcess]:
        """All servers and workers."""
        return self.servers + self.workers


@asynccontextmanager
async def running_processes(
    folder: Path, *, servers: int, workers: int, **settings: str
) -> AsyncIterator[ProcessGroup]:
    """Run this number of servers and workers until the end of the block."""
    environ = {
        "AUTH": "off",
        "LOG_LEVEL": "warning",
        "LOG_FORMAT": "json",
        "SHUTDOWN_DELAY_MS": "0",
        **settings,
    }
    group = ProcessGroup([], [])
    for number in range(servers):
        group.servers.append(CliProcess("serve", environ, folder / f"server-{number}.log"))
    for number in range(workers):
        group.workers.append(CliProcess("worker", environ, folder / f"worker-{number}.log"))
    try:
        for member in group.members:
            await member.start()
        yield group
    finally:
        for member in group.members:
            await member.kill()


def free_port() -> int:
    """Return a port that is probably free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
