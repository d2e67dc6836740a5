import re
from typing import Any

import asyncpg
import pytest

from app.database.migrations import migrate
from app.seed import SeedReport, seed
from app.seed.loading import BATCH_SIZE, NotMigrated
from app.seed.story import NEWEST
from tests.conftest import TABLES

COUNT = 300


def silent(done: int, total: int) -> None:
    """Show nothing."""


async def fill(url: str, tickets: int = COUNT, *, number: int = 0) -> SeedReport:
    return await seed(url, tickets=tickets, seed=number, progress=silent)


async def ask(url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(statement, *values)
    await connection.close()
    return [tuple(row) for row in rows]


async def contents(url: str) -> list[tuple[Any, ...]]:
    """Return all rows without their sequence numbers."""
    return await ask(
        url,
        """
        SELECT to_jsonb(t)::text AS row FROM tickets AS t
        UNION ALL SELECT to_jsonb(d)::text FROM ops_deliveries AS d
        UNION ALL
        SELECT (to_jsonb(l) - 'transaction' - 'sequence')::text FROM log_entries AS l
        UNION ALL
        SELECT (to_jsonb(e) - 'transaction' - 'sequence')::text FROM ticket_events AS e
        ORDER BY row
        """,
    )


@pytest.fixture
async def migrated_url(empty_database_url: str) -> str:
    await migrate(empty_database_url)
    return empty_database_url


async def test_it_adds_tickets_with_three_log_entries_each(migrated_url: str) -> None:
    report = await fill(migrated_url)

    assert (report.tickets, report.log_entries, report.existing) == (COUNT, 3 * COUNT, 0)
    assert await ask(migrated_url, "SELECT count(*) FROM tickets") == [(COUNT,)]
    groups = await ask(
        migrated_url,
        "SELECT DISTINCT (SELECT count(*) FROM log_entries WHERE ticket_id = t.id) FROM tickets t",
    )
    assert groups == [(3,)]


async def test_the_same_seed_gives_the_same_data_and_another_seed_other_data(
    migrated_url: str,
) -> None:
    await fill(migrated_url)
    first = await contents(migrated_url)
    await ask(migrated_url, f"TRUNCATE {TABLES}")
    await fill(migrated_url)
    assert await contents(migrated_url) == first

    report = await fill(migrated_url, number=1)
    assert (report.tickets, report.existing) == (COUNT, 0)


async def test_a_second_run_adds_nothing_and_a_larger_number_adds_older_tickets(
    migrated_url: str,
) -> None:
    await fill(migrated_url)
    first = await contents(migrated_url)
    again = await fill(migrated_url)
    assert (again.tickets, again.log_entries, again.existing) == (0, 0, COUNT)
    assert await contents(migrated_url) == first

    ((oldest,),) = await ask(migrated_url, "SELECT min(created_at) FROM tickets")
    more = await fill(migrated_url, COUNT + 20)
    assert (more.tickets, more.existing) == (20, COUNT)
    older = await ask(migrated_url, "SELECT count(*) FROM tickets WHERE created_at < $1", oldest)
    assert older == [(20,)]


async def test_a_deleted_ticket_is_not_added_again(migrated_url: str) -> None:
    await fill(migrated_url, 3)
    await ask(migrated_url, "DELETE FROM tickets")
    report = await fill(migrated_url, 3)
    assert (report.tickets, report.existing) == (0, 3)


async def test_each_ticket_is_consistent_with_its_deliveries_entries_and_events(
    migrated_url: str,
) -> None:
    await fill(migrated_url)
    contradictions = await ask(
        migrated_url,
        """
        SELECT t.id
        FROM tickets AS t
        LEFT JOIN ops_deliveries AS d ON d.ticket_id = t.id
        WHERE t.ops_state <> coalesce(d.state, 'not_sent')
            OR (d.state = 'delivered') <> (d.reference IS NOT NULL AND d.delivered_at IS NOT NULL)
            OR d.state <> 'delivered' AND d.last_error IS NULL
            OR d.attempts <> (
                SELECT max(attempt) FROM log_entries AS l WHERE l.delivery_id = d.id
            )
            OR t.updated_at <> (SELECT max(at) FROM ticket_events AS e WHERE e.ticket_id = t.id)
            OR t.version <> 1 + (
                SELECT count(*)
                FROM ticket_events AS e
                WHERE e.ticket_id = t.id AND e.type = 'updated'
            )
            OR coalesce(upper(t.ops_state), '') <> coalesce((
                SELECT e.changes -> 0 ->> 'after'
                FROM ticket_events AS e
                WHERE e.ticket_id = t.id AND e.type = 'ops_state_changed'
                ORDER BY transaction DESC, sequence DESC
                LIMIT 1
            ), 'NOT_SENT')
            OR upper(t.status) <> coalesce((
                SELECT e.changes -> 0 ->> 'after'
                FROM ticket_events AS e
                WHERE e.ticket_id = t.id AND e.type = 'updated'
            ), 'OPEN')
            OR EXISTS (
                SELECT FROM log_entries AS l WHERE l.ticket_id = t.id AND l.timestamp < t.created_at
            )
        """,
    )
    assert contradictions == []


async def test_events_are_numbered_in_the_order_of_their_times(migrated_url: str) -> None:
    """The events of one ticket, and all creation events across batches."""
    await fill(migrated_url, BATCH_SIZE + 1)
    for where in ("true", "e.type = 'created'"):
        partition = "PARTITION BY ticket_id" if where == "true" else ""
        wrong = await ask(
            migrated_url,
            f"""
            SELECT count(*)
            FROM (
                SELECT at < lag(at) OVER ({partition} ORDER BY transaction, sequence) AS is_wrong
                FROM ticket_events AS e
                WHERE {where}
            ) AS events
            WHERE is_wrong
            """,
        )
        assert wrong == [(0,)]


async def test_batches_that_are_stored_together_keep_the_order_and_the_data(
    migrated_url: str,
) -> None:
    """Of several connections, the one that began first has the lower number."""
    await fill(migrated_url)
    first = await contents(migrated_url)
    await ask(migrated_url, f"TRUNCATE {TABLES}")
    seen: list[tuple[int, int]] = []
    await seed(
        migrated_url,
        tickets=COUNT,
        seed=0,
        progress=lambda *done: seen.append(done),
        batch_size=7,
    )

    assert await contents(migrated_url) == first
    assert seen == [(done, COUNT) for done in (*range(0, COUNT, 7), COUNT)]
    created = await ask(
        migrated_url,
        """
        SELECT at, transaction FROM ticket_events WHERE type = 'created'
        ORDER BY transaction, sequence
        """,
    )
    assert [at for at, _ in created] == sorted(at for at, _ in created)
    assert len({transaction for _, transaction in created}) == len(seen) - 1


async def test_after_an_error_every_ticket_is_complete_and_a_second_run_adds_the_others(
    migrated_url: str,
) -> None:
    await fill(migrated_url)
    complete = await contents(migrated_url)
    # In the middle; its events are in the table that is filled last.
    [(ticket_id,)] = await ask(
        migrated_url, "SELECT id FROM tickets ORDER BY created_at LIMIT 1 OFFSET $1", COUNT // 2
    )
    await ask(migrated_url, f"TRUNCATE {TABLES}")
    constraint = f"ADD CONSTRAINT refused CHECK (ticket_id <> '{ticket_id}')"
    await ask(migrated_url, f"ALTER TABLE ticket_events {constraint}")

    with pytest.raises(asyncpg.CheckViolationError):
        await seed(migrated_url, tickets=COUNT, seed=0, progress=silent, batch_size=7)

    stored = await contents(migrated_url)
    assert stored
    assert set(stored) < set(complete)
    incomplete = await ask(
        migrated_url,
        """
        SELECT id FROM tickets
        WHERE NOT EXISTS (SELECT FROM ticket_events WHERE ticket_id = tickets.id)
            OR (SELECT count(*) FROM log_entries WHERE ticket_id = tickets.id) <> 3
        """,
    )
    assert incomplete == []
    await ask(migrated_url, "ALTER TABLE ticket_events DROP CONSTRAINT refused")
    report = await fill(migrated_url)
    assert 0 < report.existing < COUNT
    assert await contents(migrated_url) == complete


async def test_the_data_is_varied_and_in_the_past(migrated_url: str) -> None:
    await fill(migrated_url)
    for column, least in {
        "status": 5,
        "priority": 3,
        "category": 8,
        "ops_state": 4,
        "assigned_to": 12,
        "subject": 150,
        "description": 200,
        "customer_name": 150,
        "jsonb_typeof(metadata)": 1,
        "metadata ->> 'source'": 4,
    }.items():
        ((count,),) = await ask(migrated_url, f"SELECT count(DISTINCT {column}) FROM tickets")
        assert count >= least, column
    ((newest, oldest),) = await ask(
        migrated_url, "SELECT max(created_at), min(created_at) FROM tickets"
    )
    assert newest <= NEWEST
    assert (newest - oldest).days > 7


async def test_all_customers_are_fictional(migrated_url: str) -> None:
    await fill(migrated_url)
    customers = await ask(migrated_url, "SELECT customer_email, customer_phone FROM tickets")
    for email, phone in customers:
        assert re.fullmatch(r"[a-z.-]+@example\.(com|org|net)", email), email
        if phone is not None:
            assert re.fullmatch(r"\+1 \d{3} 555 01\d\d|\+44 20 7946 0\d{3}", phone), phone


async def test_progress_is_reported_from_zero_to_the_total(migrated_url: str) -> None:
    seen: list[tuple[int, int]] = []
    total = 2 * BATCH_SIZE + 1
    await seed(migrated_url, tickets=total, seed=0, progress=lambda *done: seen.append(done))
    assert seen == [(0, total), (BATCH_SIZE, total), (2 * BATCH_SIZE, total), (total, total)]


async def test_a_database_that_is_not_migrated_is_rejected(empty_database_url: str) -> None:
    with pytest.raises(NotMigrated):
        await fill(empty_database_url)
