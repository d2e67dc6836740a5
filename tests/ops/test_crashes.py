"""Processes killed, connections cut, PostgreSQL crashed, OPS down: nothing lost, nothing doubled.

Not on the way to OPS, and not on the way to who listens. The counts are printed. What
counts as accepted is what a client was told.
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
from tests.feed.readers import until
from tests.ops.processes import CliProcess, ProcessGroup, running_processes
from tests.postgres_crash import crash

TROUBLE_S = 8.0
PEACE_S = 60.0
# Trouble proves little where nothing goes on, as on a machine that has much else to do.
MIN_ACCEPTED = 20
SENDERS = 6
LISTENERS = 6

SEND = """
mutation Send($id: ID!) {
  createTicket(input: {
    id: $id, subject: "s", description: "d", customerName: "n", customerEmail: "a@example.com"
  }) { ticket { id } errors { message } }
  sendToOps(input: {ticketId: $id}) { delivery { id } errors { message } }
}
"""


@dataclass
class Sea:
    """What is sailed on, and what was told to those who sent and those who listened."""

    fleet: ProcessGroup
    ops: CliProcess
    database_url: str
    # Each of those who started it; the last to leave stops it.
    postgres: list[EmbeddedPostgres]
    accepted: list[str] = field(default_factory=list)
    heard: list[Received] = field(default_factory=lambda: [[] for _ in range(LISTENERS)])
    refused: int = 0
    killed: int = 0
    cut: int = 0
    crashed: int = 0

    async def send(self) -> None:
        """Create tickets and send them, to whichever server answers."""
        async with httpx2.AsyncClient(timeout=10, trust_env=False) as http:
            while True:
                server = random.choice(self.fleet.servers)  # noqa: S311  # varies the test
                variables = {"id": new_id()}
                try:
                    answer = await http.post(
                        f"{server.url}/graphql", json={"query": SEND, "variables": variables}
                    )
                    delivery = answer.json()["data"]["sendToOps"]["delivery"]
                    self.accepted.append(delivery["id"])
                except (httpx2.HTTPError, ValueError, TypeError, KeyError):
                    # Not told that it was accepted: it may be there or not.
                    self.refused += 1
                    await asyncio.sleep(0.05)

    async def goes_on(self) -> None:
        """Wait until something more was accepted."""
        count = len(self.accepted)
        await until(lambda: len(self.accepted) > count, within_s=PEACE_S)

    async def kill(self) -> None:
        """Kill one process after the other, and start it again."""
        while True:
            await self.goes_on()
            member = random.choice(self.fleet.members)  # noqa: S311  # as above
            await member.kill()
            self.killed += 1
            await member.start()
            # So that there is always one of each left that can work.
            await is_up(member)
            await asyncio.sleep(random.uniform(0.1, 0.5))  # noqa: S311  # as above

    async def cut_connections(self) -> None:
        """Terminate all backends, now and then."""
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
        """Crash PostgreSQL, and start it again."""
        while True:
            await asyncio.sleep(2.5)
            await self.goes_on()
            await crash(self.postgres[0])
            self.crashed += 1
            await self.restart_postgres()

    async def restart_postgres(self) -> None:
        """Start PostgreSQL, if it does not run."""
        self.postgres.append(EmbeddedPostgres(self.postgres[0].data_dir))
        await asyncio.to_thread(self.postgres[-1].start)

    async def take_ops_down(self) -> None:
        """Have OPS down for a while, then up."""
        await asyncio.sleep(TROUBLE_S / 3)
        async with httpx2.AsyncClient(base_url=self.ops.url, trust_env=False) as http:
            await http.patch("/simulator/faults", json={"is_down": True})
            await asyncio.sleep(TROUBLE_S / 3)
            await http.patch("/simulator/faults", json={"is_down": False})


Trouble: TypeAlias = Callable[[Sea], Coroutine[Any, Any, None]]
TROUBLES: dict[str, list[Trouble]] = {
    "processes are killed": [Sea.kill],
    "the database fails": [Sea.cut_connections, Sea.crash_postgres],
    "all fails, and OPS too": [
        Sea.kill,
        Sea.cut_connections,
        Sea.crash_postgres,
        Sea.take_ops_down,
    ],
}


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Return a folder for a PostgreSQL of the test's own."""
    with new_data_dir() as folder:
        yield folder


@pytest.mark.parametrize("troubles", TROUBLES.values(), ids=TROUBLES.keys())
async def test_nothing_is_lost_and_nothing_doubled_when(
    troubles: list[Trouble],
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
            ) as fleet,
        ):
            sea = Sea(fleet, ops, database_url, postgres)
            await is_up(ops, "/simulator/faults")
            await asyncio.gather(*map(is_up, fleet.members))
            async with listening(sea):
                await sail(sea, troubles)
                await peace(sea)
            for member in fleet.members:
                # Or it was started while there was no database: then it says so, and goes.
                assert await member.stop() in {0, -signal.SIGTERM, 2}, member.log_file.read_text()
        told = await verify(sea)
    finally:
        await ops.kill()
        for user in postgres:
            await asyncio.to_thread(user.stop)
    with capsys.disabled():
        print(f"\n{told}")  # noqa: T201  # the counts are the proof


async def is_up(member: CliProcess, path: str = "/readyz") -> None:
    """Wait until a member works; one that found no database, and went, is started again."""
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


async def sail(sea: Sea, troubles: list[Trouble]) -> None:
    """Send all the time, while trouble goes on."""
    going_on = [asyncio.create_task(trouble(sea)) for trouble in troubles]
    going_on += [asyncio.create_task(sea.send()) for _ in range(SENDERS)]
    await asyncio.sleep(TROUBLE_S)
    await until(lambda: len(sea.accepted) >= MIN_ACCEPTED, within_s=PEACE_S)
    for task in going_on:
        task.cancel()
    await asyncio.wait(going_on)
    for task in going_on:
        assert task.cancelled() or task.exception() is None, task.exception()
    # What the troubles have broken last is mended.
    await sea.restart_postgres()
    await asyncio.gather(*map(is_up, sea.fleet.members))


@asynccontextmanager
async def listening(sea: Sea) -> AsyncIterator[None]:
    """Have half of the listeners listen by WebSocket, and half by server-sent events."""
    tasks = [
        asyncio.create_task(follow(sea.fleet.servers, came, by_socket=bool(number % 2)))
        for number, came in enumerate(sea.heard)
    ]
    try:
        # Who has heard of one event has a cursor, and misses nothing from then on. They
        # hear of it in calm: else what began before they did could end after it.
        async with asyncio.timeout(PEACE_S), httpx2.AsyncClient(trust_env=False) as http:
            while not all(sea.heard):
                await http.post(f"{sea.fleet.servers[0].url}/graphql", json={"query": CREATE})
                await asyncio.sleep(0.2)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        assert task.cancelled(), task.exception()


async def peace(sea: Sea) -> None:
    """Wait until all is delivered, and everyone has heard of it."""
    deadline = time.monotonic() + PEACE_S
    connection = await asyncpg.connect(sea.database_url)
    while await connection.fetchval("SELECT count(*) FROM ops_deliveries WHERE state = 'pending'"):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    last = (await events(connection))[-1]
    await connection.close()
    await until(lambda: all(place(came[-1]) == last for came in sea.heard), within_s=PEACE_S)


def place(event: dict[str, Any]) -> Position:
    """Return where an event stands in the feed."""
    transaction, sequence = decode_cursor(EVENT_ORDER, event["cursor"], argument="after")
    return transaction, sequence


async def events(connection: asyncpg.Connection) -> list[Position]:
    """Return where all events stand, in their order."""
    rows = await connection.fetch(
        "SELECT transaction, sequence FROM ticket_events ORDER BY transaction, sequence"
    )
    return [(row["transaction"], row["sequence"]) for row in rows]


async def verify(sea: Sea) -> str:
    """Compare what clients were told, what the tables say, and what OPS has seen."""
    connection = await asyncpg.connect(sea.database_url)
    deliveries = {
        row["id"]: row
        for row in await connection.fetch(
            "SELECT id, state, attempts, reference FROM ops_deliveries"
        )
    }
    logged = defaultdict(list)
    for row in await connection.fetch("SELECT delivery_id, attempt, response FROM log_entries"):
        logged[row["delivery_id"]].append(row["attempt"])
    unlike = await connection.fetchval(
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
    heard = [[place(event) for event in came] for came in sea.heard]
    async with httpx2.AsyncClient(base_url=sea.ops.url, trust_env=False) as http:
        seen = (await http.get("/simulator/calls")).json()
    calls: dict[str, list[RecordedCall]] = defaultdict(list)
    for call in seen:
        calls[call["key"]].append(RecordedCall(**call))

    counts = {
        "accepted, and not delivered": sum(
            key not in deliveries or deliveries[key]["state"] != "delivered" for key in sea.accepted
        ),
        "committed, and not delivered": sum(
            row["state"] != "delivered" for row in deliveries.values()
        ),
        "called, and not committed": sum(key not in deliveries for key in calls),
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
        "tickets unlike their delivery": unlike,
        "events not heard": sum(
            len(set(order[order.index(came[0]) :]) - set(came)) for came in heard
        ),
        "heard twice": sum(len(came) - len(set(came)) for came in heard),
        "heard out of order": sum(came != sorted(came) for came in heard),
        "heard of and not committed": sum(len(set(came) - set(order)) for came in heard),
    }
    told = (
        f"{len(sea.accepted)} accepted ({sea.refused} sends not answered), "
        f"{len(deliveries)} committed, {sum(map(len, calls.values()))} calls, "
        f"{lost_attempts} attempts lost, {len(order)} events heard {sum(map(len, heard))} times "
        f"by {LISTENERS}; {sea.killed} kills, {sea.cut} cuts, "
        f"{sea.crashed} crashes of PostgreSQL: "
        + ", ".join(f"{count} {what}" for what, count in counts.items())
    )
    assert set(counts.values()) == {0}, told
    return told
