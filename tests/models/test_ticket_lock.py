"""The lock of a ticket puts the events of the ticket in the order of their commits."""

import asyncio
import random

import asyncpg
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from models import TicketEvent
from models.ticket_lock import lock_ticket
from tests.models.recording import record_event


async def test_events_of_one_ticket_are_ordered_by_commit(
    models_context: TortoiseContext, database_url: str
) -> None:
    """Ten writers hold the lock for different times; a reader polls for their commits."""
    seen: list[str] = []
    reader = await asyncpg.connect(database_url)
    with models_context:

        async def writer(name: str) -> None:
            await record_event("ordered", actor=name, hold_s=random.uniform(0, 0.02))  # noqa: S311

        tasks = [asyncio.create_task(writer(str(number))) for number in range(10)]
        while len(seen) < len(tasks):
            rows = await reader.fetch(
                "SELECT actor FROM ticket_events WHERE ticket_id = 'ordered' "
                "ORDER BY transaction, sequence"
            )
            # Events seen earlier stay at the beginning: no event appears before them.
            actors = [row["actor"] for row in rows]
            assert actors[: len(seen)] == seen
            seen = actors
        await asyncio.gather(*tasks)
    await reader.close()


async def test_locks_of_different_tickets_are_independent(models_context: TortoiseContext) -> None:
    with models_context:
        slow = asyncio.create_task(record_event("slow", actor="ann", hold_s=30))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            await record_event("quick", actor="bob")
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        assert not await TicketEvent.exists(ticket_id="slow")


async def test_the_lock_is_taken_before_the_transaction_has_a_number(
    models_context: TortoiseContext,
) -> None:
    """Otherwise a writer with a lower number could commit after one with a higher number."""
    with models_context:
        async with in_transaction() as connection:
            await lock_ticket(connection, "numberless")
            rows = await connection.execute_query_dict("SELECT txid_current_if_assigned() AS id")
            assert rows == [{"id": None}]
