"""The program behind PgBouncer in transaction mode, where sessions change between transactions."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.database.migrations import VERSIONS, migrate
from app.seed import seed
from engine.database.poolers import dsn_uses_pooler
from engine.streaming.notifications import Notifier
from tests.app.database.pgbouncer import Pooled, pooling
from tests.app.graphql.operations import EVENTS
from tests.app.graphql.subscriptions.transport_ws import Socket
from tests.feed.readers import connected
from tests.feed.servers import serve
from tests.ops.processes import CliProcess, running_processes

CREATE = """
    mutation ($subject: String!) {
      createTicket(input: {
        subject: $subject, description: "", customerName: "N", customerEmail: "n@example.com"
      }) { ticket { id } }
    }
"""
SEND = """
    mutation ($id: ID!) { sendToOps(input: {ticketId: $id}) { delivery { state } } }
"""
# Only of this database, because other tests use the same cluster.
ADVISORY_LOCKS = """
    SELECT count(*)
    FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND datname = current_database()
"""
TICKETS = 30


@pytest.fixture
def pooled(empty_database_url: str, tmp_path: Path) -> Iterator[Pooled]:
    """Run PgBouncer in front of a database without tables."""
    with pooling(empty_database_url, tmp_path) as pooled:
        yield pooled


async def execute(http: httpx2.AsyncClient, query: str, **variables: Any) -> Any:
    answer = (await http.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer
    return answer["data"]


async def test_the_pooler_is_detected(pooled: Pooled, empty_database_url: str) -> None:
    assert await dsn_uses_pooler(pooled.url)
    assert await dsn_uses_pooler(pooled.session_url)
    assert not await dsn_uses_pooler(empty_database_url)


async def test_several_processes_migrate_and_seed_at_once(
    pooled: Pooled, empty_database_url: str
) -> None:
    reports = await asyncio.gather(*(migrate(pooled.url) for _ in range(3)))
    assert sorted(report.applied for report in reports) == [(), (), VERSIONS]
    seeded = await asyncio.gather(
        *(seed(pooled.url, tickets=50, seed=1, progress=lambda *_: None) for _ in range(2))
    )
    assert sorted(report.tickets for report in seeded) == [0, 50]
    # A session lock would remain with the next user of the session.
    async with connected(empty_database_url) as connection:
        assert await connection.fetchval(ADVISORY_LOCKS) == 0


async def test_listening_needs_a_session_and_notifying_does_not(pooled: Pooled) -> None:
    notified = asyncio.Event()
    async with asyncio.timeout(10), Notifier(pooled.session_url, keeps_session=True) as listening:
        listening.subscribe(notified.set)
        # The first notification follows the start.
        await notified.wait()
        async with Notifier(pooled.url) as notifying:
            notified.clear()
            notifying.notify()
            await notified.wait()


@pytest.mark.parametrize("listens", [False, True], ids=["polling", "listening"])
async def test_tickets_are_created_sent_delivered_and_published(
    pooled: Pooled, tmp_path: Path, *, listens: bool
) -> None:
    """With and without DATABASE_LISTEN_URL."""
    ops = CliProcess("ops-simulator", {}, tmp_path / "ops.log", ["--fault", "failure_rate=0.1"])
    settings = {
        "DELIVERY_WORKER": "false",
        "OPS_RETRY_BASE_MS": "20",
        "OPS_MAX_ATTEMPTS": "100",
    }
    if listens:
        settings["DATABASE_LISTEN_URL"] = pooled.session_url
    async with AsyncExitStack() as opened:
        await ops.start()
        opened.push_async_callback(ops.kill)
        settings["OPS_URL"] = ops.url
        one, other = [
            await opened.enter_async_context(serve(pooled.url, tmp_path, **settings))
            for _ in range(2)
        ]
        await opened.enter_async_context(
            running_processes(tmp_path, servers=0, workers=1, DATABASE_URL=pooled.url, **settings)
        )
        socket = await opened.enter_async_context(Socket.opened(other.url))
        await socket.subscribe("1", EVENTS)
        await socket.wait_until_open()
        http = httpx2.AsyncClient(base_url=one.url, timeout=30, trust_env=False)
        await opened.enter_async_context(http)

        async def make_and_send(number: int) -> str:
            made = await execute(http, CREATE, subject=f"Ticket {number}")
            ticket_id: str = made["createTicket"]["ticket"]["id"]
            await execute(http, SEND, id=ticket_id)
            return ticket_id

        tickets = set(await asyncio.gather(*map(make_and_send, range(TICKETS))))
        # Events: created, pending, and delivered, after retries where OPS failed.
        received: list[tuple[str, str]] = []
        while len(received) < 3 * TICKETS:
            event = (await socket.next("1"))["ticketEvents"]
            received.append((event["ticketId"], event["type"]))
        assert {ticket_id for ticket_id, _ in received} == tickets
        assert sum(kind == "CREATED" for _, kind in received) == TICKETS
    # PgBouncer logs this if a notification arrives on a connection without a client.
    assert "when not linked" not in (tmp_path / "pgbouncer.log").read_text()
