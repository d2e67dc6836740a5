"""Autovacuum processes large tables in time, and an owner's own parameters are kept."""

import asyncpg

from app.database.migrations import migrate
from tests.models.former import BY_HAND


async def parameters(connection: asyncpg.Connection, table: str) -> dict[str, str]:
    """Return the storage parameters of a table."""
    options = await connection.fetchval(
        "SELECT reloptions FROM pg_class WHERE oid = $1::text::regclass", table
    )
    return dict(option.split("=", 1) for option in options or ())


async def test_every_table_that_grows_is_vacuumed_and_analyzed_by_small_shares(
    empty_database_url: str,
) -> None:
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    for table in ("tickets", "log_entries", "ops_deliveries", "ticket_events", "idempotency_keys"):
        found = await parameters(connection, table)
        assert float(found["autovacuum_analyze_scale_factor"]) <= 0.05, table
        changed = {"autovacuum_vacuum_scale_factor", "autovacuum_vacuum_insert_scale_factor"}
        shares = [float(found[name]) for name in changed & found.keys()]
        assert shares, table
        assert max(shares) <= 0.05, table
    for table in ("log_entries", "ticket_events"):
        assert (await parameters(connection, table))["autovacuum_freeze_min_age"] == "0"
    await connection.close()


async def test_parameters_of_an_adopted_table_are_kept(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await BY_HAND.make(connection)
    await connection.execute(
        "ALTER TABLE tickets SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.5)"
    )

    await migrate(empty_database_url)

    found = await parameters(connection, "tickets")
    assert (found["fillfactor"], found["autovacuum_vacuum_scale_factor"]) == ("70", "0.5")
    assert found["autovacuum_analyze_scale_factor"] == "0.02"
    await connection.close()
