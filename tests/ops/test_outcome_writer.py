"""Outcomes are recorded in batches, and do not delay or fail each other."""

import asyncio

import pytest
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from engine.database.queries import fetch
from models import LogEntry, OpsDelivery, OpsState
from models.columns import new_id
from models.ticket_lock import lock_ticket
from ops import OpsPolicy
from ops.delivery.claims import Claim
from ops.delivery.due_claims import claim_due
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


async def test_many_outcomes_need_few_transactions() -> None:
    writer = OutcomeWriter()
    outcomes = [outcome_of(claim) for claim in await claims(200)]
    await asyncio.gather(*map(writer.record, outcomes))
    assert await delivered() == 200
    # Count by these rows, because other tests write in the same cluster.
    [[transactions, entries]] = await fetch(
        "SELECT count(DISTINCT xmin::text), count(*) FROM log_entries", []
    )
    assert entries == 200
    assert transactions < 20


async def test_an_outcome_is_recorded_once_for_repeated_calls() -> None:
    writer = OutcomeWriter()
    [claim] = await claims(1)
    outcome = outcome_of(claim)
    for _ in range(3):
        await writer.record(outcome)
    await asyncio.gather(*(writer.record(outcome) for _ in range(3)))
    assert await LogEntry.filter(delivery_id=claim.delivery.id).count() == 1
    assert await delivered() == 1


async def test_a_locked_ticket_does_not_delay_other_outcomes() -> None:
    writer = OutcomeWriter()
    first, *others = [outcome_of(claim) for claim in await claims(10)]
    async with in_transaction() as connection:
        await lock_ticket(connection, first.ticket_id)
        waiting = asyncio.create_task(writer.record(first))
        await asyncio.gather(*map(writer.record, others))
        assert not waiting.done()
    await waiting
    assert await delivered() == 10


async def test_an_outcome_that_cannot_be_recorded_does_not_affect_others() -> None:
    writer = OutcomeWriter()
    first, *others = await claims(10)
    outcomes = [outcome_of(first, actor="x" * 1_000), *map(outcome_of, others)]
    results = await asyncio.gather(*map(writer.record, outcomes), return_exceptions=True)
    assert isinstance(results[0], IntegrityError)
    assert results[1:] == [None] * 9
    assert await delivered() == 9


async def test_an_outcome_is_recorded_after_its_caller_is_cancelled() -> None:
    writer = OutcomeWriter()
    [claim] = await claims(1)
    waiting = asyncio.create_task(writer.record(outcome_of(claim)))
    await asyncio.sleep(0)
    waiting.cancel()
    await writer.drain()
    assert await delivered() == 1


async def test_outcomes_wait_while_the_database_is_unavailable(database_url: str) -> None:
    writer = OutcomeWriter()
    outcomes = [outcome_of(claim) for claim in await claims(50)]
    recording = asyncio.gather(*map(writer.record, outcomes))
    for _ in range(5):
        await cut_connections(database_url)
        await asyncio.sleep(0.02)
    await recording
    assert await delivered() == 50
    assert await LogEntry.all().count() == 50


async def test_outcomes_are_recorded_outside_the_transaction_of_the_caller() -> None:
    """Otherwise the outcome would be rolled back with the caller's transaction."""
    writer = OutcomeWriter()
    [claim] = await claims(1)
    async with in_transaction() as connection:
        await writer.record(outcome_of(claim))
        await connection.rollback()
    assert await delivered() == 1
