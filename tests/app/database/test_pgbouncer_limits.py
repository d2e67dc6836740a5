"""What PgBouncer does not let through: settings of the sessions, and many clients."""

import asyncio
from pathlib import Path

import httpx2
import pytest

from app.database.migrations import migrate
from tests.app.database.hostile_settings import use_core
from tests.app.database.pgbouncer import pooling
from tests.app.http.serving import served
from tests.app.service import ticketops
from tests.feed.readers import connected

MAX_CLIENTS = 5


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("default_transaction_isolation", "repeatable read"),
        # A commit that was not replicated would be confirmed, because its warning is missing.
        ("client_min_messages", "error"),
    ],
)
async def test_the_start_names_a_setting_that_cannot_be_set(
    empty_database_url: str, tmp_path: Path, setting: str, value: str
) -> None:
    await migrate(empty_database_url)
    async with connected(empty_database_url) as owner:
        database = await owner.fetchval("SELECT current_database()")
        await owner.execute(f"ALTER DATABASE {database} SET {setting} = '{value}'")
    with pooling(empty_database_url, tmp_path) as pooled:
        done = await asyncio.to_thread(
            ticketops, "serve", cwd=tmp_path, DATABASE_URL=pooled.url, PORT="0"
        )
    assert done.returncode == 2
    assert f"{setting} = {value}" in done.stderr
    assert f"ALTER DATABASE {database} SET {setting}" in done.stderr
    assert "RECONNECT" in done.stderr
    assert "Traceback" not in done.stderr


async def test_the_pool_makes_do_with_few_clients_of_pgbouncer(
    empty_database_url: str, tmp_path: Path
) -> None:
    await migrate(empty_database_url)
    with (
        pooling(empty_database_url, tmp_path, max_clients=MAX_CLIENTS) as pooled,
        served(tmp_path / "log", pooled.url, DELIVERY_WORKER="true") as server,
    ):
        async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
            responses = await asyncio.gather(*(use_core(http) for _ in range(10)))
        statuses = {status for response in responses for status, _ in response}
        assert statuses == {200, 201, 204, 404, 422}
        assert server.log_text().count("fewer database connections granted") == 1
        assert "Traceback" not in server.log_text()
