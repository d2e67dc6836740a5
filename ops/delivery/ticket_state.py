"""A ticket's ops_state: always the state of the ticket's newest delivery."""

from collections.abc import Sequence
from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from models.columns import new_id

__all__ = ["Change", "follow"]

_FOLLOW = """
WITH before AS (
    SELECT ticket.id, ticket.ops_state, delivery.state, given.event_id, actor, given.request_id
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        AS given (delivery_id, event_id, actor, request_id)
    JOIN ops_deliveries AS delivery ON delivery.id = given.delivery_id
    JOIN tickets AS ticket ON ticket.id = delivery.ticket_id
    WHERE ticket.ops_state <> delivery.state
      AND NOT EXISTS (
          SELECT
          FROM ops_deliveries AS newer
          WHERE newer.ticket_id = delivery.ticket_id
            AND (newer.created_at, newer.id) > (delivery.created_at, delivery.id)
      )
    FOR UPDATE OF ticket
), ticket AS (
    UPDATE tickets AS ticket
    SET ops_state = before.state, updated_at = clock_timestamp()
    FROM before
    WHERE ticket.id = before.id
)
INSERT INTO ticket_events (id, ticket_id, type, actor, request_id, changes)
SELECT
    event_id, id, 'ops_state_changed', actor, request_id,
    jsonb_build_array(
        jsonb_build_object('field', 'opsState', 'before', upper(ops_state), 'after', upper(state))
    )
FROM before
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Change:
    """A delivery whose state was changed, and by whom."""

    delivery_id: str
    actor: str | None
    request_id: str | None


async def follow(connection: BaseDBAsyncClient, changes: Sequence[Change]) -> None:
    """Bring tickets to the state of their changed deliveries, with an event each.

    But not where the ticket is there already, or has a newer delivery. In the
    transaction that changed the deliveries, which holds the tickets' locks; one
    delivery a ticket. The tickets' versions stay: no caller has changed what
    callers may change.
    """
    if not changes:
        return
    columns = [
        [change.delivery_id for change in changes],
        [new_id() for _ in changes],
        [change.actor for change in changes],
        [change.request_id for change in changes],
    ]
    await connection.execute_query_dict(_FOLLOW, columns)
