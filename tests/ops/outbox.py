"""Fill the outbox, and wait until it is empty."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from models import OpsDelivery, OpsState, Ticket
from models.columns import new_id

__all__ = ["many_due", "none_pending", "until"]


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float = 60) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110  # the condition is in the database
            await asyncio.sleep(0.01)


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
