"""The migration of the search column: rows of the version before, and writes while it runs."""

import asyncio
from importlib import import_module

import asyncpg
import pytest
from tortoise.connection import get_connections
from tortoise.context import TortoiseContext

from app.database.migration_check import check_migration
from app.database.migrations import VERSIONS, MigrationRefused, migrate
from app.database.tortoise import tortoise_config
from models.migrations import locking
from tests.models.dump import COMMITTED, OUTDATED, schema_of

# This migration and all later ones.
UNDONE = VERSIONS[VERSIONS.index("2_20261130120000_search_in_all_languages.py") :]
# More than one batch, in NFD: an older version has not normalized them.
BEFORE = """
INSERT INTO tickets (id, subject, description, customer_name, customer_email)
SELECT number::text, 'Bu' || U&'\\0308' || 'ro ' || number, '東京都', 'The Who', 'n@example.com'
FROM generate_series(1, 450) AS number;

INSERT INTO ticket_events (id, ticket_id, type, changes) VALUES ('e', '1', 'created', '[]');
"""
# The statements of the version before.
INSERT = """
INSERT INTO tickets (id, subject, description, customer_name, customer_email)
VALUES ($1, 'Printers', 'D', 'N', 'n@example.com')
"""
SEARCH = "SELECT count(*) FROM tickets WHERE search @@ websearch_to_tsquery('english', $1)"

# Holds up the migration at the last ticket by id, which is in its last batch.
HOLD_UP = """
CREATE FUNCTION hold_up(id text) RETURNS boolean LANGUAGE plpgsql AS
$$ BEGIN IF id = '99' THEN {action}; END IF; RETURN TRUE; END $$;
ALTER TABLE tickets ADD CONSTRAINT hold_up CHECK (hold_up(id)) NOT VALID;
"""
# A trigger of another program, which records the updates and changes the subject.
OTHER_TRIGGER = """
CREATE TABLE recorded (id text);
CREATE FUNCTION record() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO recorded VALUES (NEW.id); NEW.subject := 'Scanner'; RETURN NEW; END $$;
CREATE TRIGGER record BEFORE UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION record();
ALTER TABLE tickets ENABLE ALWAYS TRIGGER record;
"""
WAITING = """
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def connect_before(url: str) -> asyncpg.Connection:
    """Migrate a database to the version before this migration, with rows."""
    await migrate(url)
    connection = await asyncpg.connect(url)
    # Downgrade as aerich does, because it only downgrades the newest migration.
    async with TortoiseContext() as context:
        await context.init(config=tortoise_config(url, pool_size=1))
        client = get_connections().get("default")
        for version in reversed(UNDONE):
            migration = import_module(f"models.migrations.{version.removesuffix('.py')}")
            await connection.execute(await migration.downgrade(client))
            await connection.execute("DELETE FROM aerich WHERE version = $1", version)
    await connection.execute(BEFORE)
    return connection


async def found(connection: asyncpg.Connection, words: str) -> int:
    """Return the number of tickets that a search finds."""
    statement = "SELECT count(*) FROM tickets WHERE search @@ ticket_search_query($1)"
    count: int = await connection.fetchval(statement, words)
    return count


async def until_one_waits(connection: asyncpg.Connection) -> None:
    """Wait until another session waits for a lock."""
    async with asyncio.timeout(60):
        while not await connection.fetchval(WAITING):  # noqa: ASYNC110  # PostgreSQL does not notify
            await asyncio.sleep(0.01)


async def test_rows_of_the_version_before_are_found(empty_database_url: str) -> None:
    connection = await connect_before(empty_database_url)
    await migrate(empty_database_url)
    assert await schema_of(empty_database_url) == COMMITTED.read_text(), OUTDATED
    for words in ("büro", "Bu\u0308ro", "京都", "the who"):
        assert await found(connection, words) == 450
    # The texts are as they were.
    assert await connection.fetchval("SELECT subject FROM tickets WHERE id = '1'") == "Bu\u0308ro 1"
    await connection.close()


async def test_the_version_before_works_on_the_new_schema(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(INSERT, "new")
    assert await connection.fetchval(SEARCH, "printer") == 1
    assert await connection.fetchval(SEARCH, "the printer or scanner") == 1
    await connection.execute("UPDATE tickets SET subject = 'Scanners burn'")
    assert await connection.fetchval(SEARCH, "printer") == 0
    assert await connection.fetchval(SEARCH, '"scanner burning"') == 1
    await connection.close()


async def test_tickets_are_written_while_the_migration_runs(empty_database_url: str) -> None:
    """A ticket that the migration waits for does not hold up the others."""
    connection = await connect_before(empty_database_url)
    await connection.execute(HOLD_UP.format(action="PERFORM pg_advisory_xact_lock(1)"))
    writer = await asyncpg.connect(empty_database_url, command_timeout=60)
    await connection.execute("SELECT pg_advisory_lock(1)")
    migration = asyncio.create_task(migrate(empty_database_url))
    await until_one_waits(writer)
    await writer.execute(INSERT, "new")
    await writer.execute("UPDATE tickets SET subject = 'Größe' WHERE id = '1'")
    assert await writer.fetchval(SEARCH, "printer") == 1
    assert await found(writer, "größe") == 1
    assert not migration.done()
    await connection.execute("SELECT pg_advisory_unlock(1)")
    await migration
    assert await found(connection, "the who") == 450
    assert await found(connection, "büro") == 449
    assert await found(connection, "printer") == 1
    await writer.close()
    await connection.close()


async def test_an_interrupted_migration_continues(empty_database_url: str) -> None:
    connection = await connect_before(empty_database_url)
    await connection.execute(HOLD_UP.format(action="RAISE 'interrupted'"))
    with pytest.raises(MigrationRefused, match="interrupted"):
        await migrate(empty_database_url)
    assert 0 < await found(connection, "the who") < 450
    await connection.execute("DROP FUNCTION hold_up(text) CASCADE")
    await migrate(empty_database_url)
    assert await found(connection, "the who") == 450
    assert await schema_of(empty_database_url) == COMMITTED.read_text(), OUTDATED
    await connection.close()


async def test_a_table_in_use_is_tried_again_and_refused_in_the_end(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "TIMEOUT_S", 0.1)
    monkeypatch.setattr(locking, "PAUSE_S", 0)
    monkeypatch.setattr(locking, "ATTEMPTS", 2)
    connection = await connect_before(empty_database_url)
    observer = await asyncpg.connect(empty_database_url)
    async with connection.transaction():
        await connection.execute("SELECT FROM tickets LIMIT 1")
        with pytest.raises(MigrationRefused, match="Another program is using the tables"):
            await migrate(empty_database_url)
        monkeypatch.setattr(locking, "ATTEMPTS", 1_000_000)
        migration = asyncio.create_task(migrate(empty_database_url))
        await until_one_waits(observer)
    await migration
    assert await found(connection, "the who") == 450
    await observer.close()
    await connection.close()


@pytest.mark.parametrize("is_used", [True, False])
async def test_triggers_of_other_programs_do_not_run_for_the_migration(
    empty_database_url: str,
    is_used: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    connection = await connect_before(empty_database_url)
    if not is_used:
        # As after the adoption of the former service's database.
        await connection.execute("DELETE FROM ticket_events")
    await connection.execute(OTHER_TRIGGER)
    await migrate(empty_database_url)
    assert await found(connection, "büro") == 450
    assert await connection.fetchval("SELECT count(*) FROM recorded") == 0
    mode = "SELECT tgenabled FROM pg_trigger WHERE tgname = 'record'"
    assert await connection.fetchval(mode) == b"A"
    # Later it does, and its changes are found.
    await connection.execute("UPDATE tickets SET status = 'closed' WHERE id = '1'")
    assert await found(connection, "scanner") == 1
    assert await connection.fetchval("SELECT string_agg(id, ',') FROM recorded") == "1"
    await connection.close()


async def test_a_check_does_not_hold_up_a_running_service(empty_database_url: str) -> None:
    connection = await connect_before(empty_database_url)
    await connection.execute(HOLD_UP.format(action="RAISE 'filled'"))
    check = await check_migration(empty_database_url)
    assert tuple(migration.version for migration in check.pending) == UNDONE
    assert await connection.fetchval("SELECT to_regproc('fold_case')") is None
    await connection.close()
