"""Synchronization of a ticket's ``ops_state`` with the state of its newest delivery."""

from collections.abc import Sequence
from dataclasses import dataclass

from tortoise import BaseDBAsyncClient

from models.columns import new_id

__all__ = ["TICKET_EXISTS", "StateChange", "sync_ops_state", "ticket_exists"]

# Condition on a row of ``ops_deliveries AS delivery``: its ticket was not deleted. An older version
# could give the id of a deleted ticket to another one, to which the delivery does not belong.
TICKET_EXISTS = """
EXISTS (SELECT FROM tickets WHERE tickets.id = delivery.ticket_id)
  AND NOT EXISTS (
      SELECT
      FROM ticket_events AS event
      WHERE event.ticket_id = delivery.ticket_id
        AND event.type = 'deleted'
        AND event.at >= delivery.created_at
  )
"""

_SYNC = """
WITH changed AS (
    SELECT
        ticket.id,
        ticket.ops_state AS old_state,
        delivery.state AS new_state,
        change.event_id, change.actor, change.request_id
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        AS change (delivery_id, event_id, actor, request_id)
    JOIN ops_deliveries AS delivery ON delivery.id = change.delivery_id
    JOIN tickets AS ticket ON ticket.id = delivery.ticket_id
    WHERE ticket.ops_state <> delivery.state
      AND NOT EXISTS (
          SELECT
          FROM ops_deliveries AS newer
          WHERE newer.ticket_id = delivery.ticket_id
            AND (newer.created_at, newer.id) > (delivery.created_at, delivery.id)
      )
    FOR UPDATE OF ticket
), updated AS (
    UPDATE tickets AS ticket
    SET ops_state = changed.new_state, updated_at = clock_timestamp()
    FROM changed
    WHERE ticket.id = changed.id
    RETURNING ticket.id
)
INSERT INTO ticket_events (id, ticket_id, type, actor, request_id, changes)
SELECT
    event_id, changed.id, 'ops_state_changed', actor, request_id,
    jsonb_build_array(
        jsonb_build_object(
            'field', 'opsState', 'before', upper(old_state COLLATE "C"),
            'after', upper(new_state COLLATE "C")
        )
    )
FROM changed JOIN updated USING (id)
RETURNING ticket_events.id
"""

_TICKET_EXISTS = f"SELECT FROM ops_deliveries AS delivery WHERE id = $1 AND {TICKET_EXISTS}"


@dataclass(frozen=True, slots=True)
class StateChange:
    """A delivery whose state has changed, and the request that changed it."""

    delivery_id: str
    actor: str | None
    request_id: str | None


async def sync_ops_state(connection: BaseDBAsyncClient, changes: Sequence[StateChange]) -> None:
    """Set the ``ops_state`` of the tickets of these deliveries, with one event each.

    A ticket that has the state already, or a newer delivery, stays unchanged. Call
    this in the transaction that changed the deliveries and holds the tickets' locks,
    with at most one delivery of a ticket. The tickets' versions do not change, because no
    caller edited the tickets.
    """
    if not changes:
        return
    columns = [
        [change.delivery_id for change in changes],
        [new_id() for _ in changes],
        [change.actor for change in changes],
        [change.request_id for change in changes],
    ]
    await connection.execute_query_dict(_SYNC, columns)


async def ticket_exists(connection: BaseDBAsyncClient, delivery_id: str) -> bool:
    """Return whether the ticket of a delivery was not deleted."""
    count, _ = await connection.execute_query(_TICKET_EXISTS, [delivery_id])
    return count > 0
