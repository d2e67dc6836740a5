"""Deliveries in any number, whose states are distributed in the ways that occur."""

import asyncpg

NEWEST = "2026-11-01T00:00:00+00:00"

_HALF = "(ARRAY['pending', 'failed', 'delivered'])[CASE WHEN {} THEN 1 + number % 2 ELSE 3 END]"
# By name: the state of a delivery, by its number from the newest, which is 1.
STATES = {
    "all PENDING": "'pending'",
    "all FAILED": "'failed'",
    "all DELIVERED": "'delivered'",
    "mixed": "(ARRAY['pending', 'failed', 'delivered', 'cancelled'])[1 + number % 4]",
    "the newest half PENDING and FAILED": _HALF.format("number <= $1 / 2"),
    "the oldest half PENDING and FAILED": _HALF.format("number > $1 / 2"),
}

# Oldest first, as they are made.
_FILL = """
INSERT INTO ops_deliveries (id, ticket_id, payload, state, created_at, next_attempt_at)
SELECT
    lpad(number::text, 12, '0'), lpad(number::text, 12, '0'), '{{"subject": "Order"}}', state,
    $2::text::timestamptz - number * INTERVAL '20 seconds',
    CASE WHEN state = 'pending' THEN $2::text::timestamptz END
FROM (
    SELECT number, {state} AS state FROM generate_series(1, $1::integer) AS number
) AS numbered
ORDER BY number DESC
"""


async def fill(connection: asyncpg.Connection, count: int, states: str) -> None:
    """Replace all deliveries by ``count`` others, whose states are one of `STATES`.

    Statistics are made, but the table is not vacuumed, as after a time of many deliveries.
    """
    await connection.execute("TRUNCATE ops_deliveries")
    await connection.execute(_FILL.format(state=STATES[states]), count, NEWEST)
    await connection.execute("ANALYZE ops_deliveries")
