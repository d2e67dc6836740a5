"""What PostgreSQL does for a request is bounded by its cost, and ends with the request."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson
import pytest

from engine.database.checkout import RELEASE_TIMEOUT_S
from engine.database.client import Client
from engine.database.opening import (
    MAX_CACHED_STATEMENT_LENGTH,
    MAX_LOST_STATEMENTS,
    STATEMENT_CACHE_SIZE,
)
from engine.database.pool import Pool, open_pools
from engine.database.queries import fetch
from tests.app.http.serving import Served, served
from tests.engine.pools import all_returned, only_pools
from tests.feed.readers import connected

TIMEOUT_S = 3
# How long to wait for a statement to end after the client has its answer, or is gone.
GIVEN_UP_S = 60
ACTIVE = """
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
    AND query LIKE '%tickets%' AND query NOT LIKE 'LOCK%'
"""
TOTALS = "query($f: TicketFilter) {{ {} }}".format(
    " ".join(f"a{number}: tickets(filter: $f) {{ totalCount }}" for number in range(30))
)


@pytest.fixture(scope="module")
def impatient(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run a server with a short time limit."""
    log_file = tmp_path_factory.mktemp("log") / "impatient.log"
    with served(log_file, database_url, REQUEST_TIMEOUT_MS=str(TIMEOUT_S * 1_000)) as running:
        yield running


@pytest.fixture
def patient(database_url: str, tmp_path: Path) -> Iterator[Served]:
    """Run a server in which no request times out during a test."""
    with served(tmp_path / "log", database_url, REQUEST_TIMEOUT_MS="600000") as running:
        yield running


@pytest.fixture
async def observer(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Return a connection that sees what PostgreSQL does."""
    async with connected(database_url) as connection:
        yield connection


def post(server: Served, query: str, **variables: Any) -> Any:
    headers = {"X-GraphQL-Cost": "1"}
    body = {"query": query, "variables": variables}
    return server.http.post("/graphql", json=body, headers=headers).json()


async def none_active_soon(observer: asyncpg.Connection) -> bool:
    """Return whether no statement of a server is active within the time after the answer."""
    deadline = time.monotonic() + GIVEN_UP_S
    while active := await observer.fetchval(ACTIVE):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return not active


@pytest.mark.parametrize("query", [TOTALS, "{ tickets { nodes { id } } }"], ids=["30 lists", "one"])
async def test_no_statement_is_active_after_a_timeout(
    impatient: Served, database_url: str, observer: asyncpg.Connection, query: str
) -> None:
    async with connected(database_url) as holding, holding.transaction():
        await holding.execute("LOCK TABLE tickets IN ACCESS EXCLUSIVE MODE")
        answer = await asyncio.to_thread(post, impatient, query)
        assert {error["extensions"]["code"] for error in answer["errors"]} <= {
            "TIMEOUT",
            "UNAVAILABLE",
        }
        assert await none_active_soon(observer)


async def test_no_statement_is_active_after_its_client_is_gone(
    patient: Served, database_url: str, observer: asyncpg.Connection
) -> None:
    content = orjson.dumps({"query": TOTALS})
    place = urlsplit(patient.url)
    async with connected(database_url) as holding, holding.transaction():
        await holding.execute("LOCK TABLE tickets IN ACCESS EXCLUSIVE MODE")
        _, writer = await asyncio.open_connection(place.hostname, place.port)
        head = f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n"
        writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + content)
        async with asyncio.timeout(GIVEN_UP_S):
            while not await observer.fetchval(ACTIVE):  # noqa: ASYNC110  # PostgreSQL sends no event
                await asyncio.sleep(0.02)
        writer.transport.abort()
        assert await none_active_soon(observer)


async def test_postgresql_ends_the_statement_of_a_process_that_died(
    pool: Pool, observer: asyncpg.Connection
) -> None:
    connection = await pool.acquire()
    statement = asyncio.create_task(connection.execute("SELECT /* tickets */ pg_sleep(600)"))
    async with asyncio.timeout(60):
        while not await observer.fetchval(ACTIVE):  # noqa: ASYNC110  # PostgreSQL sends no event
            await asyncio.sleep(0.02)
    # Without a cancel request.
    connection.terminate()
    async with asyncio.timeout(60):
        while await observer.fetchval(ACTIVE):  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.02)
    await asyncio.gather(statement, return_exceptions=True)
    await pool.release(connection)


COMPARISON = "SELECT /* tickets */ $1::jsonb @> $2::jsonb"


async def test_a_statement_that_cannot_be_cancelled_holds_no_slot_of_the_pool(pool: Pool) -> None:
    stored, searched = ([0] * 20_000 + [1], [1] * 6_000)
    values = [orjson.dumps(value).decode() for value in (stored, searched)]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await fetch(COMPARISON, values)
    async with asyncio.timeout(RELEASE_TIMEOUT_S + 1):
        while pool.available < pool.max_size:  # noqa: ASYNC110  # as other callers would
            await asyncio.sleep(0.02)
    assert await fetch("SELECT 1", [])


async def test_the_worst_comparison_of_json_is_short(
    impatient: Served, observer: asyncpg.Connection
) -> None:
    """Each item is compared with each other: nested arrays take longest."""
    nested = [[0]] * 13_000 + [[1]]
    stored = orjson.dumps(nested).decode()
    assert len(stored) < 65_536
    contained = orjson.dumps([[1]] * 49).decode()
    started_at = time.monotonic()
    assert await observer.fetchval(COMPARISON, stored, contained)
    assert time.monotonic() - started_at < 1
    # The filter with more values is rejected before PostgreSQL sees it.
    query = "query($j: JSON) { tickets(filter: {metadata: {contains: $j}}) { totalCount } }"
    assert "data" in post(impatient, query, j=[[1]] * 49)
    for values in ([[1]] * 50, [1] * 100, [1] * 5_000, {"a": [{str(n): n} for n in range(50)]}):
        [error] = post(impatient, query, j=values)["errors"]
        assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
        assert "at most 100 are allowed (MAX_FILTER_VALUES)" in error["message"]


def test_totals_under_many_conditions_are_too_expensive(impatient: Served) -> None:
    def condition(number: int) -> dict[str, Any]:
        return {"subject": {"containsIgnoreCase": f"x{number}"}}

    [error] = post(impatient, TOTALS, f={"or": [condition(n) for n in range(450)]})["errors"]
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert "costs 270630; at most 10000 is allowed (MAX_COST)" in error["message"]
    assert "Its filters cost 270000" in error["message"]
    answer = post(impatient, TOTALS, f={"or": [condition(0)]})
    assert answer["extensions"]["cost"]["cost"] == 30 * (1 + 20) + 30 * 2 * 10


@pytest.fixture
async def only_connection(database: None, database_url: str) -> AsyncIterator[Pool]:  # noqa: ARG001  # creates the database
    """Return a pool of one new connection, which `fetch` uses."""
    with only_pools():
        client = Client(database_url, connection_name="only", minsize=1, maxsize=1)
        await client.execute_query("SELECT 1")
        yield open_pools[-1]
        await client.close()


async def test_a_connection_keeps_a_bounded_number_of_prepared_statements(
    only_connection: Pool,
) -> None:
    connection = await only_connection.acquire()
    for number in range(STATEMENT_CACHE_SIZE + 50):
        await connection.fetch(f"SELECT {number}")
        await connection.fetch(f"SELECT {number} AS {'x' * MAX_CACHED_STATEMENT_LENGTH}")
    query = "SELECT count(*), max(length(statement)) FROM pg_prepared_statements"
    await connection.fetchrow(query)
    # asyncpg closes what it removed from its cache when it prepares another statement.
    await connection.fetch("SELECT 'another statement'")
    count, longest = await connection.fetchrow(query)
    assert count <= STATEMENT_CACHE_SIZE
    assert longest <= MAX_CACHED_STATEMENT_LENGTH
    only_connection.return_clean(connection)


async def test_callers_that_leave_while_a_statement_is_prepared_leave_a_bounded_number(
    only_connection: Pool,
) -> None:
    query = "SELECT pg_backend_pid(), count(*) FROM pg_prepared_statements"
    [[first, _]] = await fetch(query, [])
    pid, number, count = first, 0, 0
    async with asyncio.timeout(200):
        while pid == first:
            number += 1
            preparing = asyncio.create_task(fetch(f"SELECT {number} AS number", []))
            await asyncio.sleep(0)
            # PostgreSQL prepares the statement, but this process does not read that yet.
            time.sleep(0.005)  # noqa: ASYNC251  # as a busy process
            preparing.cancel()
            with suppress(asyncio.CancelledError):
                await preparing
            await all_returned(only_connection)
            [[pid, count]] = await fetch(query, [])
            assert count <= STATEMENT_CACHE_SIZE + MAX_LOST_STATEMENTS + 1
    # The connection was replaced by one without those statements.
    assert count <= 2


@pytest.fixture
async def pool(database: None) -> Pool:  # noqa: ARG001  # creates the database
    """Return the pool of this process, open."""
    await fetch("SELECT 1", [])
    return open_pools[-1]
