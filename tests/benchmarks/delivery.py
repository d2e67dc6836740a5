"""Deliveries through one worker: how many a second, at what cost, and how soon after a commit."""

import argparse
import asyncio
import sys
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import asyncpg
import psutil
from tortoise.transactions import in_transaction

from app.database.tortoise import database
from engine.streaming.notifications import Notifier
from models import Ticket
from models.ticket_lock import lock_ticket
from ops import Deliveries, OpsPolicy, Simulator, SimulatorSettings
from ops.simulator.fault_settings import FaultSettings
from ops.simulator.process import serve_simulator
from ops.simulator.server import SimulatorServer
from tests.benchmarks.conditions import conditions
from tests.benchmarks.databases import fresh_copy, server
from tests.benchmarks.hanging_ops import HangingOps
from tests.benchmarks.options import parser, results
from tests.benchmarks.processes import plain_environ
from tests.benchmarks.progress import say
from tests.benchmarks.tables import table

TICKETS, QUICK_TICKETS = 100_000, 1_000
WAITING, QUICK_WAITING = (1_000, 10_000, 100_000), (500,)
# So many of those that wait are measured, but for the first, for which it warms up.
MEASURED, WARM_UP = 5_000, 200
COMMITS, QUICK_COMMITS = 300, 20
# Deliveries that OPS accepts, and those on which it hangs, which are due before them.
GOOD, QUICK_GOOD = 20_000, 300
HANGING, QUICK_HANGING = 200, 20
PATIENCE_S = 300.0

_ORDER = """
INSERT INTO ops_deliveries (id, ticket_id, payload, next_attempt_at)
SELECT
    gen_random_uuid(), id,
    jsonb_build_object('id', id, 'subject', subject, 'description', description), now()
FROM (SELECT * FROM tickets LIMIT $1) AS ticket
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured with so many deliveries waiting."""

    per_s: float
    worker_us: float


def main(arguments: Sequence[str]) -> None:
    """Measure, print the tables, and write them."""
    given = parser("delivery", __doc__).parse_args(arguments)
    asyncio.run(_measure(given, folder=results(given)))


async def _measure(given: argparse.Namespace, *, folder: Path) -> None:
    found: dict[int, Found] = {}
    told = ""
    async with server(given.database) as server_url:
        tickets = QUICK_TICKETS if given.quick else TICKETS
        for waiting in QUICK_WAITING if given.quick else WAITING:
            async with fresh_copy(server_url, tickets) as url, _connected(url) as connection:
                say(f"Delivering, with {waiting:,} waiting")
                found[waiting] = await _throughput(url, connection, waiting)
                told = await conditions(connection, load="our own client")
        async with fresh_copy(server_url, QUICK_TICKETS) as url:
            commits = QUICK_COMMITS if given.quick else COMMITS
            say(f"Committing {commits} orders, one after the other")
            waits_ms = await _latency(url, commits)
        good, hanging = (QUICK_GOOD, QUICK_HANGING) if given.quick else (GOOD, HANGING)
        drained_per_s = {}
        for count in (0, hanging):
            async with fresh_copy(server_url, tickets) as url, _connected(url) as connection:
                say(f"Delivering {good:,} behind {count} on which OPS hangs")
                drained_per_s[count] = await _drained_per_s(url, connection, good, hanging=count)
    head = ["Deliveries waiting", "delivered a second", "CPU of the worker each, µs"]
    rows = {
        f"{waiting:,}": [f"{one.per_s:,.0f}", f"{one.worker_us:.0f}"]
        for waiting, one in found.items()
    }
    slowest_ms = quantiles(waits_ms, n=100)[98]
    text = (
        f"{told}; one worker, the simulated OPS at 0 ms.\n\n{table(head, rows)}\n\n"
        f"From the commit of an order in one process to the call of OPS by a worker in another: "
        f"median {median(waits_ms):.1f} ms, 99 of 100 within {slowest_ms:.1f} ms.\n\n"
        f"{good:,} deliveries over HTTP, from the first call of OPS to the last delivery: "
        f"{drained_per_s[0]:,.0f} a second; behind {hanging} on which OPS hangs: "
        f"{drained_per_s[hanging]:,.0f} a second.\n"
    )
    print(text)  # noqa: T201  # for this it is run
    (folder / "delivery.md").write_text(text)


async def _throughput(url: str, connection: asyncpg.Connection, waiting: int) -> Found:
    await connection.execute("TRUNCATE ops_deliveries, log_entries, ticket_events")
    await connection.execute(
        "UPDATE tickets SET ops_state = 'pending' WHERE ops_state <> 'pending'"
    )
    await connection.execute(_ORDER, waiting)
    await connection.execute("CHECKPOINT")
    measured = min(waiting, MEASURED)
    async with _working(url, {"OPS_SIM_LATENCY_MS": "0"}) as worker:
        await _until_delivered(connection, WARM_UP)
        began, began_cpu_s = await _delivered(connection), _cpu_s(worker)
        await _until_delivered(connection, measured)
        ended, ended_cpu_s = await _delivered(connection), _cpu_s(worker)
    per_s = await connection.fetchval(
        """
        SELECT (count(*) - 1) / extract(epoch FROM max(delivered_at) - min(delivered_at))
        FROM (
            SELECT delivered_at
            FROM ops_deliveries
            WHERE delivered_at IS NOT NULL
            ORDER BY delivered_at
            OFFSET $1
            LIMIT $2
        ) AS measured
        """,
        WARM_UP,
        measured - WARM_UP,
    )
    return Found(float(per_s), 1e6 * (ended_cpu_s - began_cpu_s) / max(ended - began, 1))


async def _drained_per_s(
    url: str, connection: asyncpg.Connection, good: int, *, hanging: int
) -> float:
    await connection.execute("TRUNCATE ops_deliveries, log_entries, ticket_events")
    await connection.execute("UPDATE tickets SET ops_state = 'pending'")
    await connection.execute(_ORDER, good + hanging)
    rows = await connection.fetch(
        """
        UPDATE ops_deliveries SET next_attempt_at = next_attempt_at - interval '1 hour'
        WHERE id = ANY (ARRAY (SELECT id FROM ops_deliveries LIMIT $1))
        RETURNING id
        """,
        hanging,
    )
    await connection.execute("CHECKPOINT")
    ops = HangingOps(FaultSettings(latency_ms=0), keys={row["id"] for row in rows})
    delivered = "SELECT count(*) FROM log_entries WHERE status = 'success'"
    async with _serving(ops) as ops_url, _working(url, {"OPS_URL": ops_url}):
        async with asyncio.timeout(PATIENCE_S):
            while await connection.fetchval(delivered) < good:  # noqa: ASYNC110  # in the database
                await asyncio.sleep(0.1)
    ended_at = await connection.fetchval("SELECT max(delivered_at) FROM ops_deliveries")
    assert ops.began_at is not None
    return good / float(ended_at.timestamp() - ops.began_at)


async def _latency(url: str, commits: int) -> list[float]:
    simulator = SimulatorServer(FaultSettings(latency_ms=0))
    async with (
        _serving(simulator) as ops_url,
        database(url),
        Notifier(url),
        _connected(url) as connection,
    ):
        await connection.execute("TRUNCATE ops_deliveries")
        tickets = await Ticket.all().limit(commits)
        deliveries = Deliveries(Simulator(SimulatorSettings()), OpsPolicy())
        committed = {}
        async with _working(url, {"OPS_URL": ops_url}):
            # The worker is up when it has delivered the first.
            for number, ticket in enumerate(tickets):
                async with in_transaction() as transaction:
                    await lock_ticket(transaction, ticket.id)
                    delivery, _ = await deliveries.request(
                        transaction, ticket, actor=None, request_id=None, at_once=False
                    )
                committed[delivery.id] = time.time()
                await _until_called(simulator, number + 1)
                await asyncio.sleep(0.02)
        await deliveries.close()
    calls = {call.key: call.began_at for call in simulator.record.calls}
    return [1_000 * (calls[key] - moment) for key, moment in list(committed.items())[1:]]


@asynccontextmanager
async def _working(url: str, settings: Mapping[str, str]) -> AsyncIterator[psutil.Process]:
    environ = {**plain_environ(), "DATABASE_URL": url, "LOG_LEVEL": "warning", **settings}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "worker"), env=environ, stdin=DEVNULL
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def _serving(simulator: SimulatorServer) -> AsyncIterator[str]:
    served = serve_simulator(simulator, host="127.0.0.1", port=0)
    serving = asyncio.create_task(served.serve())
    while not served.started:  # noqa: ASYNC110  # uvicorn has no event for this
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{served.servers[0].sockets[0].getsockname()[1]}"
    finally:
        served.should_exit = True
        await serving


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def _until_delivered(connection: asyncpg.Connection, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await _delivered(connection) < count:  # noqa: ASYNC110  # it is in the database
            await asyncio.sleep(0.1)


async def _delivered(connection: asyncpg.Connection) -> int:
    """Return how many there are, by the log entries of their attempts."""
    count: int = await connection.fetchval("SELECT count(*) FROM log_entries")
    return count


async def _until_called(simulator: SimulatorServer, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(simulator.record.calls) < count:  # noqa: ASYNC110  # counted, not told
            await asyncio.sleep(0.001)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
