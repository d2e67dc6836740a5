"""Claims: the right to make the next attempt of a delivery, for the time of a lease.

A claim increments ``attempts`` and sets ``lease_until``. Both together are the fence: an
outcome changes the delivery only while both are unchanged. While a claim is held,
``next_attempt_at`` is the end of the lease, when another process may take over. Leases are
measured by the database's clock. The process that makes a claim measures its deadline by its
own clock, from before it sent the statement, so clock differences are harmless.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from tortoise import BaseDBAsyncClient, fields

from engine.database.commits import notify_commit
from engine.database.queries import fetch, write
from engine.database.time_limit import background_time_limit
from engine.database.transactions import add_commit_topic
from engine.sql.tables import instance
from models import OpsDelivery, Ticket
from models.columns import new_id
from models.ticket import TICKET_COLUMNS, TICKET_FIELDS
from ops.delivery.policy import OpsPolicy
from ops.delivery.ticket_state import TICKET_EXISTS

__all__ = [
    "DELIVERIES_DUE",
    "Claim",
    "claim_abandoned",
    "claim_abandoned_attempt",
    "claim_new",
    "claim_retry",
    "claimed",
    "next_attempt_in_s",
    "release",
]

# Topic of the commits that make a delivery due, now or later.
DELIVERIES_DUE = "deliveries"


_NEXT_ATTEMPT_IN = """
SELECT max(greatest(extract(epoch FROM next_attempt_at - clock_timestamp()), 0))::float8 AS seconds
FROM ops_deliveries
WHERE id = $1
"""


def _payload_value(name: str) -> str:
    if isinstance(TICKET_COLUMNS[name], fields.DatetimeField):
        return f"""to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    return name


# The ticket as OPS receives it: the arguments of jsonb_build_object.
_PAYLOAD = ", ".join(
    f"'{name}', {_payload_value(name)}"
    for name, field in TICKET_FIELDS.items()
    if field.is_sent_to_ops
)
# $6: whether to claim the delivery at once. Otherwise it is due, and a worker claims it.
# $7: the id if the second parameter, which a caller's key determines, is that of an older delivery.
# The payload is the ticket at this time: every attempt sends the same, even if the ticket changes.
_CLAIM_NEW = f"""
INSERT INTO ops_deliveries (
    id, ticket_id, payload, state, attempts,
    requested_by, request_id, created_at, next_attempt_at, lease_until
)
SELECT
    CASE WHEN EXISTS (SELECT FROM ops_deliveries WHERE id = $2) THEN $7 ELSE $2 END, id,
    jsonb_build_object({_PAYLOAD}),
    'pending', CASE WHEN $6 THEN 1 ELSE 0 END,
    $3, $4, clock.now,
    CASE WHEN $6 THEN clock.now + $5 ELSE clock.now END,
    CASE WHEN $6 THEN clock.now + $5 END
FROM tickets, (SELECT clock_timestamp() AS now) AS clock
WHERE id = $1
ON CONFLICT (ticket_id) WHERE state = 'pending' DO NOTHING
RETURNING *
"""  # noqa: S608  # the names of columns; values are parameters

# If the delivery was cancelled during an attempt that still runs, that is its next attempt.
_CLAIM_RETRY = f"""
WITH before AS (
    SELECT id, coalesce(lease_until > clock_timestamp(), false) AS is_running
    FROM ops_deliveries
    WHERE id = $1
    FOR UPDATE
), clock AS (
    SELECT clock_timestamp() + $2 AS lease_until
)
UPDATE ops_deliveries AS delivery
SET state = 'pending',
    attempts_forgiven = delivery.attempts,
    attempts = delivery.attempts + CASE WHEN is_running THEN 0 ELSE 1 END,
    next_attempt_at = CASE WHEN is_running THEN delivery.lease_until ELSE clock.lease_until END,
    lease_until = CASE WHEN is_running THEN delivery.lease_until ELSE clock.lease_until END
FROM before, clock
WHERE delivery.id = before.id
  AND delivery.state IN ('failed', 'cancelled')
  AND {TICKET_EXISTS}
  AND NOT EXISTS (
      SELECT
      FROM ops_deliveries AS other
      WHERE other.ticket_id = delivery.ticket_id
        AND other.state = 'pending'
  )
RETURNING delivery.*, is_running
"""  # noqa: S608  # constants; values are parameters

# Takes over an abandoned attempt, to record it as lost; this is not a new attempt.
_CLAIM_ABANDONED_ATTEMPT = """
UPDATE ops_deliveries
SET lease_until = clock_timestamp() + $2,
    next_attempt_at = CASE WHEN state = 'pending' THEN clock_timestamp() + $2 END
WHERE id = $1
  AND lease_until <= clock_timestamp()
RETURNING *
"""

# The same for any deliveries, including those that were cancelled during the attempt.
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
    """The right to make one attempt; ``call_deadline`` is in the event loop's time."""

    delivery: OpsDelivery
    call_deadline: float
    # Whether a worker claimed it because it was the next in order, not as a newest first attempt.
    is_in_order: bool = True

    @property
    def attempt(self) -> int:
        """Number of the attempt, from 1."""
        return self.delivery.attempts

    @property
    def lease_until(self) -> datetime | None:
        """End of the lease; with `attempt`, the fence."""
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
    delivery_id: str | None = None,
) -> Claim | None:
    """Create a delivery of a ticket, and claim it if it is attempted at once.

    It has this id unless another delivery has it. Return None if the ticket has a pending delivery.
    """
    call_deadline = _call_deadline(policy)
    fresh_id = new_id()
    values = [
        ticket.id,
        delivery_id or fresh_id,
        actor,
        request_id,
        policy.lease,
        at_once,
        fresh_id,
    ]
    rows = await connection.execute_query_dict(_CLAIM_NEW, values)
    if not at_once:
        add_commit_topic(connection, DELIVERIES_DUE)
    return Claim(instance(OpsDelivery, dict(rows[0])), call_deadline) if rows else None


async def claim_retry(
    connection: BaseDBAsyncClient, delivery_id: str, policy: OpsPolicy
) -> tuple[OpsDelivery, Claim | None] | None:
    """Set a failed or cancelled delivery back to pending; None if its state does not allow it.

    The claim is for the next attempt. It is None while an earlier attempt is still running.
    """
    call_deadline = _call_deadline(policy)
    rows = await connection.execute_query_dict(_CLAIM_RETRY, [delivery_id, policy.lease])
    if not rows:
        return None
    delivery = instance(OpsDelivery, rows[0])
    return delivery, None if rows[0]["is_running"] else Claim(delivery, call_deadline)


async def claim_abandoned(policy: OpsPolicy, *, limit: int) -> list[Claim]:
    """Take over attempts whose lease ran out before their outcome was recorded."""
    return await claimed(_CLAIM_ABANDONED, [limit, policy.lease], policy)


async def claim_abandoned_attempt(delivery_id: str, policy: OpsPolicy) -> Claim | None:
    """Take over the attempt of a delivery if its lease ran out before an outcome was recorded."""
    claims = await claimed(_CLAIM_ABANDONED_ATTEMPT, [delivery_id, policy.lease], policy)
    return claims[0] if claims else None


async def release(claim: Claim) -> None:
    """End a claim whose attempt was not made, so that the attempt does not count."""
    async with background_time_limit():
        await write(_RELEASE, [claim.delivery.id, claim.attempt, claim.lease_until])
    notify_commit((DELIVERIES_DUE,))


async def next_attempt_in_s(delivery_id: str) -> float | None:
    """Return the seconds until the next attempt of a delivery, None if there is none."""
    [row] = await fetch(_NEXT_ATTEMPT_IN, [delivery_id])
    seconds: float | None = row["seconds"]
    return seconds


async def claimed(statement: str, values: list[object], policy: OpsPolicy) -> list[Claim]:
    """Run a statement that claims deliveries and returns their rows."""
    call_deadline = _call_deadline(policy)
    rows = await write(statement, values)
    return [
        Claim(
            instance(OpsDelivery, dict(row)),
            call_deadline,
            is_in_order=row.get("is_in_order", True),
        )
        for row in rows
    ]


def _call_deadline(policy: OpsPolicy) -> float:
    return asyncio.get_running_loop().time() + policy.call_window_s
