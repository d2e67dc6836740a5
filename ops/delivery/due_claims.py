"""Claims of the deliveries that are due, for workers.

A worker claims in the order in which deliveries became due, and at the same time the newest first
attempts, so that deliveries that hang cannot delay all others: see `concurrency_shares`.
"""

from engine.database.queries import fetch
from ops.delivery.claims import Claim, claimed
from ops.delivery.policy import OpsPolicy

__all__ = ["claim_due", "claim_probe", "next_due_in_s"]

_NEWEST_CONSIDERED = 1_000
_PROBES_CONSIDERED = 500

# - now(), not clock_timestamp(), so that the index scan stops at the deliveries that are due.
# - No further condition in the innermost queries: only pending deliveries have a next attempt, and
#   with outdated statistics PostgreSQL would expect few rows of another condition and sort all.
#   The outer condition excludes abandoned attempts, which `claim_abandoned` takes over.
# - Arrays, not IN: for IN PostgreSQL may run the inner query once for each row of the outer
#   one, and claim more than the limit.
_CLAIM_IN_ORDER = """
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

# Also the newest first attempts. They are sought among a limited number of rows, because any number
# of retries can be due. This takes PostgreSQL half as long again.
_CLAIM_DUE = f"""
WITH in_order AS MATERIALIZED (
    SELECT id
    FROM ops_deliveries
    WHERE next_attempt_at <= now()
    ORDER BY next_attempt_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
), newest AS MATERIALIZED (
    SELECT id
    FROM ops_deliveries
    WHERE id = ANY (ARRAY (
        SELECT id
        FROM (
            SELECT id, attempts
            FROM ops_deliveries
            WHERE next_attempt_at <= now()
            ORDER BY next_attempt_at DESC
            LIMIT {_NEWEST_CONSIDERED}
        ) AS due
        WHERE attempts = 0
          AND id <> ALL (ARRAY (SELECT id FROM in_order))
        LIMIT $3
    ))
      AND next_attempt_at <= now()
    FOR UPDATE SKIP LOCKED
)
UPDATE ops_deliveries
SET attempts = attempts + 1,
    lease_until = clock_timestamp() + $2,
    next_attempt_at = clock_timestamp() + $2
WHERE id = ANY (
    ARRAY (SELECT id FROM in_order) || ARRAY (SELECT id FROM newest)
)
  AND lease_until IS NULL
RETURNING *, id = ANY (ARRAY (SELECT id FROM in_order)) AS is_in_order
"""  # noqa: S608  # a constant; values are parameters

# One delivery at random, among the oldest and the newest that are due.
_CLAIM_PROBE = f"""
UPDATE ops_deliveries
SET attempts = attempts + 1,
    lease_until = clock_timestamp() + $1,
    next_attempt_at = clock_timestamp() + $1
WHERE id = ANY (ARRAY (
    SELECT id
    FROM ops_deliveries
    WHERE id = ANY (ARRAY (
        SELECT id
        FROM (
            (
                SELECT id, attempts
                FROM ops_deliveries
                WHERE next_attempt_at <= now()
                ORDER BY next_attempt_at
                LIMIT {_PROBES_CONSIDERED}
            )
            UNION ALL
            (
                SELECT id, attempts
                FROM ops_deliveries
                WHERE next_attempt_at <= now()
                ORDER BY next_attempt_at DESC
                LIMIT {_PROBES_CONSIDERED}
            )
        ) AS due
        -- Any, or the first attempts before all others.
        ORDER BY $2 AND attempts > 0, random()
        LIMIT 8
    ))
      AND next_attempt_at <= now()
    ORDER BY $2 AND attempts > 0, random()
    LIMIT 1
    FOR UPDATE SKIP LOCKED
))
  AND lease_until IS NULL
RETURNING *, true AS is_in_order
"""  # noqa: S608  # as above

# Deliveries that are due now but were not claimed are locked by another worker.
_NEXT_DUE_IN = """
SELECT extract(epoch FROM next_attempt_at - clock_timestamp())::float8
FROM ops_deliveries
WHERE next_attempt_at > now()
  AND lease_until IS NULL
ORDER BY next_attempt_at
LIMIT 1
"""


async def claim_due(policy: OpsPolicy, *, limit: int, newest: int = 0) -> list[Claim]:
    """Claim deliveries that are due; skip those that other workers are claiming.

    Claim at most ``limit`` in the order in which they became due, and at most ``newest`` that have
    no attempt yet, the one that became due last first.
    """
    if not newest:
        return await claimed(_CLAIM_IN_ORDER, [limit, policy.lease], policy)
    return await claimed(_CLAIM_DUE, [limit, policy.lease, newest], policy)


async def claim_probe(policy: OpsPolicy, *, prefers_first_attempts: bool) -> list[Claim]:
    """Claim at most one delivery that is due, chosen at random, to find out whether OPS works."""
    return await claimed(_CLAIM_PROBE, [policy.lease, prefers_first_attempts], policy)


async def next_due_in_s() -> float | None:
    """Return the seconds until the next waiting delivery is due; None if none is waiting."""
    rows = await fetch(_NEXT_DUE_IN, [])
    return rows[0][0] if rows else None
