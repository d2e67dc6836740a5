"""Status checks: the response of OPS is logged and stored."""

import pytest

from models import LogAction, LogEntry, LogStatus, OpsRemoteStatus
from models.columns import new_id
from ops import (
    FailureKind,
    NotSent,
    OpsFailure,
    StatusReport,
)
from tests.ops.delivery_requests import CALLER, create_ticket, deliveries_to, send
from tests.ops.scripted_ops import ScriptedOps, accepted, failed

pytestmark = pytest.mark.usefixtures("database")


async def test_the_status_is_logged_and_stored_in_the_delivery() -> None:
    report = StatusReport("R-1", OpsRemoteStatus.COMPLETED, {"status": "completed"})
    deliveries, ticket = deliveries_to(ScriptedOps([accepted(), report])), await create_ticket()
    await send(deliveries, ticket)
    check = await deliveries.check(ticket.id, actor="carol", request_id="request-2")

    assert (check.reference, check.result) == ("R-1", report)
    assert check.delivery.remote_status is OpsRemoteStatus.COMPLETED
    entry = check.log_entry
    assert (entry.action, entry.status) == (LogAction.QUERY, LogStatus.SUCCESS)
    assert (entry.attempt, entry.actor, entry.request_id) == (None, "carol", "request-2")
    assert entry.delivery_id == check.delivery.id


async def test_a_failed_status_check_is_logged() -> None:
    deliveries = deliveries_to(ScriptedOps([accepted(), failed(FailureKind.TIMEOUT)]))
    ticket = await create_ticket()
    await send(deliveries, ticket)
    check = await deliveries.check(ticket.id, **CALLER)
    assert isinstance(check.result, OpsFailure)
    assert check.result.kind is FailureKind.TIMEOUT
    assert check.log_entry.status is LogStatus.FAILED
    assert check.delivery.remote_status is OpsRemoteStatus.RECEIVED


@pytest.mark.parametrize("answer", [None, failed(), failed(FailureKind.REJECTED)])
async def test_a_ticket_that_ops_has_not_accepted_has_no_status(answer: Exception | None) -> None:
    deliveries, ticket = (
        deliveries_to(ScriptedOps([answer] if answer else [])),
        await create_ticket(),
    )
    if answer is not None:
        await send(deliveries, ticket)
    with pytest.raises(NotSent):
        await deliveries.check(ticket.id, **CALLER)
    assert await LogEntry.filter(ticket_id=ticket.id, action=LogAction.QUERY).count() == 0


async def test_the_status_is_that_of_the_newest_accepted_delivery() -> None:
    report = StatusReport("R-2", OpsRemoteStatus.COMPLETED, None)
    ops = ScriptedOps([accepted("R-1"), accepted("R-2"), failed(), report])
    deliveries, ticket = deliveries_to(ops), await create_ticket()
    for _ in range(3):
        await send(deliveries, ticket)
    assert (await deliveries.check(ticket.id, **CALLER)).reference == "R-2"


async def test_an_unknown_ticket_has_no_status() -> None:
    with pytest.raises(NotSent):
        await deliveries_to(ScriptedOps()).check(new_id(), **CALLER)
