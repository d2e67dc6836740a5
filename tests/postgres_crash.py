"""A crash of PostgreSQL: what it had not written down is gone."""

import asyncio
import signal
from contextlib import suppress

import psutil

from app.embedded import EmbeddedPostgres

PATIENCE_S = 30


async def crash(postgres: EmbeddedPostgres) -> None:
    """End a PostgreSQL at once, without a word to its clients and without a last flush."""
    pid = int((postgres.cluster / "postmaster.pid").read_text().split()[0])
    postmaster = psutil.Process(pid)
    backends = postmaster.children()
    postmaster.send_signal(signal.SIGQUIT)
    for backend in backends:
        # It waits for seconds for one that is held up.
        with suppress(psutil.NoSuchProcess):
            backend.kill()
    await asyncio.to_thread(postmaster.wait, PATIENCE_S)
