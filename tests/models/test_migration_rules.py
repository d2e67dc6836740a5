"""What each migration declares about running programs is what it does to the database."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import asyncpg
import pytest
from tortoise import BaseDBAsyncClient
from tortoise.connection import get_connections
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from app.database.applied import VERSIONS, migration_number
from app.database.migrations import migrate
from app.database.tortoise import tortoise_config
from models.migrations.compatibility import Description
from tests.models.catalog import Catalog, catalog_of, incompatibilities

# Changes that the rules reject in general, and why older programs run with them nevertheless.
REVIEWED = {
    # The triggers write a column that older programs do not write.
    "2_20261130120000_search_in_all_languages.py": {
        "tickets: the trigger zz_ticket_search_insert is new or missing",
        "tickets: the trigger zz_ticket_search_update is new or missing",
    },
}
# The first migration whose description is recorded in the database.
FIRST_RECORDED = 4
ROWS = """
INSERT INTO tickets (id, subject, description, customer_name, customer_email)
VALUES ('1', 'S', 'D', 'N', 'n@example.com');
INSERT INTO ticket_events (id, ticket_id, type, changes) VALUES ('1', '1', 'created', '[]');
INSERT INTO log_entries (id, ticket_id, action, status) VALUES ('1', '1', 'send', 'success');
"""
LOCKS = """
SELECT c.relname AS name, bool_or(l.mode = 'AccessExclusiveLock') AS blocks_reads
FROM pg_locks AS l
JOIN pg_class AS c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid() AND l.database <> 0 AND c.relkind IN ('r', 'p')
  AND l.mode IN (
      'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
  )
GROUP BY c.relname
"""


def module(version: str) -> ModuleType:
    return import_module(f"models.migrations.{version.removesuffix('.py')}")


def description(version: str) -> Description:
    described: Description = module(version).DESCRIPTION
    return described


async def apply(
    migration: ModuleType, observe: Callable[[BaseDBAsyncClient], Awaitable[Any]]
) -> Any:
    """Apply a migration as aerich does; return what is observed at the end of its transaction."""
    if getattr(migration, "RUN_IN_TRANSACTION", True):
        async with in_transaction() as connection:
            await connection.execute_script(await migration.upgrade(connection))
            return await observe(connection)
    client = get_connections().get("default")
    await client.execute_script(await migration.upgrade(client))
    return None


async def blocked_tables(connection: BaseDBAsyncClient) -> dict[str, str]:
    """Return what the locks of a transaction block, by table."""
    return {
        row["name"]: "reads and writes" if row["blocks_reads"] else "writes"
        for row in await connection.execute_query_dict(LOCKS)
    }


async def test_each_migration_does_what_it_declares(empty_database_url: str) -> None:
    async with TortoiseContext() as context:
        await context.init(config=tortoise_config(empty_database_url, pool_size=1))
        connection = get_connections().get("default")
        before = None
        for version in VERSIONS:
            blocked = await apply(module(version), blocked_tables)
            after = await catalog_of(connection.execute_query_dict)
            if before is None:
                await connection.execute_script(ROWS)
            else:
                check_compatibility(version, before, after)
                check_locks(version, before, after, blocked)
            before = after


def check_compatibility(version: str, before: Catalog, after: Catalog) -> None:
    """Check that a migration that admits older programs makes no change that rejects them."""
    oldest_code = description(version).oldest_code
    assert 0 <= oldest_code <= migration_number(version)
    if oldest_code < migration_number(version):
        assert incompatibilities(before, after) == REVIEWED.get(version, set()), version


def check_locks(
    version: str, before: Catalog, after: Catalog, blocked: dict[str, str] | None
) -> None:
    """Check the tables whose readers or writers wait, and how long."""
    locks = {lock.table: lock for lock in description(version).locks}
    rewritten = {
        name for name, file in before.relations.items() if after.relations.get(name, file) != file
    }
    assert rewritten <= {
        lock.table for lock in locks.values() if lock.lasts == "a rewrite of the table"
    }
    if blocked is None:
        # Its transactions have ended. An index that one of them built would not be CONCURRENTLY.
        return
    existing = {name: blocks for name, blocks in blocked.items() if name in before.relations}
    assert existing == {name: lock.blocks for name, lock in locks.items()}, version
    for index, table in after.indexes.items():
        if index not in before.indexes and table in before.relations:
            assert locks[table].lasts != "a moment", f"{version} builds {index}"


async def test_descriptions_are_recorded(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    rows = await connection.fetch("SELECT version, oldest_code FROM schema_compatibility")
    await connection.close()
    assert {row["version"]: row["oldest_code"] for row in rows} == {
        version: description(version).oldest_code
        for version in VERSIONS
        if migration_number(version) >= FIRST_RECORDED
    }


@pytest.mark.parametrize(
    ("sql", "reported"),
    [
        ("DROP TABLE api_tokens", "api_tokens is missing"),
        ("ALTER TABLE tickets RENAME TO issues", "tickets is missing"),
        ("ALTER TABLE tickets DROP COLUMN category", "tickets.category is missing"),
        ("ALTER TABLE tickets RENAME category TO kind", "tickets.category is missing"),
        ("ALTER TABLE tickets ALTER version TYPE bigint", "tickets.version has another type"),
        ("ALTER TABLE tickets ALTER metadata SET NOT NULL", "tickets.metadata is required"),
        # Older programs cannot read null.
        ("ALTER TABLE tickets ALTER category DROP NOT NULL", "tickets.category may be null"),
        ("ALTER TABLE tickets ALTER version DROP DEFAULT", "tickets.version has no default"),
        (
            "DELETE FROM tickets; ALTER TABLE tickets ADD COLUMN region text NOT NULL",
            "tickets.region is new and required, without a default",
        ),
        (
            "ALTER TABLE tickets ADD CHECK (version < 9)",
            "tickets: CHECK ((version < 9)) is new",
        ),
        (
            "ALTER TABLE tickets ADD COLUMN region text CHECK (region <> subject)",
            "tickets: CHECK ((region <> subject)) is new",
        ),
        (
            "ALTER TABLE log_entries ADD FOREIGN KEY (ticket_id) REFERENCES tickets",
            "log_entries: FOREIGN KEY (ticket_id) REFERENCES tickets(id) is new",
        ),
        # Older programs cannot read the values that it admits.
        (
            "ALTER TABLE ticket_events DROP CONSTRAINT ticket_events_changes_check",
            "ticket_events: CHECK ((jsonb_typeof(changes) = 'array'::text)) is missing",
        ),
        (
            "CREATE UNIQUE INDEX ON tickets (subject)",
            "tickets: btree (subject) is new",
        ),
        # ON CONFLICT needs it.
        (
            "ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_caller_key_key",
            "idempotency_keys: btree (caller, key) is missing",
        ),
        (
            "DROP FUNCTION jsonb_merge_patch",
            "jsonb_merge_patch(jsonb,jsonb) is missing or returns another type",
        ),
        (
            "DROP TRIGGER zz_ticket_search_insert ON tickets",
            "tickets: the trigger zz_ticket_search_insert is new or missing",
        ),
    ],
)
async def test_a_change_that_older_programs_do_not_survive_is_found(
    empty_database_url: str, sql: str, reported: str
) -> None:
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    before = await catalog_of(connection.fetch)
    await connection.execute(sql)
    assert reported in incompatibilities(before, await catalog_of(connection.fetch))
    await connection.close()


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE notes (id text PRIMARY KEY, ticket_id text NOT NULL REFERENCES tickets)",
        "ALTER TABLE tickets ADD COLUMN region text NOT NULL DEFAULT '' CHECK (region <> '-')",
        "ALTER TABLE tickets ADD COLUMN region text; CREATE UNIQUE INDEX ON tickets (region)",
        "CREATE INDEX ON tickets (category)",
        "DROP INDEX tickets_by_subject",
        "ALTER TABLE tickets SET (fillfactor = 80)",
    ],
)
async def test_a_change_that_older_programs_survive_is_accepted(
    empty_database_url: str, sql: str
) -> None:
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    before = await catalog_of(connection.fetch)
    await connection.execute(sql)
    assert incompatibilities(before, await catalog_of(connection.fetch)) == set()
    await connection.close()
