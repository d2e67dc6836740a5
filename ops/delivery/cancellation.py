"""Taking back what was ordered for a ticket that goes away."""

from tortoise.backends.base.client import BaseDBAsyncClient

__all__ = ["cancel_pending"]

_WITHDRAW = """
UPDATE ops_deliveries
SET state = 'cancelled', next_attempt_at = NULL, last_error = 'The ticket was deleted.'
WHERE ticket_id = $1
  AND state = 'pending'
"""


async def cancel_pending(connection: BaseDBAsyncClient, ticket_id: str) -> None:
    """Cancel a ticket's pending delivery, in the transaction that deletes it and has its lock."""
    await connection.execute_query(_WITHDRAW, [ticket_id])
