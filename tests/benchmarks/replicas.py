"""What a replica takes from the primary: CPU of both, with and without reads on the replica.

Two servers of the same primary, one of which reads on its standby, are asked by turns. All requests
come from one caller, so that with changes among them each read needs the newest position.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from statistics import median

import asyncpg
import psutil

from app.seed import seed
from tests.benchmarks.conditions import conditions
from tests.benchmarks.contestants import make_token
from tests.benchmarks.dialects import Contract, our_cursor
from tests.benchmarks.load import Requests, load
from tests.benchmarks.operations import OPERATIONS
from tests.benchmarks.options import parser, results
from tests.benchmarks.processes import Server, free_port, started
from tests.benchmarks.progress import Unmeasured, say
from tests.benchmarks.samples import Samples, take_samples
from tests.benchmarks.tables import table
from tests.replicas.streaming import Streaming, streaming_postgres

TICKETS, QUICK_TICKETS = 20_000, 1_000
ROUNDS, QUICK_ROUNDS = 7, 1
SECONDS = 2.0
CONNECTIONS = 6
READS = ("one", "list", "page", "nested", "search")
# Of the mix with changes.
READS_PER_CHANGE = 9
BODIES = 1_000
# Until both servers use the standby, and it has replayed the demo tickets.
SETTLE_S = 3.0


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU microseconds a request."""

    primary: float
    replica: float
    server: float


@dataclass(frozen=True, slots=True)
class _Mix:
    """The requests of a measurement."""

    title: str
    bodies: list[bytes]
    headers: dict[str, str]


def main(arguments: Sequence[str]) -> None:
    """Measure, print the table, and write it."""
    options = parser("replicas", __doc__)
    options.add_argument("--rounds", type=int, help=f"rounds of each ({ROUNDS})")
    options.add_argument("--seconds", type=float, default=SECONDS, help=f"of a round ({SECONDS:g})")
    given = options.parse_args(arguments)
    if given.database is not None:
        raise Unmeasured("it starts its own primary and standby; --database does not serve.")
    given.rounds = given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS)
    folder = results(given)
    with streaming_postgres() as streaming:
        text = asyncio.run(_measure(streaming, given))
    print(text)  # noqa: T201  # for this it is run
    (folder / "replicas.md").write_text(text)
    say(f"Written to {folder}")


async def _measure(streaming: Streaming, given: argparse.Namespace) -> str:
    tickets = QUICK_TICKETS if given.quick else TICKETS
    say(f"Filling a database with {tickets:,} tickets")
    url = streaming.primary.url
    await _fill(url, tickets)
    async with AsyncExitStack() as opened:
        connection = await asyncpg.connect(url)
        opened.push_async_callback(connection.close)
        samples = await take_samples(connection)
        token = await make_token(url)
        servers = {}
        replica = {"DATABASE_REPLICA_URL": streaming.settings["DATABASE_REPLICA_URL"]}
        for title, settings in (("Primary only", {}), ("Reads on a replica", replica)):
            servers[title] = await opened.enter_async_context(_serve(title, url, settings))
        await asyncio.sleep(SETTLE_S)
        rows = {}
        for mix, changes in (("reads only", False), ("9 reads, 1 change", True)):
            requests = _Mix(
                mix,
                _bodies(samples, with_changes=changes),
                {"Authorization": f"Bearer {token}"},
            )
            costs = await _rounds(streaming, servers, requests, given)
            for title, found in costs.items():
                rows[f"{title}, {mix}"] = [
                    f"{median(getattr(cost, name) for cost in found):.0f}"
                    for name in ("primary", "replica", "server")
                ]
        told = (
            f"{tickets:,} tickets, {CONNECTIONS} connections of one caller, {given.rounds} rounds"
            f" of {given.seconds:g} s; {await conditions(connection)}. Medians."
        )
    head = ["CPU microseconds a request", "Primary's PostgreSQL", "Replica's PostgreSQL", "Server"]
    return f"{told}\n\n{table(head, rows)}\n"


async def _fill(url: str, tickets: int) -> None:
    await seed(url, tickets=tickets, seed=0, progress=lambda _done, _total: None)


def _serve(title: str, url: str, settings: dict[str, str]) -> AbstractAsyncContextManager[Server]:
    port = free_port()
    environ = {
        "AUTH": "required",
        "DATABASE_URL": url,
        "DELIVERY_WORKER": "false",
        "PORT": str(port),
        "SHUTDOWN_DELAY_MS": "0",
    }
    command = [sys.executable, "-m", "app", "serve"]
    return started(title.replace(" ", "-"), command, environ | settings, port=port)


def _bodies(samples: Samples, *, with_changes: bool) -> list[bytes]:
    """Return the bodies of the requests: each read as often as the others, changes in between."""
    contract = Contract(our_cursor)
    bodies = {
        operation.name: cycle(
            [contract.body(operation, one) for one in operation.variables(samples)]
        )
        for operation in OPERATIONS
        if operation.name in {*READS, "update"}
    }
    reads = cycle(READS)
    names: list[str] = []
    while len(names) < BODIES:
        names += [*islice(reads, READS_PER_CHANGE), *(["update"] if with_changes else [])]
    return [next(bodies[name]) for name in names]


async def _rounds(
    streaming: Streaming,
    servers: dict[str, Server],
    requests: _Mix,
    given: argparse.Namespace,
) -> dict[str, list[Cost]]:
    found: dict[str, list[Cost]] = {title: [] for title in servers}
    for number in range(given.rounds + 1):
        say(f"{requests.title}: round {number} of {given.rounds}")
        for title in servers if number % 2 else reversed(servers):
            cost = await _cost(streaming, servers[title], requests, given, number)
            if number:  # the first one is the warm-up
                found[title].append(cost)
    return found


async def _cost(
    streaming: Streaming,
    server: Server,
    requests: _Mix,
    given: argparse.Namespace,
    number: int,
) -> Cost:
    def used_s() -> list[float]:
        primary = (streaming.primary.cluster / "postmaster.pid").read_text().split()[0]
        replica = streaming.standbys[0].process.pid
        return [_tree_cpu_s(int(primary)), _tree_cpu_s(replica), server.cpu_s()]

    url = f"http://127.0.0.1:{server.port}/graphql"
    before = used_s()
    got = await load(
        Requests(url, requests.bodies, requests.headers),
        connections=CONNECTIONS,
        seconds=given.seconds,
        first_number=number * 1_000_000,
    )
    spent = [after - earlier for after, earlier in zip(used_s(), before, strict=True)]
    if got.failures:
        raise Unmeasured(f"{got.failures} of {got.requests} requests failed.")
    return Cost(*(1e6 * one / got.requests for one in spent))


def _tree_cpu_s(pid: int) -> float:
    """Return the CPU of a postmaster, of its processes, and of those that have ended."""
    postmaster = psutil.Process(pid)
    times = postmaster.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for process in postmaster.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return float(total)
