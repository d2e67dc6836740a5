"""Facts of the database that the metrics of all processes share, in this process."""

import asyncio

import pytest

from app.monitoring.database_metrics import DatabaseFacts
from engine.database.queries import default_client
from tests.feed.readers import connected

WITHIN_S = 60
# One of them is a check of the status, and one is old.
ENTRIES = """
INSERT INTO log_entries (id, ticket_id, action, status, timestamp, response)
SELECT gen_random_uuid()::text, 'a', action, status, clock_timestamp() - age, '{}'
FROM (
    VALUES
        ('send', 'success', interval '0'),
        ('retry', 'success', interval '0'),
        ('send', 'failed', interval '0'),
        ('query', 'failed', interval '0'),
        ('send', 'failed', interval '1 hour')
) AS entry (action, status, age)
"""
MEASURING = """
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%due_first%'
"""


async def test_concurrent_scrapes_share_one_measurement_of_the_database(
    database: None,  # noqa: ARG001  # creates the database
    database_url: str,
) -> None:
    facts = DatabaseFacts()
    async with connected(database_url) as holding, connected(database_url) as observer:
        async with holding.transaction():
            await holding.execute("LOCK TABLE ops_deliveries IN ACCESS EXCLUSIVE MODE")
            scrapes = [asyncio.create_task(facts.current()) for _ in range(50)]
            async with asyncio.timeout(WITHIN_S):
                while not (measuring := await observer.fetchval(MEASURING)):  # no event
                    assert not any(scrape.done() for scrape in scrapes)
                    await asyncio.sleep(0.01)
        first, *others = await asyncio.gather(*scrapes)
    assert measuring == 1
    assert all(other is first for other in others)


async def test_facts_are_absent_if_the_database_does_not_answer(
    database: None,  # noqa: ARG001  # creates the database
    caplog: pytest.LogCaptureFixture,
) -> None:
    connections = default_client()
    await connections.execute_script("ALTER TABLE ops_deliveries RENAME TO renamed")
    try:
        values = await DatabaseFacts().current()
    finally:
        await connections.execute_script("ALTER TABLE renamed RENAME TO ops_deliveries")
    assert values == {"ticketops_database_up": {(): (0,)}}
    # A server of other tests can log too.
    logger = "app.monitoring.database_metrics"
    [record] = [record for record in caplog.records if record.name == logger]
    assert record.message == "deliveries cannot be measured"
    values = await DatabaseFacts().current()
    assert values["ticketops_database_up"] == {(): (1,)}


async def test_recent_attempts_of_all_processes_are_counted_by_their_status(
    database: None,  # noqa: ARG001  # creates the database
) -> None:
    assert (await DatabaseFacts().current())["ticketops_recent_delivery_attempts"] == {
        ("success",): (0,),
        ("failed",): (0,),
    }
    await default_client().execute_script(ENTRIES)
    assert (await DatabaseFacts().current())["ticketops_recent_delivery_attempts"] == {
        ("success",): (2,),
        ("failed",): (1,),
    }
