"""Growth with the data: the same requests on ten and on a hundred times as many tickets."""

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg

from tests.benchmarks.conditions import conditions
from tests.benchmarks.contestants import CONTESTANTS, Running, start
from tests.benchmarks.databases import fresh_copy, server
from tests.benchmarks.load import Requests
from tests.benchmarks.measure import Measured, Meter
from tests.benchmarks.operations import OPERATIONS
from tests.benchmarks.options import parser, results
from tests.benchmarks.progress import say
from tests.benchmarks.rounds import ratio, spread
from tests.benchmarks.samples import take_samples
from tests.benchmarks.tables import shown, table

SIZES, QUICK_SIZES = (10_000, 100_000, 1_000_000), (1_000, 10_000)
ROUNDS, QUICK_ROUNDS = 5, 1
SECONDS, QUICK_SECONDS = 3.0, 1.0
CONNECTIONS = 16

MEASURED = ("list", "deep", "page", "search")


def main(arguments: Sequence[str]) -> None:
    """Measure, print the table, and write it."""
    options = parser("data", __doc__)
    given = options.parse_args(arguments)
    asyncio.run(_measure(given, folder=results(given)))


async def _measure(given: argparse.Namespace, *, folder: Path) -> None:
    sizes = QUICK_SIZES if given.quick else SIZES
    async with AsyncExitStack() as opened:
        server_url = await opened.enter_async_context(server(given.database))
        # One server a size, so that rounds go over all sizes while the machine is the same.
        sized = [await _Sized.of(tickets, server_url, opened) for tickets in sizes]
        rows = {}
        for operation in OPERATIONS:
            if operation.name in MEASURED:
                rows[operation.title] = await _row(operation.name, sized, given)
        told = await conditions(sized[0].connection)
    head = ["CPU microseconds a request", *(f"{tickets:,}" for tickets in sizes), "Growth"]
    text = (
        f"Server and PostgreSQL together, by tickets in the database; {told}.\n\n"
        f"{table(head, rows)}\n"
    )
    print(text)  # noqa: T201  # for this it is run
    (folder / "data.md").write_text(text)


class _Sized:
    """A server on a database of one size."""

    def __init__(
        self, running: Running, connection: asyncpg.Connection, requests: dict[str, Requests]
    ) -> None:
        self.running = running
        self.connection = connection
        self.requests = requests
        self.meter = Meter(connection, connections=CONNECTIONS)

    @classmethod
    async def of(cls, tickets: int, server_url: str, opened: AsyncExitStack) -> "_Sized":
        url = await opened.enter_async_context(fresh_copy(server_url, tickets))
        running = await start(CONTESTANTS[0], url, opened)
        connection = await asyncpg.connect(url)
        opened.push_async_callback(connection.close)
        samples = await take_samples(connection)
        requests = {one.name: running.requests(one, samples) for one in OPERATIONS}
        return cls(running, connection, requests)


async def _row(operation: str, sized: Sequence[_Sized], given: argparse.Namespace) -> list[str]:
    seconds = QUICK_SECONDS if given.quick else SECONDS
    rounds = QUICK_ROUNDS if given.quick else ROUNDS
    say(f"{operation}: {rounds} rounds")
    found: list[list[float]] = [[] for _ in sized]
    for number in range(rounds + 1):
        for place, one in enumerate(sized):
            measured = await one.meter.measure(
                one.running, one.requests[operation], seconds=seconds if number else 1.0
            )
            if number:  # the first one is the warm-up
                found[place].append(_cpu_us(measured))
    return [*(shown(spread(one)) for one in found), shown(ratio(found[-1], found[0]))]


def _cpu_us(measured: Measured) -> float:
    return measured.server_us + (measured.postgres_us or 0.0)
