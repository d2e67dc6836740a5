"""CHECK constraints and defaults of the database, for rows that other programs write."""

import re
from datetime import UTC, datetime
from enum import StrEnum

import asyncpg
import pytest
from tortoise.models import Model

from models import ApiToken, IdempotencyKey, LogEntry, OpsDelivery, OpsState, Ticket, TicketEvent
from models.columns import EnumColumn, TextColumn
from models.ticket import METADATA_MAX_BYTES

MODELS: tuple[type[Model], ...] = (
    Ticket,
    LogEntry,
    OpsDelivery,
    TicketEvent,
    IdempotencyKey,
    ApiToken,
)
TEXTS = [
    (model._meta.db_table, name, field.max_length)
    for model in MODELS
    for name, field in model._meta.fields_map.items()
    if isinstance(field, TextColumn)
]
ENUMS = [
    (model._meta.db_table, name, field.enum_type)
    for model in MODELS
    for name, field in model._meta.fields_map.items()
    if isinstance(field, EnumColumn)
]

OTHER_PROGRAM = """
INSERT INTO tickets (id, subject, description, customer_name, customer_email)
VALUES ('a', 'Subject', 'Description', 'Ann', 'ann@example.com')
"""


async def rule(connection: asyncpg.Connection, table: str, column: str) -> str:
    """Return the CHECK constraint of a column, which is named by table and column."""
    definition = await connection.fetchval(
        """
        SELECT pg_get_constraintdef(oid)
        FROM pg_constraint
        WHERE conrelid = to_regclass($1) AND conname = $2
        """,
        table,
        f"{table}_{column}_check",
    )
    assert definition is not None, f"{table}.{column} has no CHECK"
    return str(definition)


@pytest.mark.parametrize(("table", "column", "max_length"), TEXTS)
async def test_a_text_has_the_maximum_length_of_the_model(
    connection: asyncpg.Connection, table: str, column: str, max_length: int
) -> None:
    numbers = re.findall(r"\d+", await rule(connection, table, column))
    assert max(map(int, numbers)) == max_length


@pytest.mark.parametrize(("table", "column", "enum"), ENUMS)
async def test_an_enumeration_has_the_values_of_the_model(
    connection: asyncpg.Connection, table: str, column: str, enum: type[StrEnum]
) -> None:
    values = re.findall(r"'(\w+)'", await rule(connection, table, column))
    expected = [member.value for member in enum]
    if (table, column) == ("ops_deliveries", "state"):
        expected.remove(OpsState.NOT_SENT)
    assert values == expected


async def test_a_ticket_of_another_program_gets_all_defaults(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute(OTHER_PROGRAM)
    row = await connection.fetchrow(
        """
        SELECT
            status, priority, category, version, ops_state,
            updated_at = created_at AND created_at = now() AS is_new
        FROM tickets
        WHERE id = 'a'
        """
    )
    assert row is not None
    assert tuple(row) == ("open", "medium", "general", 1, "not_sent", True)


async def test_a_log_entry_of_another_program_gets_all_defaults(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute(
        """
        INSERT INTO log_entries (id, ticket_id, action, status)
        VALUES ('a', 'gone', 'send', 'failed')
        """
    )
    assert await connection.fetchval("SELECT timestamp = now() FROM log_entries WHERE id = 'a'")


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("status = 'OPEN'", "tickets_status_check"),
        ("priority = ''", "tickets_priority_check"),
        ("ops_state = 'sent'", "tickets_ops_state_check"),
        ("id = ''", "tickets_id_check"),
        ("subject = repeat('ü', 501)", "tickets_subject_check"),
        ("description = repeat('ü', 65537)", "tickets_description_check"),
        ("category = repeat(' ', 101)", "tickets_category_check"),
        ("version = 0", "tickets_version_check"),
        ("created_at = 'infinity'", "tickets_created_at_check"),
        ("updated_at = '0001-01-01 BC'", "tickets_updated_at_check"),
        (f"metadata = to_jsonb(repeat('x', {METADATA_MAX_BYTES - 1}))", "tickets_metadata_check"),
        ("metadata = '[1e131000]'", "tickets_metadata_check"),
    ],
)
async def test_an_invalid_value_is_refused_by_the_check_of_its_column(
    connection: asyncpg.Connection, change: str, constraint: str
) -> None:
    await connection.execute(OTHER_PROGRAM)
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await connection.execute(f"UPDATE tickets SET {change} WHERE id = 'a'")
    assert refusal.value.constraint_name == constraint


async def test_the_largest_values_can_be_stored(connection: asyncpg.Connection) -> None:
    """Also with the text of the largest search vector: short words of four-byte letters."""
    word = "\U00010400-\U00010401 "
    await connection.execute(
        """
        INSERT INTO tickets (
            id, subject, description, category, customer_name, customer_email, customer_phone,
            assigned_to, metadata, created_at, updated_at
        )
        SELECT
            repeat('🙂', 64), left(repeat($1, 500), 500), string_agg(word, ''),
            repeat('🙂', 100), repeat('🙂', 200), left(repeat('a.b@', 254), 254), repeat('🙂', 50),
            repeat('🙂', 200), to_jsonb(repeat('x', $2)),
            '9999-12-31 23:59:59.999999+00', '9999-12-31 23:59:59.999999+00'
        FROM (
            -- Distinct words of two wide letters with a hyphen between.
            SELECT chr(66560 + n / 128) || '-' || chr(66560 + n % 128) || ' ' AS word
            FROM generate_series(0, 16383) AS n
        ) AS words
        """,
        word,
        METADATA_MAX_BYTES - 2,
    )
    lengths = "char_length(description), octet_length(metadata::text), char_length(subject)"
    row = await connection.fetchrow(f"SELECT {lengths} FROM tickets")
    assert row is not None
    assert tuple(row) == (65_536, METADATA_MAX_BYTES, 500)


async def test_only_a_pending_delivery_has_a_next_attempt(
    connection: asyncpg.Connection,
) -> None:
    """Otherwise it would never be attempted, or attempted again."""
    insert = """
        INSERT INTO ops_deliveries (id, ticket_id, payload, state, next_attempt_at)
        VALUES ($1, 't', '{}', $2, $3)
    """
    now = datetime.now(UTC)
    await connection.execute(insert, "a", "pending", now)
    await connection.execute(insert, "b", "delivered", None)
    for state, due in (("pending", None), ("failed", now)):
        with pytest.raises(asyncpg.CheckViolationError):
            async with connection.transaction():
                await connection.execute(insert, "c", state, due)


async def test_a_ticket_has_at_most_one_pending_delivery(
    connection: asyncpg.Connection,
) -> None:
    insert = """
        INSERT INTO ops_deliveries (id, ticket_id, payload, state, next_attempt_at)
        VALUES ($1, $2, '{}', $3, CASE WHEN $3 = 'pending' THEN now() END)
    """
    await connection.execute(insert, "a", "t", "failed")
    await connection.execute(insert, "b", "t", "delivered")
    await connection.execute(insert, "c", "t", "pending")
    await connection.execute(insert, "d", "other", "pending")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(insert, "e", "t", "pending")
