"""What may become of a PostgreSQL: it crashes, or it answers nobody for a while."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psutil

from app.database.embedded import EmbeddedPostgres

RETRY_FOR_S = 30


async def crash(postgres: EmbeddedPostgres) -> None:
    """End a PostgreSQL at once, without a word to its clients and without a last flush.

    What it had not written down is gone.
    """
    postmaster = _postmaster(postgres)
    backends = postmaster.children()
    postmaster.send_signal(signal.SIGQUIT)
    for backend in backends:
        # It waits for seconds for one that is held up.
        with suppress(psutil.NoSuchProcess):
            backend.kill()
    await asyncio.to_thread(postmaster.wait, RETRY_FOR_S)


@contextmanager
def frozen(postgres: EmbeddedPostgres) -> Iterator[None]:
    """Have a PostgreSQL do nothing within the block, with all of its connections open."""
    postmaster = _postmaster(postgres)
    processes = [postmaster, *postmaster.children()]
    _send(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        _send(processes, signal.SIGCONT)


def _send(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        # The backend of someone who has just left goes by itself.
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _postmaster(postgres: EmbeddedPostgres) -> psutil.Process:
    return psutil.Process(int((postgres.cluster / "postmaster.pid").read_text().split()[0]))
