"""Nothing is lost or duplicated when processes, connections, PostgreSQL and OPS fail.

Neither deliveries to OPS nor events to subscribers. A delivery counts as accepted if a client
received the response. The test prints the counts.
"""

import asyncio
import random
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import httpx2
import pytest

from app.database.embedded import EmbeddedPostgres
from app.database.migrations import migrate
from engine.sql.cursors import decode_cursor
from engine.streaming.commit_order import Position
from models.columns import new_id
from ops.simulator.call_record import RecordedCall
from resolvers.tables import EVENT_ORDER
from tests.app.conftest import new_data_dir
from tests.app.graphql.operations import CREATE
from tests.feed.clients import Received, follow
from tests.ops.processes import CliProcess, ProcessGroup, running_processes
from tests.postgres_crash import crash
from tests.waiting import until

FAULTS_S = 8.0
RECOVERY_S = 60.0
# On a busy machine, continue until this many deliveries are accepted.
MIN_ACCEPTED = 20
SENDERS = 6
SUBSCRIBERS = 6

SEND = """
mutation Send($id: ID!) {
  createTicket(input: {
    id: $id, subject: "s", description: "d", customerName: "n", customerEmail: "a@example.com"
  }) { ticket { id } errors { message } }
  sendToOps(input: {ticketId: $id}) { delivery { id } errors { message } }
}
"""


@dataclass
class CrashRun:
    """One run: its processes and databases, and what its clients received."""

    group: ProcessGroup
    ops: CliProcess
    database_url: str
    # One for each start of PostgreSQL; the last one stops it.
    postgres: list[EmbeddedPostgres]
    accepted: list[str] = field(default_factory=list)
    received: list[Received] = field(default_factory=lambda: [[] for _ in range(SUBSCRIBERS)])
    refused: int = 0
    killed: int = 0
    cut: int = 0
    crashed: int = 0

    async def send(self) -> None:
        """Create tickets and send them, with any server that responds."""
        async with httpx2.AsyncClient(timeout=10, trust_env=False) as http:
            while True:
                server = random.choice(self.group.servers)  # noqa: S311  # varies the test
                variables = {"id": new_id()}
                try:
                    answer = await http.post(
                        f"{server.url}/graphql", json={"query": SEND, "variables": variables}
                    )
                    delivery = answer.json()["data"]["sendToOps"]["delivery"]
                    self.accepted.append(delivery["id"])
                except (httpx2.HTTPError, ValueError, TypeError, KeyError):
                    # Without a response the delivery may exist or not.
                    self.refused += 1
                    await asyncio.sleep(0.05)

    async def wait_for_progress(self) -> None:
        """Wait until another delivery is accepted."""
        count = len(self.accepted)
        await until(lambda: len(self.accepted) > count, within_s=RECOVERY_S)

    async def kill(self) -> None:
        """Kill one random process after the other, and start it again."""
        while True:
            await self.wait_for_progress()
            member = random.choice(self.group.members)  # noqa: S311  # as above
            await member.kill()
            self.killed += 1
            await member.start()
            # At least one server and one worker must be running at any time.
            await is_up(member)
            await asyncio.sleep(random.uniform(0.1, 0.5))  # noqa: S311  # as above

    async def cut_connections(self) -> None:
        """Terminate all database connections, at random intervals."""
        while True:
            await asyncio.sleep(random.uniform(0.3, 1.5))  # noqa: S311  # as above
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                connection = await asyncpg.connect(self.database_url)
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                await connection.close()
                self.cut += 1

    async def crash_postgres(self) -> None:
        """Crash PostgreSQL and start it again, repeatedly."""
        while True:
            await asyncio.sleep(2.5)
            await self.wait_for_progress()
            await crash(self.postgres[0])
            self.crashed += 1
            await self.restart_postgres()

    async def restart_postgres(self) -> None:
        """Start PostgreSQL, if it is not running."""
        self.postgres.append(EmbeddedPostgres(self.postgres[0].data_dir))
        await asyncio.to_thread(self.postgres[-1].start)

    async def take_ops_down(self) -> None:
        """Take OPS down for a while."""
        await asyncio.sleep(FAULTS_S / 3)
        async with httpx2.AsyncClient(base_url=self.ops.url, trust_env=False) as http:
            await http.patch("/simulator/faults", json={"is_down": True})
            await asyncio.sleep(FAULTS_S / 3)
            await http.patch("/simulator/faults", json={"is_down": False})


Fault: TypeAlias = Callable[[CrashRun], Coroutine[Any, Any, None]]
FAULTS: dict[str, list[Fault]] = {
    "processes are killed": [CrashRun.kill],
    "the database fails": [CrashRun.cut_connections, CrashRun.crash_postgres],
    "everything fails, also OPS": [
        CrashRun.kill,
        CrashRun.cut_connections,
        CrashRun.crash_postgres,
        CrashRun.take_ops_down,
    ],
}


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Return a folder for a separate PostgreSQL."""
    with new_data_dir() as folder:
        yield folder


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
async def test_nothing_is_lost_or_duplicated_when(
    faults: list[Fault],
    data_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fault_settings = ["--fault", "latency_ms=5", "--fault", "failure_rate=0.2"]
    ops = CliProcess("ops-simulator", {}, tmp_path / "ops.log", fault_settings)
    postgres = [EmbeddedPostgres(data_dir)]
    database_url = await asyncio.to_thread(postgres[0].start)
    try:
        await migrate(database_url)
        await ops.start()
        async with (
            running_processes(
                tmp_path,
                servers=2,
                workers=2,
                DATABASE_URL=database_url,
                OPS_URL=ops.url,
                OPS_RETRY_BASE_MS="20",
                OPS_RETRY_MAX_MS="500",
                OPS_MAX_ATTEMPTS="1000",
            ) as group,
        ):
            run = CrashRun(group, ops, database_url, postgres)
            await is_up(ops, "/simulator/faults")
            await asyncio.gather(*map(is_up, group.members))
            async with subscribing(run):
                await send_during(run, faults)
                await recover(run)
            for member in group.members:
                # A process that was started without a database has ended with status 2.
                assert await member.stop() in {0, -signal.SIGTERM, 2}, member.log_file.read_text()
        counts_text = await verify(run)
    finally:
        await ops.kill()
        for user in postgres:
            await asyncio.to_thread(user.stop)
    with capsys.disabled():
        print(f"\n{counts_text}")  # noqa: T201  # the counts are the result


async def is_up(member: CliProcess, path: str = "/readyz") -> None:
    """Wait until a process is ready; start it again if it ended without a database."""
    async with asyncio.timeout(60), httpx2.AsyncClient(trust_env=False) as http:
        while True:
            if member.has_ended:
                await member.start()
            elif member.command == "worker":
                return
            with suppress(httpx2.HTTPError):
                if (await http.get(f"{member.url}{path}")).is_success:
                    return
            await asyncio.sleep(0.1)


async def send_during(run: CrashRun, faults: list[Fault]) -> None:
    """Send tickets while the faults occur."""
    tasks = [asyncio.create_task(fault(run)) for fault in faults]
    tasks += [asyncio.create_task(run.send()) for _ in range(SENDERS)]
    await asyncio.sleep(FAULTS_S)
    await until(lambda: len(run.accepted) >= MIN_ACCEPTED, within_s=RECOVERY_S)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        assert task.cancelled() or task.exception() is None, task.exception()
    # Repair what the last faults have broken.
    await run.restart_postgres()
    await asyncio.gather(*map(is_up, run.group.members))


@asynccontextmanager
async def subscribing(run: CrashRun) -> AsyncIterator[None]:
    """Run subscribers, half of them over WebSocket and half over server-sent events."""
    tasks = [
        asyncio.create_task(follow(run.group.servers, came, by_socket=bool(number % 2)))
        for number, came in enumerate(run.received)
    ]
    try:
        # From its first event on, a subscriber has a cursor and must not miss an event. Send the
        # first events before the faults, so that no older transaction commits after them.
        async with asyncio.timeout(RECOVERY_S), httpx2.AsyncClient(trust_env=False) as http:
            while not all(run.received):
                await http.post(f"{run.group.servers[0].url}/graphql", json={"query": CREATE})
                await asyncio.sleep(0.2)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        assert task.cancelled(), task.exception()


async def recover(run: CrashRun) -> None:
    """Wait until everything is delivered and every subscriber has the last event."""
    deadline = time.monotonic() + RECOVERY_S
    connection = await asyncpg.connect(run.database_url)
    while await connection.fetchval("SELECT count(*) FROM ops_deliveries WHERE state = 'pending'"):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    last = (await events(connection))[-1]
    await connection.close()
    await until(
        lambda: all(position_of(came[-1]) == last for came in run.received), within_s=RECOVERY_S
    )


def position_of(event: dict[str, Any]) -> Position:
    """Return the position of an event in the feed."""
    transaction, sequence = decode_cursor(EVENT_ORDER, event["cursor"], argument="after")
    return transaction, sequence


async def events(connection: asyncpg.Connection) -> list[Position]:
    """Return the positions of all events, in order."""
    rows = await connection.fetch(
        "SELECT transaction, sequence FROM ticket_events ORDER BY transaction, sequence"
    )
    return [(row["transaction"], row["sequence"]) for row in rows]


async def verify(run: CrashRun) -> str:
    """Compare what clients received, the tables, and the calls that OPS recorded."""
    connection = await asyncpg.connect(run.database_url)
    deliveries = {
        row["id"]: row
        for row in await connection.fetch(
            "SELECT id, state, attempts, reference FROM ops_deliveries"
        )
    }
    logged = defaultdict(list)
    for row in await connection.fetch("SELECT delivery_id, attempt, response FROM log_entries"):
        logged[row["delivery_id"]].append(row["attempt"])
    inconsistent_tickets = await connection.fetchval(
        """
        SELECT count(*)
        FROM tickets
        LEFT JOIN ops_deliveries ON ops_deliveries.ticket_id = tickets.id
        WHERE ops_state <> coalesce(state, 'not_sent')
        """
    )
    lost_attempts = await connection.fetchval(
        "SELECT count(*) FROM log_entries WHERE response ->> 'error' = 'lost'"
    )
    order = await events(connection)
    await connection.close()
    received = [[position_of(event) for event in came] for came in run.received]
    async with httpx2.AsyncClient(base_url=run.ops.url, trust_env=False) as http:
        seen = (await http.get("/simulator/calls")).json()
    calls: dict[str, list[RecordedCall]] = defaultdict(list)
    for call in seen:
        calls[call["key"]].append(RecordedCall(**call))

    counts = {
        "accepted, but not delivered": sum(
            key not in deliveries or deliveries[key]["state"] != "delivered" for key in run.accepted
        ),
        "committed, but not delivered": sum(
            row["state"] != "delivered" for row in deliveries.values()
        ),
        "called but not committed": sum(key not in deliveries for key in calls),
        "attempts without a log entry": sum(
            set(range(1, row["attempts"] + 1)) != set(logged[key])
            for key, row in deliveries.items()
        ),
        "calls without a log entry": sum(
            call.attempt not in logged[key] for key, some in calls.items() for call in some
        ),
        "keys with two tickets": sum(
            call.outcome == "conflict" for some in calls.values() for call in some
        ),
        "references that differ": sum(
            {call.reference for call in calls[key] if call.reference} != {row["reference"]}
            for key, row in deliveries.items()
        ),
        "calls of one delivery at once": sum(
            earlier.ended_at is None or earlier.ended_at > later.began_at
            for some in calls.values()
            for earlier, later in pairwise(some)
        ),
        "tickets with another state than their delivery": inconsistent_tickets,
        "events not received": sum(
            len(set(order[order.index(came[0]) :]) - set(came)) for came in received
        ),
        "received twice": sum(len(came) - len(set(came)) for came in received),
        "received out of order": sum(came != sorted(came) for came in received),
        "received but not committed": sum(len(set(came) - set(order)) for came in received),
    }
    counts_text = (
        f"{len(run.accepted)} accepted ({run.refused} sends not answered), "
        f"{len(deliveries)} committed, {sum(map(len, calls.values()))} calls, "
        f"{lost_attempts} attempts lost, {len(order)} events received "
        f"{sum(map(len, received))} times "
        f"by {SUBSCRIBERS}; {run.killed} kills, {run.cut} cuts, "
        f"{run.crashed} crashes of PostgreSQL: "
        + ", ".join(f"{count} {what}" for what, count in counts.items())
    )
    assert set(counts.values()) == {0}, counts_text
    return counts_text
