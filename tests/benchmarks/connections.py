"""Growth with the connections: the same requests from sixteen clients and from a thousand."""

import argparse
import asyncio
import resource
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg

from tests.benchmarks.conditions import conditions
from tests.benchmarks.contestants import CONTESTANTS, start
from tests.benchmarks.databases import fresh_copy, server
from tests.benchmarks.measure import Measured, Meter
from tests.benchmarks.operations import OPERATIONS
from tests.benchmarks.options import parser, results
from tests.benchmarks.progress import say
from tests.benchmarks.rounds import spread
from tests.benchmarks.samples import take_samples
from tests.benchmarks.tables import shown, table

TICKETS, QUICK_TICKETS = 100_000, 10_000
CLIENTS = (16, 256, 1_024)
ROUNDS, QUICK_ROUNDS = 3, 1
SECONDS, QUICK_SECONDS = 10.0, 2.0

MEASURED = ("one", "page")


def main(arguments: Sequence[str]) -> None:
    """Measure, print the table, and write it."""
    options = parser("connections", __doc__)
    given = options.parse_args(arguments)
    asyncio.run(_measure(given, folder=results(given)))


async def _measure(given: argparse.Namespace, *, folder: Path) -> None:
    tickets = QUICK_TICKETS if given.quick else TICKETS
    async with AsyncExitStack() as opened:
        server_url = await opened.enter_async_context(server(given.database))
        url = await opened.enter_async_context(fresh_copy(server_url, tickets))
        running = await start(CONTESTANTS[0], url, opened)
        # Only after the server was started: it must do with the limit that a user has.
        _allow_many_files()
        connection = await asyncpg.connect(url)
        opened.push_async_callback(connection.close)
        samples = await take_samples(connection)
        meter = Meter(connection, connections=CLIENTS[0])
        rows = {}
        for operation in OPERATIONS:
            if operation.name not in MEASURED:
                continue
            requests = running.requests(operation, samples)
            # A thousand clients leave a queue behind, which must be gone first.
            await running.ask(operation, operation.variables(samples)[0])
            await meter.measure(running, requests, seconds=1.0)
            for clients in CLIENTS:
                say(f"{operation.title}: {clients} connections")
                found = [
                    await meter.measure(
                        running,
                        requests,
                        seconds=QUICK_SECONDS if given.quick else SECONDS,
                        connections=clients,
                    )
                    for _ in range(QUICK_ROUNDS if given.quick else ROUNDS)
                ]
                rows[f"{operation.title}, {clients:,} connections"] = _cells(found)
        told = await conditions(connection)
    head = ["", "Requests a second", "Median ms", "p99 ms", "Failures", "CPU us a request"]
    text = f"{tickets:,} tickets; {told}.\n\n{table(head, rows)}\n"
    print(text)  # noqa: T201  # for this it is run
    (folder / "connections.md").write_text(text)


def _cells(found: Sequence[Measured]) -> list[str]:
    return [
        shown(spread([one.per_second for one in found])),
        shown(spread([one.p50_ms for one in found])),
        shown(spread([one.p99_ms for one in found])),
        str(sum(one.failures for one in found)),
        shown(spread([one.server_us for one in found])),
    ]


def _allow_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
