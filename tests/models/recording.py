"""Write ticket events as a resolver does: in a transaction that holds the ticket's lock."""

import asyncio

from tortoise.transactions import in_transaction

from models import TicketEvent, TicketEventType
from models.ticket_lock import lock_ticket

__all__ = ["CHANGES", "record_event"]

CHANGES = '[{"after": {"n": 1.50}, "field": "metadata", "before": null}]'


async def record_event(
    ticket_id: str, *, actor: str, hold_s: float = 0.0, fail: bool = False
) -> None:
    """Record an event, keep its transaction open for ``hold_s``, then commit it or fail."""
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
