"""Times that a change of the database's clock has made wrong.

Leases and backoffs end at a time of the database's clock. If that clock was ahead and is set back,
they would end later by as much. A time is wrong if it is further ahead than any lease or backoff,
and then the lease has ended and the delivery is due. Only a Retry-After of OPS can be longer: it
holds as long as its log entry is not of the future.
"""

from datetime import timedelta

from engine.database.queries import write
from ops.delivery.policy import MAX_LEASE, OpsPolicy

__all__ = ["correct_times"]

# The longest time between a change of the clock and the correction of a lease.
_LEASE_LIMIT = 2 * MAX_LEASE
# Of each kind at once, so that a statement is short.
_LIMIT = 10_000
# For an attempt that is being recorded while the clock is set to the right time.
_TOLERANCE = timedelta(seconds=1)

# `claim_abandoned` takes these over. A process that still has such a lease loses it, and its
# outcome only adds its log entry and the reference of OPS.
_END_LEASES = """
UPDATE ops_deliveries
SET lease_until = now(),
    next_attempt_at = CASE WHEN state = 'pending' THEN now() END
WHERE id = ANY (ARRAY (
    SELECT id
    FROM ops_deliveries
    WHERE lease_until > now() + $1
    ORDER BY lease_until
    LIMIT $2
    FOR UPDATE SKIP LOCKED
))
RETURNING id
"""

_MAKE_DUE = """
UPDATE ops_deliveries
SET next_attempt_at = now()
WHERE id = ANY (ARRAY (
    SELECT id
    FROM (
        SELECT id, lease_until
        FROM ops_deliveries
        WHERE next_attempt_at > now() + $1
        ORDER BY next_attempt_at
        LIMIT $2
    ) AS delivery
    WHERE lease_until IS NULL
      AND NOT EXISTS (
          SELECT
          FROM (
              SELECT timestamp, response
              FROM log_entries
              WHERE delivery_id = delivery.id
              ORDER BY timestamp DESC, id DESC
              LIMIT 1
          ) AS last_attempt
          WHERE last_attempt.timestamp <= now() + $3
            AND last_attempt.response ? 'retryAfterSeconds'
      )
))
  AND lease_until IS NULL
  AND next_attempt_at > now() + $1
RETURNING id
"""


async def correct_times(policy: OpsPolicy) -> int:
    """End the leases and backoffs that end too late, and return their number."""
    leases = await write(_END_LEASES, [_LEASE_LIMIT, _LIMIT])
    waiting = await write(_MAKE_DUE, [policy.max_backoff, _LIMIT, _TOLERANCE])
    return len(leases) + len(waiting)
