"""What PostgreSQL spends on its clients."""

from contextlib import suppress
from dataclasses import dataclass

import asyncpg
import psutil

_BACKENDS = """
SELECT pid
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Backends:
    """The processes that serve the clients of one database."""

    connection: asyncpg.Connection

    async def cpu_s(self) -> dict[int, float] | None:
        """Return the CPU used so far, by process; None where they are not on this machine."""
        pids = [row["pid"] for row in await self.connection.fetch(_BACKENDS)]
        used = {}
        for pid in pids:
            with suppress(psutil.NoSuchProcess):  # it may just have ended
                process = psutil.Process(pid)
                if "postgres" in process.name():
                    times = process.cpu_times()
                    used[pid] = float(times.user + times.system)
        return used if used or not pids else None


def spent_s(before: dict[int, float] | None, after: dict[int, float] | None) -> float | None:
    """Return what was used between two moments; a process that is new began with nothing."""
    if before is None or after is None:
        return None
    return sum(used - before.get(pid, 0.0) for pid, used in after.items())
