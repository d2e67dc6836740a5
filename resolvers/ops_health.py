"""The state of the deliveries to OPS as a whole."""

from dataclasses import dataclass
from datetime import datetime

from engine.database.queries import fetch
from engine.sql.expressions import Sql, render
from ops import CircuitState
from resolvers.context import Context

__all__ = ["OpsHealth", "health_statement", "ops_health"]


@dataclass(frozen=True, slots=True)
class OpsHealth:
    """State of the circuit breaker, and numbers of pending and failed deliveries."""

    circuit: CircuitState
    pending: int
    pending_is_estimate: bool
    failed: int
    failed_is_estimate: bool
    oldest_pending_at: datetime | None


# Deliveries in a state that are counted. If there are more, their number is estimated.
MAX_COUNTED = 10_000

# Each count reads at most as many entries of an index that has the deliveries of its state alone.
# In any other order than that of the index, the planner would read the whole table if most
# deliveries had the state when the statistics were made. These have the number of all entries.
_TEXT = """
SELECT pending.count, failed.count, pending.oldest_at, pending.estimate, failed.estimate
FROM (
    SELECT count(*), min(created_at) AS oldest_at, (
        SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass('ops_deliveries_pending')
    ) AS estimate
    FROM (
        SELECT created_at FROM ops_deliveries
        WHERE state = 'pending' AND (created_at, id) >= (timestamptz '-infinity', '')
        ORDER BY created_at, id LIMIT $? + 1
    ) AS counted
) AS pending, (
    SELECT count(*), (
        SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass('ops_deliveries_failed')
    ) AS estimate
    FROM (
        SELECT FROM ops_deliveries
        WHERE state = 'failed' AND (created_at, id) >= (timestamptz '-infinity', '')
        ORDER BY created_at, id LIMIT $? + 1
    ) AS counted
) AS failed
"""


def health_statement(max_counted: int) -> Sql:
    """Return the statement of the numbers of deliveries, each up to ``max_counted`` + 1."""
    return Sql(_TEXT, (max_counted, max_counted))


async def ops_health(context: Context) -> OpsHealth:
    """Return the state of the circuit breaker and the counts of deliveries."""
    [row] = await fetch(*render(health_statement(MAX_COUNTED)))
    pending, failed, oldest_pending_at, estimated_pending, estimated_failed = row
    return OpsHealth(
        context.deliveries.circuit_state,
        *_total(pending, estimated_pending),
        *_total(failed, estimated_failed),
        oldest_pending_at,
    )


def _total(counted: int, estimate: int | None) -> tuple[int, bool]:
    """Return the number of deliveries in a state, and whether it is an estimate."""
    if counted <= MAX_COUNTED:
        return counted, False
    return max(counted, estimate or 0), True
