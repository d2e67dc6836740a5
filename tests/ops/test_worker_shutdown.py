"""A worker process that is stopped during its calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx2
import pytest

from tests.ops.outbox import many_due
from tests.ops.processes import CliProcess, running_processes
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("database")

CONCURRENCY = 32
# More than are called before the worker stops, also if it starts calls so slowly that the first
# ones have ended before the last ones begin.
DELIVERIES = 4 * CONCURRENCY


async def test_a_stopped_worker_process_records_its_calls_and_leaves_the_rest(
    database_url: str, tmp_path: Path
) -> None:
    ops = CliProcess("ops-simulator", {}, tmp_path / "ops.log", ["--fault", "latency_ms=4000"])
    await ops.start()
    await many_due(DELIVERIES)
    settings = {"DATABASE_URL": database_url, "OPS_URL": ops.url, "OPS_TIMEOUT_MS": "10000"}
    async with (
        httpx2.AsyncClient(base_url=ops.url, trust_env=False) as http,
        running_processes(tmp_path, servers=0, workers=1, **settings) as group,
    ):

        async def is_called() -> bool:
            try:
                return len((await http.get("/simulator/calls")).json()) >= CONCURRENCY
            except httpx2.TransportError:
                return False

        await until(is_called)
        [worker] = group.workers
        assert await worker.stop() == 0
        calls = (await http.get("/simulator/calls")).json()
        await ops.kill()
    assert {call["outcome"] for call in calls} == {"accepted"}
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "SELECT state, attempts, lease_until IS NULL AS is_free, count(*) FROM ops_deliveries"
        " GROUP BY 1, 2, 3 ORDER BY 1"
    )
    assert await connection.fetchval("SELECT count(*) FROM log_entries") == len(calls)
    await connection.close()
    assert [tuple(row) for row in rows] == [
        ("delivered", 1, True, len(calls)),
        ("pending", 0, True, DELIVERIES - len(calls)),
    ]


@asynccontextmanager
async def slow_ops(folder: Path) -> AsyncIterator[str]:
    """Run a simulator that responds after a minute, and yield its URL."""
    fault = "latency_ms=60000"
    ops = CliProcess("ops-simulator", {}, folder / "ops.log", ["--fault", fault])
    await ops.start()

    async def is_up() -> bool:
        async with httpx2.AsyncClient(base_url=ops.url, trust_env=False) as http:
            try:
                return (await http.get("/simulator/calls")).status_code == httpx2.codes.OK
            except httpx2.TransportError:
                return False

    try:
        await until(is_up)
        yield ops.url
    finally:
        await ops.kill()


async def test_a_further_signal_ends_a_worker_process_during_its_calls(
    database_url: str, tmp_path: Path
) -> None:
    await many_due(1)
    settings = {"DATABASE_URL": database_url, "OPS_TIMEOUT_MS": "60000", "LOG_LEVEL": "info"}
    connection = await asyncpg.connect(database_url)
    async with (
        slow_ops(tmp_path) as ops_url,
        running_processes(tmp_path, servers=0, workers=1, OPS_URL=ops_url, **settings) as group,
    ):

        async def is_claimed() -> bool:
            claimed = "SELECT bool_and(lease_until IS NOT NULL) FROM ops_deliveries"
            return bool(await connection.fetchval(claimed))

        async def is_stopping() -> bool:
            return "stopping" in worker.log_file.read_text()

        [worker] = group.workers
        await until(is_claimed)
        assert worker.process is not None
        worker.process.terminate()
        await until(is_stopping)
        assert not worker.has_ended
        assert await worker.stop() == 0
    # The call is not recorded: its lease runs out.
    assert await is_claimed()
    assert await connection.fetchval("SELECT count(*) FROM log_entries") == 0
    await connection.close()
