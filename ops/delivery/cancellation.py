"""Cancellation of pending deliveries, in a transaction that holds the ticket's lock."""

from tortoise import BaseDBAsyncClient

from engine.sql.tables import instance
from models import OpsDelivery

__all__ = ["cancel_delivery", "cancel_pending"]

_CANCEL_DELIVERY = """
UPDATE ops_deliveries
SET state = 'cancelled', next_attempt_at = NULL
WHERE id = $1
  AND state = 'pending'
RETURNING *
"""

_CANCEL_PENDING = """
UPDATE ops_deliveries
SET state = 'cancelled', next_attempt_at = NULL, last_error = 'The ticket was deleted.'
WHERE ticket_id = $1
  AND state = 'pending'
"""


async def cancel_delivery(connection: BaseDBAsyncClient, delivery_id: str) -> OpsDelivery | None:
    """Cancel a delivery and return it; None if it is not pending."""
    rows = await connection.execute_query_dict(_CANCEL_DELIVERY, [delivery_id])
    return instance(OpsDelivery, rows[0]) if rows else None


async def cancel_pending(connection: BaseDBAsyncClient, ticket_id: str) -> None:
    """Cancel the pending delivery of a ticket in the transaction that deletes the ticket."""
    await connection.execute_query(_CANCEL_PENDING, [ticket_id])
