"""A ticket's ops_state: always the state of the ticket's newest delivery."""

from tortoise.backends.base.client import BaseDBAsyncClient

from models import OpsDelivery, OpsState, TicketEventType
from models.ticket_event import record_event

__all__ = ["follow"]

_FOLLOW = """
WITH before AS (
    SELECT id, ops_state
    FROM tickets
    WHERE id = $1
    FOR UPDATE
)
UPDATE tickets
SET ops_state = $2, updated_at = clock_timestamp()
FROM before
WHERE tickets.id = before.id
  AND before.ops_state <> $2
  AND NOT EXISTS (
      SELECT
      FROM ops_deliveries AS newer
      WHERE newer.ticket_id = $1
        AND (newer.created_at, newer.id) > ($3, $4)
  )
RETURNING before.ops_state AS before
"""


async def follow(
    connection: BaseDBAsyncClient,
    delivery: OpsDelivery,
    *,
    actor: str | None,
    request_id: str | None,
) -> None:
    """Bring the ticket to the state of this delivery, with an event, unless it has a newer one.

    In the transaction that changed the delivery, which holds the ticket's lock.
    The ticket's version stays: no caller has changed what callers may change.
    """
    rows = await connection.execute_query_dict(
        _FOLLOW, [delivery.ticket_id, delivery.state.value, delivery.created_at, delivery.id]
    )
    for row in rows:
        before = OpsState(row["before"])
        await record_event(
            connection,
            ticket_id=delivery.ticket_id,
            type=TicketEventType.OPS_STATE_CHANGED,
            changes=[
                {"field": "opsState", "before": before.name, "after": delivery.state.name},
            ],
            actor=actor,
            request_id=request_id,
        )
