"""Builds of indexes on tables in use: they block no writes, and a failed one is repeated."""

import asyncio

import asyncpg

from app.database.migrations import EXPECTED_VERSION, migrate
from tests.feed.readers import connected
from tests.waiting import until

NAME = "tickets_of_states_created"
VERSION = "7_20261130213000_indexes_of_filters.py"
INSERT = """
INSERT INTO tickets (id, subject, description, customer_name, customer_email)
VALUES ($1, 'S', 'D', 'N', 'n@example.com')
"""
STATE = """
SELECT indisvalid, pg_get_indexdef(indexrelid) AS definition
FROM pg_index
WHERE indexrelid = $1::text::regclass
"""


async def forget_migration(connection: asyncpg.Connection) -> None:
    """Let the migration that builds the index, and all later ones, be applied again."""
    await connection.execute(
        "DELETE FROM aerich WHERE id >= (SELECT id FROM aerich WHERE version = $1)", VERSION
    )


async def test_an_index_whose_build_failed_is_built_again(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    async with connected(empty_database_url) as connection:
        expected = await connection.fetchrow(STATE, NAME)
        await forget_migration(connection)
        # As a build that was interrupted leaves it.
        await connection.execute(f"DROP INDEX {NAME}")
        await connection.execute(f"CREATE INDEX {NAME} ON tickets (subject)")
        await connection.execute(
            "UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = $1::text::regclass", NAME
        )
        assert (await migrate(empty_database_url)).after == EXPECTED_VERSION
        assert await connection.fetchrow(STATE, NAME) == expected


async def test_tickets_are_written_during_the_build(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    async with connected(empty_database_url) as older, connected(empty_database_url) as other:
        await forget_migration(other)
        await other.execute(f"DROP INDEX {NAME}")
        # The build waits for the end of this transaction.
        transaction = older.transaction()
        await transaction.start()
        await older.execute(INSERT, "1")
        migration = asyncio.ensure_future(migrate(empty_database_url))
        await until(lambda: other.fetchval("SELECT 1 FROM pg_stat_progress_create_index"))
        await other.execute(INSERT, "2")
        await other.execute("UPDATE tickets SET subject = 'T' WHERE id = '2'")
        assert not migration.done()
        await transaction.commit()
        await migration
        state = await other.fetchrow(STATE, NAME)
        assert state is not None
        assert state["indisvalid"]
