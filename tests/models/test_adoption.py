"""The first migration adopts the former service's database with every row, or not at all."""

from datetime import UTC, datetime

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.database.migrations import Adopted, MigrationRefused, migrate, schema_version
from tests.conftest import empty_database
from tests.models.dump import COMMITTED, schema_of
from tests.models.former import (
    BY_HAND,
    LOG_COLUMNS,
    LOG_ENTRIES,
    NULLABLE,
    TICKET_COLUMNS,
    TICKETS,
    VARIANTS,
    Former,
)


async def texts(url: str, table: str) -> list[tuple[str | None, ...]]:
    """Return the rows with all values as text, JSON in the normalised form of jsonb."""
    columns = TICKET_COLUMNS if table == "tickets" else LOG_COLUMNS
    connection = await asyncpg.connect(url, server_settings={"TimeZone": "UTC"})
    shown = []
    for column in columns:
        if column in ("metadata", "response"):
            shown.append(f"{column}::jsonb::text")
        elif column in ("created_at", "timestamp"):
            shown.append(f"{column}::timestamptz::text")
        else:
            shown.append(f"{column}::text")
    rows = await connection.fetch(f"SELECT {', '.join(shown)} FROM {table} ORDER BY id::text")
    await connection.close()
    return [tuple(row) for row in rows]


async def make(url: str, former: Former) -> None:
    connection = await asyncpg.connect(url)
    await former.make(connection)
    await connection.close()


async def assert_adopted(url: str, former: Former) -> None:
    await make(url, former)
    before = [await texts(url, "tickets"), await texts(url, "log_entries")]

    report = await migrate(url)

    assert [await texts(url, "tickets"), await texts(url, "log_entries")] == before
    assert report.adopted == Adopted(tickets=len(before[0]), log_entries=len(before[1]))
    assert len(before[0]) == len(TICKETS)
    assert len(before[1]) >= len(LOG_ENTRIES)


@pytest.mark.parametrize("former", VARIANTS.values(), ids=VARIANTS)
async def test_every_row_is_kept_and_the_schema_is_that_of_a_new_database(
    empty_database_url: str, former: Former
) -> None:
    await assert_adopted(empty_database_url, former)

    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("DROP TYPE IF EXISTS ticket_status")
    await connection.close()
    schema = await schema_of(empty_database_url)
    if former.defaults:
        # Existing defaults stay, because other programs may rely on them.
        assert "DEFAULT md5((random())::text)" in schema
    else:
        assert schema == COMMITTED.read_text()


FORMER = st.builds(
    Former,
    id=st.sampled_from(["text", "varchar", "varchar(64)", "varchar(255)", "varchar(1000)"]),
    text=st.sampled_from(["text", "varchar", "varchar(65536)", 'varchar COLLATE "C"']),
    json=st.sampled_from(["json", "jsonb"]),
    time=st.sampled_from(["timestamp", "timestamptz", "timestamp(6)"]),
    key=st.sampled_from(["", "PRIMARY KEY", "UNIQUE", "CONSTRAINT key_of_{table} PRIMARY KEY"]),
    not_null=st.booleans(),
    defaults=st.booleans(),
    extra=st.sampled_from(
        [
            "",
            "CREATE INDEX mine ON tickets (status, created_at)",
            "CREATE INDEX mine ON tickets (lower(subject) varchar_pattern_ops)",
            "CREATE INDEX mine ON log_entries (ticket_id) WHERE action = 'send'",
            "CREATE UNIQUE INDEX mine ON log_entries (ticket_id, timestamp)",
            "ALTER TABLE tickets ADD COLUMN mine text",
            "ALTER TABLE tickets ALTER customer_phone SET DEFAULT ''",
            "ALTER TABLE tickets ADD CHECK (length(category) < 1000)",
        ]
    ),
    shuffled=st.booleans(),
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(former=FORMER)
async def test_every_row_is_kept_for_any_form_of_the_tables(
    former: Former,
) -> None:
    async with empty_database() as url:
        await assert_adopted(url, former)


async def test_added_columns_have_the_values_of_a_new_ticket(
    empty_database_url: str,
) -> None:
    await make(empty_database_url, BY_HAND)
    await migrate(empty_database_url)

    connection = await asyncpg.connect(empty_database_url)
    added = await connection.fetch(
        "SELECT updated_at = created_at, version, ops_state, search IS NOT NULL FROM tickets"
    )
    assert {tuple(row) for row in added} == {(True, 1, "not_sent", True)}
    added = await connection.fetch(
        "SELECT delivery_id, attempt, duration_ms, actor, request_id FROM log_entries"
    )
    assert {tuple(row) for row in added} == {(None, None, None, None, None)}
    await connection.close()


async def test_log_entries_outlive_their_ticket(empty_database_url: str) -> None:
    """A foreign key of the former service would delete them, or prevent the deletion."""
    await make(empty_database_url, VARIANTS["cascading_logs"])
    await migrate(empty_database_url)

    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("DELETE FROM tickets")
    assert await connection.fetchval("SELECT count(*) FROM log_entries") == len(LOG_ENTRIES)
    await connection.close()


@pytest.mark.parametrize("time", ["timestamp", "timestamptz"])
async def test_a_time_without_a_time_zone_is_utc(empty_database_url: str, time: str) -> None:
    """In any time zone of the server, also in the hour that a clock change skips."""
    await make(empty_database_url, Former(time=time))
    connection = await asyncpg.connect(empty_database_url)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET TimeZone = 'Europe/Berlin'")
    await connection.close()

    await migrate(empty_database_url)

    connection = await asyncpg.connect(empty_database_url)
    created_at = await connection.fetchval("SELECT created_at FROM tickets WHERE id = '6f1c'")
    assert created_at == datetime(2021, 3, 28, 2, 30, tzinfo=UTC)
    await connection.close()


async def test_a_missing_table_is_created(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await BY_HAND.make(connection)
    await connection.execute("DROP TABLE log_entries")
    await connection.close()

    report = await migrate(empty_database_url)

    assert report.adopted == Adopted(tickets=len(TICKETS), log_entries=0)
    assert await schema_of(empty_database_url) == COMMITTED.read_text()


LOOSE = Former(id="varchar", json="json", time="timestamp", key="", not_null=False)

INCOMPATIBLE_VALUES = {
    "unknown_values": (
        """
        UPDATE tickets SET status = 'weird' WHERE id IN ('5', '6f1c');
        UPDATE tickets SET status = 'OPEN' WHERE id = 'ticket-2';
        UPDATE tickets SET priority = 'urgent' WHERE id = '5';
        UPDATE log_entries SET action = 'resend' WHERE id = 'l1';
        UPDATE log_entries SET status = E'ok\n' WHERE id = 'l2';
        """,
        [
            'tickets.status: "weird", 2 rows',
            'tickets.status: "OPEN" (not in lower case), 1 row',
            'tickets.priority: "urgent", 1 row',
            'log_entries.action: "resend", 1 row',
            'log_entries.status: "ok\\n", 1 row',
        ],
    ),
    "nulls": (
        f"""
        UPDATE tickets SET {", ".join(f"{c} = NULL" for c in TICKET_COLUMNS)} WHERE id = '5';
        UPDATE log_entries SET {", ".join(f"{c} = NULL" for c in LOG_COLUMNS)};
        """,
        [f"tickets.{column}: null, 1 row" for column in TICKET_COLUMNS if column not in NULLABLE]
        + [f"log_entries.{column}: null, 4 rows" for column in LOG_COLUMNS if column != "response"],
    ),
    "lengths": (
        """
        UPDATE tickets SET
            subject = repeat('x', 501),
            description = repeat('x', 65537),
            customer_name = repeat('x', 201),
            customer_email = repeat('x', 255),
            customer_phone = repeat('x', 51),
            assigned_to = repeat('x', 201),
            category = repeat('x', 101),
            metadata = to_json(repeat('x', 65535)),
            id = repeat('x', 65)
            WHERE id = '5';
        UPDATE log_entries SET id = '', ticket_id = repeat('x', 65) WHERE id = 'l1';
        """,
        [
            "tickets.id: longer than 64 characters, 1 row",
            "tickets.subject: longer than 500 characters, 1 row",
            "tickets.description: longer than 65536 characters, 1 row",
            "tickets.customer_name: longer than 200 characters, 1 row",
            "tickets.customer_email: longer than 254 characters, 1 row",
            "tickets.customer_phone: longer than 50 characters, 1 row",
            "tickets.assigned_to: longer than 200 characters, 1 row",
            "tickets.category: longer than 100 characters, 1 row",
            "tickets.metadata: longer than 65536 bytes, 1 row",
            "log_entries.id: empty, 1 row",
            "log_entries.ticket_id: longer than 64 characters, 1 row",
        ],
    ),
    "duplicate_ids": (
        "UPDATE tickets SET id = '5' WHERE id IN ('6f1c', 'ticket-2')",
        ['tickets.id: "5" (more than once), 3 rows'],
    ),
    "times_out_of_range": (
        """
        UPDATE tickets SET created_at = 'infinity' WHERE id = '5';
        UPDATE tickets SET created_at = '0044-03-15 12:00:00 BC' WHERE id = 'ticket-2';
        UPDATE log_entries SET timestamp = '10000-01-01' WHERE id = 'l1';
        """,
        [
            'tickets.created_at: "infinity", 1 row',
            'tickets.created_at: "0044-03-15 12:00:00 BC", 1 row',
            'log_entries.timestamp: "10000-01-01 00:00:00", 1 row',
        ],
    ),
    "json_that_jsonb_rejects": (
        r"""
        UPDATE tickets SET metadata = '{"a": "\u0000"}' WHERE id = '5';
        UPDATE log_entries SET response = '"\ud800"' WHERE id = 'l1';
        UPDATE log_entries SET response = '1e200000' WHERE id = 'l2';
        """,
        [
            r'tickets.metadata: "{\"a\": \"\\u0000\"}", 1 row',
            r'log_entries.response: "\"\\ud800\"", 1 row',
            'log_entries.response: "1e200000", 1 row',
        ],
    ),
    "many_values": (
        """
        INSERT INTO tickets (id, status)
        SELECT 'many-' || n, 'state ' || n FROM generate_series(1, 50) AS n
        """,
        ['tickets.status: "state 1", 1 row', "tickets.status: and 30 more values"],
    ),
}


@pytest.mark.parametrize(("spoil", "lines"), INCOMPATIBLE_VALUES.values(), ids=INCOMPATIBLE_VALUES)
async def test_incompatible_values_are_listed_and_nothing_is_changed(
    empty_database_url: str, spoil: str, lines: list[str]
) -> None:
    await make(empty_database_url, LOOSE)
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(spoil)
    before = await everything(connection), await schema_of(empty_database_url)

    with pytest.raises(MigrationRefused) as refusal:
        await migrate(empty_database_url)

    told = str(refusal.value).splitlines()
    assert [line for line in lines if "  " + line not in told] == []
    if "many" not in spoil and "NULL" not in spoil:
        assert len(told) == len(lines) + 2
    assert (await everything(connection), await schema_of(empty_database_url)) == before
    assert await schema_version(connection) is None
    await connection.close()


INCOMPATIBLE_TABLES = {
    "missing": ("ALTER TABLE tickets DROP COLUMN category", "tickets.category: missing"),
    "type": (
        "ALTER TABLE log_entries ALTER timestamp TYPE date",
        "log_entries.timestamp: date where timestamp with time zone is expected",
    ),
    "ours": (
        "ALTER TABLE tickets ADD COLUMN version int",
        "tickets.version: exists already, but the migration adds this column",
    ),
    "foreign": (
        "DELETE FROM tickets; ALTER TABLE tickets ADD COLUMN tenant int NOT NULL",
        "tickets.tenant: an unknown column that requires a value",
    ),
    "view": (
        "DROP TABLE tickets; CREATE VIEW tickets AS SELECT 1 AS id",
        '"tickets" exists but is not an ordinary table',
    ),
    "in_use": (
        "CREATE VIEW mine AS SELECT status FROM tickets",
        "tickets.status: the view mine depends on its type",
    ),
}


@pytest.mark.parametrize(("change", "line"), INCOMPATIBLE_TABLES.values(), ids=INCOMPATIBLE_TABLES)
async def test_incompatible_tables_are_refused_and_nothing_is_changed(
    empty_database_url: str, change: str, line: str
) -> None:
    await make(empty_database_url, Former(text="varchar"))
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(change)
    before = await schema_of(empty_database_url)

    with pytest.raises(MigrationRefused) as refusal:
        await migrate(empty_database_url)

    assert line in str(refusal.value)
    assert await schema_of(empty_database_url) == before
    await connection.close()


async def everything(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Return all rows of both tables as text."""
    return await connection.fetch(
        """
        SELECT t::text FROM tickets AS t
        UNION ALL
        SELECT l::text FROM log_entries AS l
        ORDER BY 1
        """
    )
