"""What the accounting of limits costs: this server beside itself without it, in one run.

`unaccounted` says what is switched off. Both servers are asked through sockets by turns, and a
round's CPU per request of the one is divided by that of the other. Both are started several times,
because where a process has its memory makes it a few percent faster or slower until its end.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TypeAlias

import asyncpg

from tests.benchmarks.answers import check_answers
from tests.benchmarks.conditions import conditions
from tests.benchmarks.contestants import (
    CONTESTANTS,
    Contestant,
    Launch,
    Running,
    launch_ours,
    start,
)
from tests.benchmarks.databases import fresh_copy, server
from tests.benchmarks.measure import Meter
from tests.benchmarks.operations import OPERATIONS, Operation
from tests.benchmarks.options import names, parser, results
from tests.benchmarks.progress import say
from tests.benchmarks.rounds import ratio, spread
from tests.benchmarks.samples import Samples, take_samples
from tests.benchmarks.tables import shown, table

TICKETS, QUICK_TICKETS = 100_000, 10_000
STARTS, QUICK_STARTS = 3, 1
ROUNDS, QUICK_ROUNDS = 5, 1
SECONDS = 1.0
# The load is one caller within its share of the pool. With more connections, its requests also wait
# for this share, which is the effect of a limit and not the cost of the accounting.
CONNECTIONS = 6

# CPU microseconds per request with accounting and without it, by round.
_Found: TypeAlias = tuple[list[float], list[float]]


def main(arguments: Sequence[str]) -> None:
    """Measure, print a table, and write it."""
    options = parser("accounting", __doc__)
    options.add_argument(
        "--operations",
        type=names([one.name for one in OPERATIONS]),
        help="which, joined by commas: " + ", ".join(one.name for one in OPERATIONS),
    )
    options.add_argument("--starts", type=int, help=f"of both servers ({STARTS})")
    options.add_argument("--rounds", type=int, help=f"rounds of each after a start ({ROUNDS})")
    options.add_argument("--seconds", type=float, default=SECONDS, help=f"of a round ({SECONDS:g})")
    options.add_argument(
        "--connections", type=int, default=CONNECTIONS, help=f"of the load ({CONNECTIONS})"
    )
    given = options.parse_args(arguments)
    given.starts = given.starts or (QUICK_STARTS if given.quick else STARTS)
    given.rounds = given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS)
    folder = results(given)
    text = asyncio.run(_compare(given))
    print(text)  # noqa: T201  # for this it is run
    (folder / "accounting.md").write_text(text)
    say(f"Written to {folder}")


async def _compare(given: argparse.Namespace) -> str:
    tickets = QUICK_TICKETS if given.quick else TICKETS
    async with AsyncExitStack() as opened:
        server_url = await opened.enter_async_context(server(given.database))
        url = await opened.enter_async_context(fresh_copy(server_url, tickets))
        connection = await asyncpg.connect(url)
        opened.push_async_callback(connection.close)
        samples = await take_samples(connection)
        meter = Meter(connection, connections=given.connections)
        operations = [
            one for one in OPERATIONS if given.operations is None or one.name in given.operations
        ]
        found: dict[str, _Found] = {one.title: ([], []) for one in operations}
        for number in range(given.starts):
            async with AsyncExitStack() as servers:
                running = [await start(one, url, servers) for one in _servers(number)]
                for operation in operations:
                    await check_answers(operation, running, samples, connection)
                    await _measure(
                        operation, running, samples, meter, given, found[operation.title]
                    )
        told = (
            f"{tickets:,} tickets, {given.connections} connections, {given.starts} starts with"
            f" {given.rounds} rounds of {given.seconds:g} s; {await conditions(connection)}."
        )
    head = ["CPU microseconds a request", "With accounting", "Without", "Ratio"]
    rows = {
        title: [shown(spread(ours)), shown(spread(theirs)), shown(ratio(ours, theirs))]
        for title, (ours, theirs) in found.items()
    }
    return f"{told}\n\n{table(head, rows)}\n"


def _servers(number: int) -> tuple[Contestant, Contestant]:
    """Return this server with and without accounting, for a start with this number."""
    ours = CONTESTANTS[0]

    async def prepare(url: str) -> Launch:
        return await launch_ours(url, caller=f"with accounting {number}")

    async def prepare_without(url: str) -> Launch:
        launch = await launch_ours(url, caller=f"without accounting {number}")
        return replace(
            launch, command=[sys.executable, "-m", "tests.benchmarks.unaccounted", "serve"]
        )

    return replace(ours, prepare=prepare), replace(
        ours,
        name="unaccounted",
        title="This server without accounting",
        prepare=prepare_without,
    )


async def _measure(  # noqa: PLR0917  # all of one measurement
    operation: Operation,
    running: Sequence[Running],
    samples: Samples,
    meter: Meter,
    given: argparse.Namespace,
    found: _Found,
) -> None:
    """Add the CPU per request of each server in each round."""
    requests = [one.requests(operation, samples) for one in running]
    for number in range(given.rounds + 1):
        say(f"{operation.title}: round {number} of {given.rounds}")
        # By turns each of them is the first one of a round.
        for place in (0, 1) if number % 2 else (1, 0):
            measured = await meter.measure(running[place], requests[place], seconds=given.seconds)
            if number:  # the first one is the warm-up
                found[place].append(measured.server_us)
