"""Outcomes that come together are recorded together, and none is hindered by another."""

import asyncio

import pytest
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from engine.database.queries import fetch
from models import LogEntry, OpsDelivery, OpsState
from models.columns import new_id
from models.ticket_lock import lock_ticket
from ops import OpsPolicy
from ops.delivery.claims import Claim, claim_due
from ops.delivery.outcome import Outcome
from ops.delivery.outcome_writer import OutcomeWriter
from tests.ops.delivery_requests import cut_connections
from tests.ops.outbox import many_due
from tests.ops.scripted_ops import accepted

pytestmark = pytest.mark.usefixtures("database")


async def claims(count: int) -> list[Claim]:
    await many_due(count)
    return await claim_due(OpsPolicy(), limit=count)


def outcome_of(claim: Claim, *, actor: str | None = None, reference: str = "R-1") -> Outcome:
    return Outcome(new_id(), claim, accepted(reference), 1, None, actor, None)


async def delivered() -> int:
    return await OpsDelivery.filter(state=OpsState.DELIVERED).count()


async def test_many_outcomes_cost_few_transactions() -> None:
    recorder = OutcomeWriter()
    outcomes = [outcome_of(claim) for claim in await claims(200)]
    await asyncio.gather(*map(recorder.record, outcomes))
    assert await delivered() == 200
    # Of these rows alone: other tests write in the same cluster.
    [[transactions, entries]] = await fetch(
        "SELECT count(DISTINCT xmin::text), count(*) FROM log_entries", []
    )
    assert entries == 200
    assert transactions < 20


async def test_an_outcome_is_recorded_once_however_often_it_is_told() -> None:
    recorder = OutcomeWriter()
    [claim] = await claims(1)
    outcome = outcome_of(claim)
    for _ in range(3):
        await recorder.record(outcome)
    await asyncio.gather(*(recorder.record(outcome) for _ in range(3)))
    assert await LogEntry.filter(delivery_id=claim.delivery.id).count() == 1
    assert await delivered() == 1


async def test_a_ticket_that_is_locked_keeps_no_other_waiting() -> None:
    recorder = OutcomeWriter()
    first, *others = [outcome_of(claim) for claim in await claims(10)]
    async with in_transaction() as connection:
        await lock_ticket(connection, first.ticket_id)
        waiting = asyncio.create_task(recorder.record(first))
        await asyncio.gather(*map(recorder.record, others))
        assert not waiting.done()
    await waiting
    assert await delivered() == 10


async def test_one_that_cannot_be_recorded_hinders_no_other() -> None:
    recorder = OutcomeWriter()
    first, *others = await claims(10)
    outcomes = [outcome_of(first, actor="x" * 1_000), *map(outcome_of, others)]
    results = await asyncio.gather(*map(recorder.record, outcomes), return_exceptions=True)
    assert isinstance(results[0], IntegrityError)
    assert results[1:] == [None] * 9
    assert await delivered() == 9


async def test_who_waits_may_leave_and_the_outcome_is_recorded_all_the_same() -> None:
    recorder = OutcomeWriter()
    [claim] = await claims(1)
    waiting = asyncio.create_task(recorder.record(outcome_of(claim)))
    await asyncio.sleep(0)
    waiting.cancel()
    await recorder.drain()
    assert await delivered() == 1


async def test_outcomes_wait_for_a_database_that_is_away(database_url: str) -> None:
    recorder = OutcomeWriter()
    outcomes = [outcome_of(claim) for claim in await claims(50)]
    recording = asyncio.gather(*map(recorder.record, outcomes))
    for _ in range(5):
        await cut_connections(database_url)
        await asyncio.sleep(0.02)
    await recording
    assert await delivered() == 50
    assert await LogEntry.all().count() == 50


async def test_it_records_outside_of_a_transaction_of_who_asks() -> None:
    """Else the outcome would be rolled back with what is not its own."""
    recorder = OutcomeWriter()
    [claim] = await claims(1)
    async with in_transaction() as connection:
        await recorder.record(outcome_of(claim))
        await connection.rollback()
    assert await delivered() == 1
