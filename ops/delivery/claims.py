"""Who may make the next attempt of a delivery, and until when.

A claim raises ``attempts`` and sets ``lease_until``; both together are the
fence, by which the outcome is recorded only for who still holds the claim. While
a claim is held the delivery is next due at the end of the lease: then it is
taken over. The database's clock says when that is; a claimant, whose clock may
be another, counts the time from before it asked.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from engine.database.commits import notify_commit
from engine.database.queries import fetch
from engine.database.transactions import add_commit_topic
from engine.sql.tables import instance
from models import OpsDelivery, Ticket
from models.columns import new_id
from ops.delivery.policy import OpsPolicy

__all__ = [
    "DUE",
    "Claim",
    "claim_abandoned",
    "claim_again",
    "claim_due",
    "claim_lost",
    "claim_new",
    "due_in_s",
    "release",
]

# The topic of commits after which a worker has something to do, now or later.
DUE = "deliveries"

# The ticket as OPS gets it: every attempt sends the same, whatever changes meanwhile.
_CLAIM_NEW = """
INSERT INTO ops_deliveries (
    id, ticket_id, payload, state, attempts,
    requested_by, request_id, created_at, next_attempt_at, lease_until
)
SELECT
    $2, id,
    jsonb_build_object(
        'id', id,
        'subject', subject,
        'description', description,
        'status', status,
        'priority', priority,
        'category', category,
        'customer_name', customer_name,
        'customer_email', customer_email,
        'customer_phone', customer_phone,
        'assigned_to', assigned_to,
        'metadata', metadata,
        'created_at', to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'updated_at', to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'version', version
    ),
    'pending', CASE WHEN $6 THEN 1 ELSE 0 END, $3, $4, clock.now,
    CASE WHEN $6 THEN clock.now + $5 ELSE clock.now END, CASE WHEN $6 THEN clock.now + $5 END
FROM tickets, (SELECT clock_timestamp() AS now) AS clock
WHERE id = $1
ON CONFLICT (ticket_id) WHERE state = 'pending' DO NOTHING
RETURNING *
"""

# An attempt that is still under way goes on, and is then the delivery's next outcome.
_CLAIM_AGAIN = """
WITH before AS (
    SELECT id, coalesce(lease_until > clock_timestamp(), false) AS is_under_way
    FROM ops_deliveries
    WHERE id = $1
    FOR UPDATE
), clock AS (
    SELECT clock_timestamp() + $2 AS lease_until
)
UPDATE ops_deliveries AS delivery
SET state = 'pending',
    attempts_forgiven = delivery.attempts,
    attempts = delivery.attempts + CASE WHEN is_under_way THEN 0 ELSE 1 END,
    next_attempt_at = CASE WHEN is_under_way THEN delivery.lease_until ELSE clock.lease_until END,
    lease_until = CASE WHEN is_under_way THEN delivery.lease_until ELSE clock.lease_until END
FROM before, clock
WHERE delivery.id = before.id
  AND delivery.state IN ('failed', 'cancelled')
  AND NOT EXISTS (
      SELECT
      FROM ops_deliveries AS other
      WHERE other.ticket_id = delivery.ticket_id
        AND other.state = 'pending'
  )
RETURNING delivery.*, is_under_way
"""

# now() and not clock_timestamp(), so that the index is not read past what is due. And
# nothing else narrows the inner query: only what is pending has a next attempt, and by
# another condition PostgreSQL would expect few rows, and sort them all, where it has
# no statistics of today. Attempts that were lost are left to the sweep.
# An array and not IN, or PostgreSQL may run the inner query once for each row of the
# outer one, and claim more than the limit.
_CLAIM_DUE = """
UPDATE ops_deliveries
SET attempts = attempts + 1,
    lease_until = clock_timestamp() + $2,
    next_attempt_at = clock_timestamp() + $2
WHERE id = ANY (ARRAY (
    SELECT id
    FROM ops_deliveries
    WHERE next_attempt_at <= now()
    ORDER BY next_attempt_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
))
  AND lease_until IS NULL
RETURNING *
"""

# Not a new attempt: the right to say of the old one that it was lost.
_CLAIM_LOST = """
UPDATE ops_deliveries
SET lease_until = clock_timestamp() + $2,
    next_attempt_at = CASE WHEN state = 'pending' THEN clock_timestamp() + $2 END
WHERE id = $1
  AND lease_until <= clock_timestamp()
RETURNING *
"""

# The same of any delivery, also of one that was cancelled under its attempt.
_CLAIM_ABANDONED = """
UPDATE ops_deliveries
SET lease_until = clock_timestamp() + $2,
    next_attempt_at = CASE WHEN state = 'pending' THEN clock_timestamp() + $2 END
WHERE id = ANY (ARRAY (
    SELECT id
    FROM ops_deliveries
    WHERE lease_until <= now()
    ORDER BY lease_until
    LIMIT $1
    FOR UPDATE SKIP LOCKED
))
RETURNING *
"""

# Those that are due now and were not claimed are held by somebody for the moment.
_DUE_IN = """
SELECT extract(epoch FROM next_attempt_at - clock_timestamp())::float8
FROM ops_deliveries
WHERE next_attempt_at > now()
  AND lease_until IS NULL
ORDER BY next_attempt_at
LIMIT 1
"""

_RELEASE = """
UPDATE ops_deliveries
SET attempts = attempts - 1,
    attempts_forgiven = least(attempts_forgiven, attempts - 1),
    next_attempt_at = CASE WHEN state = 'pending' THEN clock_timestamp() END,
    lease_until = NULL
WHERE id = $1
  AND attempts = $2
  AND lease_until = $3
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make one attempt; ``call_until`` is a time of this process's event loop."""

    delivery: OpsDelivery
    call_until: float

    @property
    def attempt(self) -> int:
        """The attempt's number, from 1."""
        return self.delivery.attempts

    @property
    def lease_until(self) -> datetime | None:
        """The end of the lease, and with the number the fence."""
        lease_until: datetime | None = self.delivery.lease_until
        return lease_until


async def claim_new(
    connection: BaseDBAsyncClient,
    ticket: Ticket,
    policy: OpsPolicy,
    *,
    at_once: bool,
    actor: str | None,
    request_id: str | None,
) -> Claim | None:
    """Make a delivery of a ticket, claimed if it is to be attempted at once and else due.

    None where the ticket has one that is pending.
    """
    call_until = _call_until(policy)
    values = [ticket.id, new_id(), actor, request_id, policy.lease, at_once]
    rows = await connection.execute_query_dict(_CLAIM_NEW, values)
    if not at_once:
        add_commit_topic(connection, DUE)
    return Claim(instance(OpsDelivery, dict(rows[0])), call_until) if rows else None


async def claim_again(
    connection: BaseDBAsyncClient, delivery_id: str, policy: OpsPolicy
) -> tuple[OpsDelivery, Claim | None] | None:
    """Put a failed or cancelled delivery back to pending; None where its state does not allow it.

    The claim is for its next attempt, and missing while an older one is under way.
    """
    call_until = _call_until(policy)
    rows = await connection.execute_query_dict(_CLAIM_AGAIN, [delivery_id, policy.lease])
    if not rows:
        return None
    delivery = instance(OpsDelivery, rows[0])
    return delivery, None if rows[0]["is_under_way"] else Claim(delivery, call_until)


async def claim_due(policy: OpsPolicy, *, limit: int) -> list[Claim]:
    """Claim the next attempts of deliveries that are due, past those that others just claim."""
    return await _claim(_CLAIM_DUE, [limit, policy.lease], policy)


async def claim_abandoned(policy: OpsPolicy, *, limit: int) -> list[Claim]:
    """Take over attempts whose lease ran out with no outcome recorded."""
    return await _claim(_CLAIM_ABANDONED, [limit, policy.lease], policy)


async def claim_lost(delivery_id: str, policy: OpsPolicy) -> Claim | None:
    """Take over an attempt whose lease ran out with no outcome recorded, if there is one."""
    claims = await _claim(_CLAIM_LOST, [delivery_id, policy.lease], policy)
    return claims[0] if claims else None


async def release(claim: Claim) -> None:
    """Give back a claim whose attempt was not made: it does not count."""
    await fetch(_RELEASE, [claim.delivery.id, claim.attempt, claim.lease_until])
    notify_commit((DUE,))


async def due_in_s() -> float | None:
    """Return after how long the next delivery will be due; None where none is put off."""
    rows = await fetch(_DUE_IN, [])
    return rows[0][0] if rows else None


async def _claim(statement: str, values: list[object], policy: OpsPolicy) -> list[Claim]:
    call_until = _call_until(policy)
    rows = await fetch(statement, values)
    return [Claim(instance(OpsDelivery, dict(row)), call_until) for row in rows]


def _call_until(policy: OpsPolicy) -> float:
    return asyncio.get_running_loop().time() + policy.call_window_s
