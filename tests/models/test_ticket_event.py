"""Events are written with their change, and ordered by its commit."""

import asyncio
import random

import asyncpg
import pytest
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from models import TicketEvent, TicketEventType
from models.ticket_event import lock_ticket

CHANGES = '[{"after": {"n": 1.50}, "field": "metadata", "before": null}]'


async def record(ticket_id: str, *, actor: str, hold_s: float = 0.0, fail: bool = False) -> None:
    async with in_transaction() as connection:
        await lock_ticket(connection, ticket_id)
        await TicketEvent.create(
            using_db=connection,
            ticket_id=ticket_id,
            type=TicketEventType.UPDATED,
            changes=CHANGES,
            actor=actor,
            request_id="r",
        )
        await asyncio.sleep(hold_s)
        if fail:
            raise ValueError(actor)


async def test_an_event_says_who_changed_what_and_when(models_context: TortoiseContext) -> None:
    with models_context:
        await record("said", actor="ann")
        event = await TicketEvent.get(ticket_id="said")
    assert (event.type, event.actor, event.request_id) == (TicketEventType.UPDATED, "ann", "r")
    assert event.changes == CHANGES
    assert event.at.tzinfo is not None


async def test_an_event_goes_with_its_transaction(models_context: TortoiseContext) -> None:
    with models_context:
        with pytest.raises(ValueError, match="ann"):
            await record("undone", actor="ann", fail=True)
        assert not await TicketEvent.exists(ticket_id="undone")


async def test_events_of_one_ticket_are_ordered_by_commit(
    models_context: TortoiseContext, database_url: str
) -> None:
    """Ten writers of different haste; each commit is seen from outside the moment it is done."""
    seen: list[str] = []
    reader = await asyncpg.connect(database_url)
    with models_context:

        async def writer(name: str) -> None:
            await record("ordered", actor=name, hold_s=random.uniform(0, 0.02))  # noqa: S311

        tasks = [asyncio.create_task(writer(str(number))) for number in range(10)]
        while len(seen) < len(tasks):
            rows = await reader.fetch(
                "SELECT actor FROM ticket_events WHERE ticket_id = 'ordered' "
                "ORDER BY transaction, sequence"
            )
            # What was seen stays the beginning of what is seen next.
            actors = [row["actor"] for row in rows]
            assert actors[: len(seen)] == seen
            seen = actors
        await asyncio.gather(*tasks)
    await reader.close()


async def test_tickets_do_not_wait_for_each_other(models_context: TortoiseContext) -> None:
    with models_context:
        slow = asyncio.create_task(record("slow", actor="ann", hold_s=30))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            await record("quick", actor="bob")
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        assert not await TicketEvent.exists(ticket_id="slow")


async def test_the_lock_is_taken_before_the_transaction_has_a_number(
    models_context: TortoiseContext,
) -> None:
    """Else a writer that began first could commit last, and its event be overtaken."""
    with models_context:
        async with in_transaction() as connection:
            await lock_ticket(connection, "numberless")
            rows = await connection.execute_query_dict("SELECT txid_current_if_assigned() AS id")
            assert rows == [{"id": None}]
