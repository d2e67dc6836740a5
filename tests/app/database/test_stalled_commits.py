"""Commits that wait for a synchronous standby, and hold up neither reads nor the end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tortoise.context import TortoiseContext

from app.auth.tokens import create_token, find_token, list_tokens, revoke_token
from app.database.embedded import EmbeddedPostgres
from app.database.tortoise import tortoise_config
from engine.database.pool import open_pools
from engine.database.queries import fetch, write
from tests.app.database.synchronous import administrator_of, synchronous_postgres
from tests.app.http.serving import served
from tests.engine.pools import only_pools

TICKET = {
    "subject": "S",
    "description": "D",
    "customer_name": "N",
    "customer_email": "n@example.com",
}
INSERT_KEY = """
INSERT INTO idempotency_keys (caller, key, fingerprint, result_id)
VALUES ($1, 'key', repeat('0', 64), 'id')
"""
# Fewer connections than deliveries.
SETTINGS = {
    "REQUEST_TIMEOUT_MS": "1000",
    "DATABASE_POOL_SIZE": "8",
    "OPS_SIM_FAILURE_RATE": "1",
}
COUNT = 10


@pytest.fixture
def postgres() -> Iterator[EmbeddedPostgres]:
    with synchronous_postgres() as postgres:
        yield postgres


@asynccontextmanager
async def connected_to(postgres: EmbeddedPostgres) -> AsyncIterator[None]:
    """Connect the models of this task, instead of those of a server in this process."""
    context = TortoiseContext()
    with context, only_pools():
        await context.init(config=tortoise_config(postgres.url))
        try:
            yield
        finally:
            await context.close_connections()


async def test_retries_whose_callers_have_left_leave_connections_and_do_not_hold_up_the_end(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    async with administrator_of(postgres) as administrator:
        with served(tmp_path / "log", postgres.url, **SETTINGS) as server:
            async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
                created = [await http.post("/tickets", json=TICKET) for _ in range(COUNT)]
                tickets = [response.json()["id"] for response in created]
                deliveries = [await cancelled_delivery(http, ticket) for ticket in tickets]
                await administrator.stall()
                retried = await asyncio.gather(*(retry(http, one) for one in deliveries))
                assert all("errors" in result for result in retried)
                read = await asyncio.gather(*(http.get(f"/tickets/{one}") for one in tickets))
                assert {response.status_code for response in read} == {200}
            waiting = await administrator.waiting(1)
        # The server ended, and cancelled no commit.
        assert set(waiting) <= set(await administrator.waiting())


async def test_a_caller_that_leaves_its_commit_does_not_hold_up_a_pool_that_closes(
    postgres: EmbeddedPostgres,
) -> None:
    async with administrator_of(postgres) as administrator, connected_to(postgres):
        await fetch("SELECT 1", [])
        await administrator.stall()
        writing = asyncio.create_task(write(INSERT_KEY, ["caller"]))
        [pid] = await administrator.waiting(1)
        closing = asyncio.create_task(open_pools[-1].close())
        # The pool has told its connections to close.
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait([writing])
        async with asyncio.timeout(30):
            await closing
        assert await administrator.waiting() == [pid]


async def test_a_token_is_found_while_commits_wait(postgres: EmbeddedPostgres) -> None:
    async with administrator_of(postgres) as administrator, connected_to(postgres):
        secret = await create_token("ann", ["read"], expires_at=None)
        await administrator.stall()
        async with asyncio.timeout(60):
            found = await find_token(secret)
        assert found is not None
        [token] = await list_tokens()
        assert token.last_used_at is not None
        # The setting ended with the statement: other commits wait as before.
        writing = asyncio.create_task(revoke_token("ann"))
        await administrator.waiting(1)
        await administrator.resume()
        await writing


async def cancelled_delivery(http: httpx2.AsyncClient, ticket: str) -> str:
    """Return the id of a delivery of a ticket, whose first attempt failed."""
    sent = await mutate(http, "sendToOps", f'ticketId: "{ticket}"')
    delivery: str = sent["data"]["sendToOps"]["delivery"]["id"]
    cancelled = await mutate(http, "cancelDelivery", f'deliveryId: "{delivery}"')
    assert "errors" not in cancelled
    return delivery


async def retry(http: httpx2.AsyncClient, delivery: str) -> dict[str, Any]:
    return await mutate(http, "retryDelivery", f'deliveryId: "{delivery}"')


async def mutate(http: httpx2.AsyncClient, name: str, argument: str) -> dict[str, Any]:
    """Return the response of a mutation of a delivery."""
    query = f"mutation {{ {name}(input: {{{argument}}}) {{ delivery {{ id }} }} }}"
    result: dict[str, Any] = (await http.post("/graphql", json={"query": query})).json()
    return result
