"""Orders and filters use indexes, with the expressions of the models."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from app.database.migrations import migrate
from models import TicketPriority, TicketStatus
from models.ticket import rank
from ops.delivery.due_claims import _CLAIM_DUE, _CLAIM_IN_ORDER
from tests.conftest import empty_database


@pytest.fixture(scope="module")
async def unused_database_url() -> AsyncIterator[str]:
    """Create a database without statistics, which would influence the plans."""
    async with empty_database() as url:
        await migrate(url)
        yield url


@pytest.fixture
async def connection(unused_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect in a transaction that is rolled back at the end."""
    connection = await asyncpg.connect(unused_database_url)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def plan(connection: asyncpg.Connection, statement: str) -> str:
    """Return the plan of a statement, with sequential scans disabled."""
    await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    return "\n".join(row[0] for row in await connection.fetch("EXPLAIN " + statement))


@pytest.mark.parametrize(
    ("order", "index"),
    [
        ("created_at", "tickets_by_created_at"),
        ("updated_at", "tickets_by_updated_at"),
        ("subject", "tickets_by_subject"),
        (rank("status", TicketStatus), "tickets_by_status"),
        (rank("priority", TicketPriority), "tickets_by_priority"),
    ],
)
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_a_page_in_each_order_is_a_range_of_an_index(
    connection: asyncpg.Connection, order: str, index: str, direction: str
) -> None:
    first = await plan(
        connection,
        f"SELECT * FROM tickets ORDER BY {order} {direction}, id {direction} LIMIT 20",
    )
    assert index in first
    assert "Sort" not in first
    cursor = {"created_at": "now()", "updated_at": "now()", "subject": "'x'"}.get(order, "2")
    operator = ">" if direction == "ASC" else "<"
    beyond = await plan(
        connection,
        f"SELECT * FROM tickets WHERE ({order}, id) {operator} ({cursor}, 'x') "
        f"ORDER BY {order} {direction}, id {direction} LIMIT 20",
    )
    assert index in beyond
    assert "Index Cond: (ROW(" in beyond


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (
            "SELECT FROM tickets WHERE search @@ ticket_search_query('x')",
            "tickets_search",
        ),
        ("""SELECT * FROM tickets WHERE metadata @> '{"a": 1}'""", "tickets_metadata"),
        (
            "SELECT * FROM tickets WHERE status = 'open' ORDER BY created_at DESC, id DESC",
            "tickets_of_status",
        ),
        (
            "SELECT * FROM tickets WHERE assigned_to = 'x' ORDER BY created_at DESC, id DESC",
            "tickets_of_assignee",
        ),
        (
            "SELECT * FROM tickets WHERE customer_email = 'x' ORDER BY created_at DESC, id DESC",
            "tickets_of_customer",
        ),
        (
            "SELECT * FROM log_entries WHERE ticket_id = 'x' ORDER BY timestamp DESC, id DESC",
            "log_entries_of_ticket",
        ),
        (
            "SELECT * FROM log_entries WHERE delivery_id = 'x' ORDER BY timestamp DESC, id DESC",
            "log_entries_of_delivery",
        ),
        (
            "SELECT * FROM log_entries ORDER BY timestamp DESC, id DESC LIMIT 20",
            "log_entries_by_timestamp",
        ),
        (
            "SELECT * FROM ops_deliveries WHERE ticket_id = 'x' ORDER BY created_at DESC, id DESC",
            "ops_deliveries_of_ticket",
        ),
        (
            "SELECT * FROM ops_deliveries ORDER BY created_at DESC, id DESC LIMIT 20",
            "ops_deliveries_by_created_at",
        ),
        (
            "SELECT * FROM ops_deliveries WHERE next_attempt_at < now() ORDER BY next_attempt_at",
            "ops_deliveries_due",
        ),
        ("SELECT count(*) FROM ops_deliveries WHERE state = 'failed'", "ops_deliveries_failed"),
        (
            """
            SELECT * FROM ticket_events WHERE (transaction, sequence) > (1, 1)
            ORDER BY transaction, sequence LIMIT 20
            """,
            "ticket_events_in_order",
        ),
        (
            """
            SELECT * FROM ticket_events WHERE ticket_id = 'x'
            ORDER BY transaction DESC, sequence DESC LIMIT 20
            """,
            "ticket_events_of_ticket",
        ),
    ],
)
async def test_every_filter_has_an_index(
    connection: asyncpg.Connection, statement: str, index: str
) -> None:
    chosen = await plan(connection, statement)
    assert index in chosen
    assert "Sort" not in chosen


async def test_due_deliveries_are_not_sorted_with_outdated_statistics(
    connection: asyncpg.Connection,
) -> None:
    """Many come to wait when OPS is down: then the statistics are of a time when none did."""
    insert = """
    INSERT INTO ops_deliveries (id, ticket_id, payload, next_attempt_at, state)
    SELECT number, number, '{}', CASE WHEN $1 = 'pending' THEN now() END, $1
    FROM generate_series($2::integer, $3::integer) AS number
    """
    await connection.execute(insert, "delivered", 1, 5000)
    await connection.execute("ANALYZE ops_deliveries")
    await connection.execute(insert, "pending", 5001, 20_000)
    lease = timedelta(seconds=5)
    for statement, values in ((_CLAIM_IN_ORDER, (32, lease)), (_CLAIM_DUE, (16, lease, 16))):
        rows = await connection.fetch(f"EXPLAIN {statement}", *values)
        chosen = "\n".join(row[0] for row in rows)
        assert "ops_deliveries_due" in chosen
        assert "Sort" not in chosen


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("alice", 1),
        ("alice.smith@example.com", 1),
        ("alice.smith", 1),
        ("smith", 1),
        ("example.com", 1),
        ("example", 1),
        ("Miller", 1),
        ("printers", 1),
        ("burning", 1),
        ('"printer on fire"', 1),
        ("printer -fire", 0),
        ("printer or scanner", 1),
        ("0100", 1),
        ("hardware", 0),
        ("bob", 0),
    ],
)
async def test_a_search_covers_subject_description_and_customer(
    connection: asyncpg.Connection, text: str, count: int
) -> None:
    await connection.execute(
        """
        INSERT INTO tickets (
            id, subject, description, category, customer_name, customer_email, customer_phone
        )
        VALUES (
            'a', 'Printer on fire', 'It burns', 'hardware', 'Alice Miller',
            'alice.smith@example.com', '+1 212 555 0100'
        )
        """
    )
    statement = "SELECT count(*) FROM tickets WHERE search @@ ticket_search_query($1)"
    assert await connection.fetchval(statement, text) == count
