"""Fill the outbox, and wait until it is empty."""

from datetime import UTC, datetime

from models import OpsDelivery, OpsState, Ticket
from models.columns import new_id

__all__ = ["many_due", "none_pending"]


async def none_pending() -> bool:
    return not await OpsDelivery.filter(state=OpsState.PENDING).exists()


async def many_due(count: int, *, attempts: int = 0) -> list[str]:
    """Create tickets, each with a due delivery, and return the ids of the deliveries.

    They are due later than those of an earlier call.
    """
    tickets = [
        Ticket(id=new_id(), subject="s", description="d", customer_name="n", customer_email="a@b.c")
        for _ in range(count)
    ]
    await Ticket.bulk_create(tickets)
    deliveries = [
        OpsDelivery(
            ticket_id=ticket.id,
            payload="{}",
            attempts=attempts,
            next_attempt_at=datetime.now(UTC),
        )
        for ticket in tickets
    ]
    await OpsDelivery.bulk_create(deliveries)
    return [delivery.id for delivery in deliveries]
