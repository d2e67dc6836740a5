"""The readiness check that concurrent requests share, in this process."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.monitoring import health
from app.monitoring.health import Readiness
from engine.database.pool import open_pools
from engine.database.queries import default_client, fetch
from engine.database.shares import reserved
from tests.feed.readers import connected

REQUEST = Request({"type": "http"})
WAITING = """
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%aerich%'
"""


async def test_requests_for_readiness_that_arrive_together_share_one_check(
    database: None,  # noqa: ARG001  # creates the database
    database_url: str,
) -> None:
    readiness = Readiness()
    async with connected(database_url) as holding, connected(database_url) as observer:
        async with holding.transaction():
            # The check waits for this lock, as it would for a slow database.
            await holding.execute("LOCK TABLE aerich IN ACCESS EXCLUSIVE MODE")
            checks = [asyncio.create_task(readiness.readyz(REQUEST)) for _ in range(50)]
            async with asyncio.timeout(60):
                while not (waiting := await observer.fetchval(WAITING)):  # no event
                    assert not any(check.done() for check in checks)
                    await asyncio.sleep(0.01)
            # The client of the request that began the check has left.
            checks[0].cancel()
            # All other connections are in use, and those in reserve are free.
            taken = [await open_pools[-1].acquire() for _ in range(open_pools[-1].max_size - 1)]
            with reserved():
                await fetch("SELECT 1", [])
            for connection in taken:
                open_pools[-1].return_clean(connection)
        answers = await asyncio.gather(*checks, return_exceptions=True)
    assert waiting == 1
    assert isinstance(answers[0], asyncio.CancelledError)
    statuses = {one.status_code for one in answers[1:] if isinstance(one, Response)}
    # All share one result: 503 if this took longer than the check may take.
    assert statuses in ({200}, {503})


async def test_a_positive_check_is_valid_for_a_second_and_a_negative_one_is_not(
    database: None,  # noqa: ARG001  # creates the database
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert health.READY_FOR_S <= 1
    # Longer than the next statement takes on a slow machine.
    monkeypatch.setattr(health, "READY_FOR_S", 600)
    readiness = Readiness()
    assert (await readiness.readyz(REQUEST)).status_code == 200
    connections = default_client()
    await connections.execute_script("ALTER TABLE aerich RENAME TO renamed")
    try:
        assert (await readiness.readyz(REQUEST)).status_code == 200
        monkeypatch.setattr(readiness, "_ready_until", 0)
        assert (await readiness.readyz(REQUEST)).status_code == 503
        assert (await readiness.readyz(REQUEST)).status_code == 503
    finally:
        await connections.execute_script("ALTER TABLE renamed RENAME TO aerich")
    assert (await readiness.readyz(REQUEST)).status_code == 200
