"""Memory of the server process under a mixed load, over time."""

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg

from tests.benchmarks.conditions import conditions
from tests.benchmarks.contestants import CONTESTANTS, start
from tests.benchmarks.databases import fresh_copy, server
from tests.benchmarks.measure import Meter
from tests.benchmarks.operations import OPERATIONS
from tests.benchmarks.options import parser, results
from tests.benchmarks.progress import say
from tests.benchmarks.samples import take_samples
from tests.benchmarks.tables import table

TICKETS, QUICK_TICKETS = 100_000, 10_000
MINUTES, QUICK_MINUTES = 10.0, 0.3
CONNECTIONS = 64
# Of each operation in turn.
SLICE_S = 2.0
# The first minute fills caches; from then on it must stay.
WARM_SHARE = 0.1
ROWS = 10
MIB = 2**20


def main(arguments: Sequence[str]) -> None:
    """Measure, print the table, and write it."""
    options = parser("memory", __doc__)
    options.add_argument("--minutes", type=float, help=f"how long ({MINUTES:g})")
    given = options.parse_args(arguments)
    given.minutes = given.minutes or (QUICK_MINUTES if given.quick else MINUTES)
    asyncio.run(_measure(given, folder=results(given)))


async def _measure(given: argparse.Namespace, *, folder: Path) -> None:
    async with AsyncExitStack() as opened:
        server_url = await opened.enter_async_context(server(given.database))
        tickets = QUICK_TICKETS if given.quick else TICKETS
        url = await opened.enter_async_context(fresh_copy(server_url, tickets))
        running = await start(CONTESTANTS[0], url, opened)
        connection = await asyncpg.connect(url)
        opened.push_async_callback(connection.close)
        samples = await take_samples(connection)
        meter = Meter(connection, connections=CONNECTIONS)
        started_s = time.monotonic()
        # Minutes since the start, and MiB.
        found = [(0.0, running.server.memory_bytes() / MIB)]
        while found[-1][0] < given.minutes:
            for operation in OPERATIONS:
                await meter.measure(running, running.requests(operation, samples), seconds=SLICE_S)
                minutes = (time.monotonic() - started_s) / 60
                found.append((minutes, running.server.memory_bytes() / MIB))
            say(f"{found[-1][0]:.1f} of {given.minutes:g} minutes: {found[-1][1]:.1f} MiB")
        told = await conditions(connection)
    text = f"{CONNECTIONS} connections, all operations in turn; {told}.\n\n{_report(found)}\n"
    print(text)  # noqa: T201  # for this it is run
    (folder / "memory.md").write_text(text)


def _report(found: Sequence[tuple[float, float]]) -> str:
    step = max(1, len(found) // ROWS)
    shown = [*found[::step], found[-1]]
    rows = {f"{minutes:.1f}": [f"{mib:.1f}"] for minutes, mib in shown}
    warm = found[int(len(found) * WARM_SHARE)][1]
    highest = max(mib for _, mib in found)
    return (
        f"{table(['Minutes', 'MiB'], rows)}\n\n"
        f"Highest {highest:.1f} MiB; {found[-1][1] - warm:+.1f} MiB since it was warm."
    )
