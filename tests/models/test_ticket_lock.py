"""The lock of a ticket puts the events of the ticket in the order of their commits."""

import asyncio
import random

import asyncpg
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from engine.database.queries import pool_usage
from models import TicketEvent
from models.ticket_lock import TRY_TICKET_LOCK, lock_ticket, ticket_transaction
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
        slow = asyncio.create_task(record_event("slow", actor="ann", hold_s=600))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(60):
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


async def test_transactions_of_one_process_hold_one_connection_while_they_wait(
    models_context: TortoiseContext,
) -> None:
    with models_context:
        order: list[int] = []

        async def change(number: int) -> None:
            async with ticket_transaction("busy"):
                order.append(number)
                await asyncio.sleep(0.005)

        changes = [asyncio.create_task(change(number)) for number in range(40)]
        while len(order) < len(changes):
            usage = pool_usage()
            assert usage.size - usage.available <= 1
            await asyncio.sleep(0.002)
        await asyncio.gather(*changes)
        assert order == list(range(40))


async def test_a_lock_of_another_process_is_waited_for_without_holding_a_connection(
    models_context: TortoiseContext, database_url: str
) -> None:
    other = await asyncpg.connect(database_url)
    with models_context:
        transaction = other.transaction()
        await transaction.start()
        await other.fetch(f"SELECT {TRY_TICKET_LOCK}", "elsewhere")
        times: list[int] = []

        async def change() -> None:
            async with ticket_transaction("elsewhere") as connection:
                rows = await connection.execute_query_dict(
                    "SELECT txid_current_if_assigned() AS id,"
                    " current_setting('lock_timeout') AS timeout"
                )
                assert rows == [{"id": None, "timeout": "0"}]

        waiting = asyncio.create_task(change())
        for _ in range(200):
            await asyncio.sleep(0.005)
            usage = pool_usage()
            times.append(usage.size - usage.available)
        assert not waiting.done()
        # Sometimes it has a connection, and sometimes none.
        assert set(times) == {0, 1}
        await transaction.rollback()
        async with asyncio.timeout(60):
            await waiting
        await other.close()
