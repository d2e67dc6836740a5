"""Events are written with their change."""

import pytest
from tortoise.context import TortoiseContext

from models import TicketEvent, TicketEventType
from tests.models.recording import CHANGES, record_event


async def test_an_event_says_who_changed_what_and_when(models_context: TortoiseContext) -> None:
    with models_context:
        await record_event("said", actor="ann")
        event = await TicketEvent.get(ticket_id="said")
    assert (event.type, event.actor, event.request_id) == (TicketEventType.UPDATED, "ann", "r")
    assert event.changes == CHANGES
    assert event.at.tzinfo is not None


async def test_an_event_goes_with_its_transaction(models_context: TortoiseContext) -> None:
    with models_context:
        with pytest.raises(ValueError, match="ann"):
            await record_event("undone", actor="ann", fail=True)
        assert not await TicketEvent.exists(ticket_id="undone")
