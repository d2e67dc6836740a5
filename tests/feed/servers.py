"""Servers in processes of their own, which tests stop and kill."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.waiting import until

START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 60
# `python -m app` with an interval that no test reaches.
_WITHOUT_POLLING = """
import sys
from app.cli import main
from engine.streaming import pacing
pacing.POLL_S = 3600.0
sys.exit(main())
"""
SETTINGS = {
    "PORT": "0",
    "OPS_SIM_LATENCY_MS": "0",
    "LOG_FORMAT": "json",
    "AUTH": "off",
    "SHUTDOWN_DELAY_MS": "0",
}


@dataclass
class Server:
    """A running `ticketops serve`."""

    process: Process
    url: str

    async def stop(self) -> int:
        """Stop the server gracefully and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_TIMEOUT_S):
            return await self.process.wait()

    async def kill(self) -> None:
        """Kill the server, as a crash would."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def serve(database_url: str, folder: Path, **settings: str) -> AsyncIterator[Server]:
    """Run a server until the end of the block."""
    async with _run(("-m", "app"), database_url, folder, settings) as server:
        yield server


@asynccontextmanager
async def serve_without_polling(database_url: str, folder: Path) -> AsyncIterator[Server]:
    """Run a server whose streams read only after notifications, until the end of the block."""
    async with _run(("-c", _WITHOUT_POLLING), database_url, folder, {}) as server:
        yield server


@asynccontextmanager
async def _run(
    program: Sequence[str], database_url: str, folder: Path, settings: dict[str, str]
) -> AsyncIterator[Server]:
    log_file = folder / f"{uuid4().hex}.log"
    with log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *program, "serve"),
            env=os.environ | SETTINGS | {"DATABASE_URL": database_url} | settings,
            stderr=log,
        )
    try:
        await until(lambda: _url(log_file) is not None, within_s=START_TIMEOUT_S)
        yield Server(process, _url(log_file) or "")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _url(log_file: Path) -> str | None:
    """Return the base URL from the log; None until the server listens."""
    for line in log_file.read_text().splitlines():
        event = json.loads(line)
        if event["message"] == "listening":
            url: str = event["url"]
            return url
    return None
