"""No caller notices that prepared statements have become outdated."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from app.database.migrations import migrate
from engine.database.errors import UNKNOWN_STATEMENT, sqlstate
from engine.database.outdated_statements import ATTEMPTS, repeats_outdated_statements
from engine.database.pool import open_pools
from engine.database.queries import fetch, write
from tests.api.operations import NEW
from tests.app.database.hostile_settings import use_core
from tests.app.http.serving import served
from tests.conftest import GraphQL
from tests.feed.readers import connected

ROUNDS = 12
TABLES = (
    "tickets",
    "ticket_events",
    "log_entries",
    "ops_deliveries",
    "idempotency_keys",
    "api_tokens",
)
CREATE = """
    mutation ($input: CreateTicketInput!) {
      createTicket(input: $input) { ticket { id version } errors { message } }
    }
"""
CHANGE = """
    mutation ($id: ID!) {
      updateTicket(input: { id: $id, metadataPatch: { a: 1 } }) {
        ticket { version } errors { message }
      }
    }
"""
SEND = """
    mutation ($id: ID!, $key: String) {
      sendToOps(input: { ticketId: $id, idempotencyKey: $key }) {
        delivery { id state } errors { message }
      }
    }
"""
RETRY = """
    mutation ($id: ID!) {
      retryDelivery(input: { deliveryId: $id }) { errors { code } }
    }
"""
CANCEL = """
    mutation ($id: ID!) {
      cancelDelivery(input: { deliveryId: $id }) { errors { code } }
    }
"""
READ = """
    query ($id: ID!) {
      ticket(id: $id) {
        history { totalCount } logEntries { nodes { status } } delivery { state }
      }
      opsHealth { pending failed }
      ticketGroups(by: STATUS) { count }
      viewer { name }
    }
"""
DELETE = "mutation ($id: ID!) { deleteTicket(input: { id: $id }) { errors { message } } }"


async def use_more(graphql: GraphQL, name: str) -> list[Any]:
    """Use what `use_core` does not, and return what does not differ each time."""
    data = []

    async def ask(document: str, **variables: Any) -> Any:
        answer = await graphql(document, **variables)
        assert "errors" not in answer, answer
        data.append(answer["data"])
        return answer["data"]

    for _ in range(2):
        # The second one finds the first.
        new = NEW | {"id": name, "idempotencyKey": name}
        await ask(CREATE, input=new)
    await ask(CHANGE, id=name)
    sent = await ask(SEND, id=name, key=f"send {name}")
    assert sent["sendToOps"]["errors"] == [], data
    delivery = sent["sendToOps"]["delivery"]["id"]
    await ask(SEND, id=name, key=f"send {name}")
    await ask(RETRY, id=delivery)
    await ask(CANCEL, id=delivery)
    await ask(READ, id=name)
    await ask(DELETE, id=name)
    return [str(one).replace(name, "NAME").replace(delivery, "DELIVERY") for one in data]


async def use_all(
    http: httpx2.AsyncClient, name: str, count: Callable[[], None]
) -> tuple[list[Any], list[Any]]:
    """Use all operations, and call ``count`` after each of GraphQL."""

    async def graphql(document: str, **variables: Any) -> dict[str, Any]:
        response = await http.post("/graphql", json={"query": document, "variables": variables})
        count()
        answer: dict[str, Any] = response.json()
        return answer

    core = await use_core(http)
    count()
    return core, await use_more(graphql, name)


async def check_undisturbed(
    http: httpx2.AsyncClient, disturb: Callable[[], Awaitable[None]]
) -> None:
    """Check that responses do not depend on disturbances, of which one follows each response."""
    progress = asyncio.Event()
    expected = await use_all(http, "T-first", progress.set)
    disturbances = 0
    is_over = False

    async def disturb_repeatedly() -> None:
        nonlocal disturbances
        while not is_over:
            await progress.wait()
            progress.clear()
            await disturb()
            disturbances += 1

    disturbing = asyncio.create_task(disturb_repeatedly())
    for round_ in range(ROUNDS):
        assert await use_all(http, f"T-{round_}", progress.set) == expected
        assert not disturbing.done()
    # Not cancelled: it would keep the connections that it has.
    is_over = True
    progress.set()
    await disturbing
    assert disturbances >= ROUNDS


async def test_a_change_of_the_tables_is_not_noticed(
    empty_database_url: str, tmp_path: Path
) -> None:
    await migrate(empty_database_url)
    with served(tmp_path / "log", empty_database_url) as service:
        changes = cycle(
            f"ALTER TABLE {table} {change}"
            for change in ("ADD COLUMN added integer", "DROP COLUMN added")
            for table in TABLES
        )
        async with (
            connected(empty_database_url) as connection,
            httpx2.AsyncClient(base_url=service.url, timeout=60) as http,
        ):

            async def disturb() -> None:
                await connection.execute(next(changes))

            await check_undisturbed(http, disturb)


@pytest.mark.parametrize("statement", ["DISCARD ALL", "DEALLOCATE ALL"])
async def test_a_reset_of_the_sessions_is_not_noticed(
    http: httpx2.AsyncClient, statement: str
) -> None:
    async def disturb() -> None:
        pool = open_pools[-1]
        connections = [await pool.acquire() for _ in range(pool.available)]
        for connection in connections:
            await connection.execute(statement)
            pool.return_clean(connection)

    await check_undisturbed(http, disturb)


@pytest.mark.parametrize("run", [fetch, write])
async def test_sessions_that_were_reset_are_replaced(
    database: None,  # noqa: ARG001  # creates the database
    run: Callable[..., Awaitable[list[asyncpg.Record]]],
) -> None:
    """Their settings are lost too."""
    pool = open_pools[-1]
    connections = [await pool.acquire() for _ in range(pool.available)]
    for connection in connections:
        # Each has prepared the statement.
        assert await connection.fetchval("SELECT current_setting('DateStyle')") == "ISO, MDY"
        await connection.execute("SET DateStyle = 'German'")
        await connection.execute("DEALLOCATE ALL")
    former = {connection.get_server_pid() for connection in connections}
    for connection in connections:
        pool.return_clean(connection)
    assert [tuple(row) for row in await run("SELECT current_setting('DateStyle')", [])] == [
        ("ISO, MDY",)
    ]
    [row] = await fetch("SELECT pg_backend_pid() AS pid", [])
    assert row["pid"] not in former


async def test_a_transaction_is_not_repeated_for_ever() -> None:
    attempts = 0

    @repeats_outdated_statements
    async def work() -> None:
        nonlocal attempts
        attempts += 1
        raise asyncpg.InvalidSQLStatementNameError("unknown")

    with pytest.raises(asyncpg.InvalidSQLStatementNameError) as raised:
        await work()
    assert sqlstate(raised.value) == UNKNOWN_STATEMENT
    assert attempts == ATTEMPTS
