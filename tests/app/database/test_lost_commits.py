"""Abandoned commits on connections that a proxy or a pooler keeps open without their server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from app.database.embedded import EmbeddedPostgres
from engine.database.commit_lookup import BUSY_SESSIONS, may_run
from engine.database.connecting import connect
from tests.app.database.pgbouncer import pooling
from tests.app.database.synchronous import Administrator, administrator_of, synchronous_postgres
from tests.app.http.serving import Served, served
from tests.feed.readers import connected
from tests.postgres_crash import crash
from tests.silent_proxy import SilentProxy
from tests.superuser import superuser_url
from tests.waiting import until

TICKET = {
    "subject": "S",
    "description": "D",
    "customer_name": "N",
    "customer_email": "n@example.com",
}
# Half of the pool: so many commits may wait.
KEYS = ["first", "second"]
SETTINGS = {"REQUEST_TIMEOUT_MS": "1000", "DATABASE_POOL_SIZE": "4"}
METRIC = "ticketops_database_unconfirmed_commits"
WITHIN_S = 180
# When other sessions began to look commits up, and have not run anything since.
LOOK_UPS = """
SELECT query_start
FROM pg_stat_activity
WHERE query LIKE '%pg_is_in_recovery() AS is_standby%' AND pid <> pg_backend_pid()
"""


@pytest.fixture
def postgres() -> Iterator[EmbeddedPostgres]:
    with synchronous_postgres() as postgres:
        yield postgres


async def create(server: Served, key: str) -> httpx2.Response:
    headers = {"Idempotency-Key": key}
    return await asyncio.to_thread(server.http.post, "/tickets", json=TICKET, headers=headers)


async def unconfirmed(server: Served) -> float:
    response = await asyncio.to_thread(server.http.get, "/metrics")
    [line] = [line for line in response.text.splitlines() if line.startswith(METRIC)]
    return float(line.split()[1])


@asynccontextmanager
async def served_through_proxy(
    postgres: EmbeddedPostgres, folder: Path, *, is_pooled: bool
) -> AsyncIterator[tuple[Served, SilentProxy]]:
    """Serve a database through a proxy, and if wanted PgBouncer in front of it."""
    async with SilentProxy.running(postgres.url) as proxy:
        with ExitStack() as running:
            url = proxy.url
            if is_pooled:
                url = running.enter_context(pooling(url, folder)).url
            server = await asyncio.to_thread(
                running.enter_context, served(folder / "log", url, **SETTINGS)
            )
            try:
                yield server, proxy
            finally:
                await asyncio.to_thread(running.close)


async def wait_for_look_ups(administrator: Administrator) -> None:
    """Wait until commits were looked up twice: the connections were kept after the first time."""
    seen: set[Any] = set()

    async def has_seen_two() -> bool:
        seen.update(row["query_start"] for row in await administrator.session.fetch(LOOK_UPS))
        return len(seen) > 1

    await until(has_seen_two, within_s=WITHIN_S)


@pytest.mark.parametrize("is_pooled", [False, True], ids=["proxy", "PgBouncer"])
async def test_commits_whose_server_has_vanished_do_not_refuse_changes_for_ever(
    postgres: EmbeddedPostgres, tmp_path: Path, *, is_pooled: bool
) -> None:
    async with served_through_proxy(postgres, tmp_path, is_pooled=is_pooled) as (server, proxy):
        async with connected(superuser_url(postgres.url)) as session:
            administrator = Administrator(session)
            await administrator.stall()
            abandoned = await asyncio.gather(*(create(server, key) for key in KEYS))
            assert [response.status_code for response in abandoned] == [504, 504]
            waiting = await administrator.waiting(2)
            server.wait_for_text("commits not confirmed")
            refused = await create(server, "third")
            assert refused.status_code == 503
            assert "at most 2 may wait" in refused.json()["detail"]
            # The sessions wait for a standby, so their connections are kept.
            await wait_for_look_ups(administrator)
            assert sorted(await administrator.waiting()) == sorted(waiting)
            assert await unconfirmed(server) == 2
            # The server vanishes, and the proxy does not pass that on.
            proxy.fall_silent()
            await crash(postgres)
        postgres.stop()
        await asyncio.to_thread(postgres.start)
        async with administrator_of(postgres) as administrator:
            await administrator.resume()
            proxy.recover()

            async def has_no_waits() -> bool:
                return await unconfirmed(server) == 0

            async def are_created() -> bool:
                responses = [await create(server, key) for key in [*KEYS, "third"]]
                return all(response.status_code == 201 for response in responses)

            await until(are_created, within_s=WITHIN_S)
            await until(has_no_waits, within_s=WITHIN_S)
            assert await administrator.session.fetchval("SELECT count(*) FROM tickets") == 3
        events = [event["message"] for event in server.log()]
        assert events.count("commit lost its session") == 2
        assert "commits confirmed again" in events


async def busy_sessions(administrator: Administrator, pid: int) -> list[asyncpg.Record]:
    """Return the busy sessions when the session with this process id is one of them."""

    async def found() -> list[asyncpg.Record]:
        rows = await administrator.session.fetch(BUSY_SESSIONS)
        return rows if any(row["pid"] == pid for row in rows) else []

    rows: list[asyncpg.Record] = await until(found)
    return rows


async def test_only_a_session_whose_statement_is_as_old_as_the_wait_may_run_the_commit(
    postgres: EmbeddedPostgres,
) -> None:
    url = superuser_url(postgres.url)
    async with administrator_of(postgres) as administrator:
        idle, busy = await connect(url), await connect(url)
        try:
            running = asyncio.create_task(busy.execute("SELECT pg_sleep(3600)"))
            rows = await busy_sessions(administrator, busy.get_server_pid())
            [age_s] = [row["age_s"] for row in rows if row["pid"] == busy.get_server_pid()]
            assert may_run(busy, rows, waited_s=age_s)
            # Another session, on another server, that has the same process id.
            assert not may_run(busy, rows, waited_s=3 * age_s)
            assert not may_run(idle, rows, waited_s=age_s)
            # Behind a pooler, it may be any session.
            idle.state.has_pooler = True
            assert may_run(idle, rows, waited_s=age_s)
            running.cancel()
        finally:
            busy.terminate()
            idle.terminate()
