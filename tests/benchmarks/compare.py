"""This server beside its peers: the same operations on the same database, in one run."""

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg

from tests.benchmarks import node
from tests.benchmarks.answers import check_answers
from tests.benchmarks.comparison import Results, report, write
from tests.benchmarks.conditions import conditions
from tests.benchmarks.contestants import (
    CONTESTANTS,
    OURS,
    Contestant,
    Running,
    other_checkout,
    start,
)
from tests.benchmarks.databases import fresh_copy, server
from tests.benchmarks.measure import Measured, Meter
from tests.benchmarks.operations import OPERATIONS, Operation
from tests.benchmarks.options import names, parser, results
from tests.benchmarks.progress import say
from tests.benchmarks.samples import Samples, take_samples

# A full run, and one that only shows that it works.
TICKETS, QUICK_TICKETS = 100_000, 10_000
ROUNDS, QUICK_ROUNDS = 5, 1
SECONDS, QUICK_SECONDS = 5.0, 1.0
# Long enough for V8 to have compiled what it will.
WARM_UP_S, QUICK_WARM_UP_S = 3.0, 1.0

# An answer whose size is below this share of the sample's is an error in disguise.
_LEAST_SHARE = 0.3


def main(arguments: Sequence[str]) -> None:
    """Compare, print the tables, and write them with their plot."""
    options = parser("compare", __doc__)
    options.add_argument(
        "--peers",
        type=names([one.name for one in CONTESTANTS[1:]]),
        help="which, joined by commas: " + ", ".join(one.name for one in CONTESTANTS[1:]),
    )
    options.add_argument(
        "--operations",
        type=names([one.name for one in OPERATIONS]),
        help="which, joined by commas: " + ", ".join(one.name for one in OPERATIONS),
    )
    options.add_argument(
        "--against",
        type=Path,
        metavar="FOLDER",
        help="compare with the server of another checkout instead of the peers",
    )
    options.add_argument("--rounds", type=int, help=f"rounds of each ({ROUNDS})")
    options.add_argument("--seconds", type=float, help=f"seconds of a round ({SECONDS:g})")
    options.add_argument("--connections", type=int, default=16, help="of the load (16)")
    options.add_argument("--tickets", type=int, help=f"in the database ({TICKETS:,})")
    given = options.parse_args(arguments)
    quick = given.quick
    given.rounds = given.rounds or (QUICK_ROUNDS if quick else ROUNDS)
    given.seconds = given.seconds or (QUICK_SECONDS if quick else SECONDS)
    given.tickets = given.tickets or (QUICK_TICKETS if quick else TICKETS)
    # The repository keeps only the comparison with the peers.
    folder = results(given, is_published=given.against is None)
    asyncio.run(_compare(given, folder=folder))


async def _compare(given: argparse.Namespace, *, folder: Path) -> None:
    contestants = (
        [CONTESTANTS[0], other_checkout(given.against.resolve())]
        if given.against
        else _chosen(given.peers)
    )
    operations = [
        one for one in OPERATIONS if given.operations is None or one.name in given.operations
    ]
    async with AsyncExitStack() as opened:
        server_url = await opened.enter_async_context(server(given.database))
        url = await opened.enter_async_context(fresh_copy(server_url, given.tickets))
        running = [await start(one, url, opened) for one in contestants]
        connection = await asyncpg.connect(url)
        opened.push_async_callback(connection.close)
        samples = await take_samples(connection)
        say("Checking that all answer the same")
        for operation in operations:
            await check_answers(operation, running, samples, connection)
        meter = Meter(connection, connections=given.connections)
        found: Results = {
            operation.name: await _rounds(operation, running, samples, meter, given)
            for operation in operations
        }
        titles = {one.name: one.title for one in contestants}
        told = (
            f"{given.tickets:,} tickets, {given.connections} connections, "
            f"{given.rounds} rounds of {given.seconds:g} s; {await conditions(connection)}."
        )
        asked = {one.name: one.title for one in operations}
        text = report(found, titles, asked, told)
    print(text)  # noqa: T201  # for this it is run
    write(folder, text, found, titles, asked)
    say(f"Written to {folder}")


def _chosen(peers: Sequence[str] | None) -> list[Contestant]:
    chosen = [one for one in CONTESTANTS if peers is None or one.name in (OURS, *peers)]
    if not node.is_there():
        without = [one.title for one in chosen if one.needs_node]
        if without:
            say(f"There is no Node on this machine: without {', '.join(without)}.")
        chosen = [one for one in chosen if not one.needs_node]
    return chosen


async def _rounds(
    operation: Operation,
    running: Sequence[Running],
    samples: Samples,
    meter: Meter,
    given: argparse.Namespace,
) -> dict[str, list[Measured]]:
    requests = {one.contestant.name: one.requests(operation, samples) for one in running}
    least = {}
    warm_up_s = QUICK_WARM_UP_S if given.quick else WARM_UP_S
    for one in running:
        sizes = [(await one.ask(operation, v))[1] for v in operation.variables(samples)[:20]]
        least[one.contestant.name] = int(min(sizes) * _LEAST_SHARE)
        await meter.measure(one, requests[one.contestant.name], seconds=warm_up_s)
    measured: dict[str, list[Measured]] = {one.contestant.name: [] for one in running}
    for number in range(given.rounds):
        say(f"{operation.title}: round {number + 1} of {given.rounds}")
        # Each round begins with another one, so that nobody always follows the same.
        for place in range(len(running)):
            one = running[(place + number) % len(running)]
            name = one.contestant.name
            measured[name].append(
                await meter.measure(
                    one, requests[name], seconds=given.seconds, least_bytes=least[name]
                )
            )
    return measured
