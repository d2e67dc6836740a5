"""Tickets whose values are distributed as those of a help desk, in any number.

The newer four fifths are OPEN and MEDIUM, and no ticket of them has one of the other values. The
oldest ones have values that no other ticket has.
"""

import asyncpg

NEWEST = "2026-11-01T00:00:00+00:00"
# Tickets at the end of the list that have the rare values.
RARE = 40

_FILL = """
INSERT INTO tickets (
    id, subject, description, customer_name, customer_email, status, priority, category,
    assigned_to, ops_state, created_at, updated_at
)
SELECT
    lpad(number::text, 12, '0'), 'Order ' || hash % 10000, repeat('Long. ', 20),
    'Customer ' || customer, 'customer' || customer || '@example.com',
    CASE
        WHEN is_new THEN 'open'
        WHEN is_rare THEN 'in_progress'
        WHEN hash % 10 < 8 THEN 'closed'
        ELSE 'resolved'
    END,
    CASE
        WHEN is_new THEN 'medium'
        WHEN is_rare THEN 'high'
        WHEN hash % 2 = 0 THEN 'low'
        ELSE 'medium'
    END,
    CASE
        WHEN is_new THEN (ARRAY['general', 'billing'])[1 + hash / 11 % 2]
        WHEN is_rare THEN 'legal'
        ELSE (ARRAY['technical', 'sales'])[1 + hash / 13 % 2]
    END,
    CASE
        WHEN is_rare THEN 'rare agent'
        WHEN NOT is_new AND hash % 23 = 0 THEN NULL
        ELSE 'agent ' || hash / 19 % 4
    END,
    CASE WHEN is_new THEN 'not_sent' WHEN is_rare THEN 'failed' ELSE 'delivered' END,
    $2::text::timestamptz - number * INTERVAL '20 seconds',
    $2::text::timestamptz - number * INTERVAL '20 seconds' + hash % 500 * INTERVAL '1 second'
FROM (
    SELECT
        number,
        abs(hashint4(number)) AS hash,
        -- Each customer has 40 tickets.
        abs(hashint4(number)) % ($1 / 40) AS customer,
        number <= $1 * 4 / 5 AS is_new,
        number > $1 - $3 AS is_rare
    FROM generate_series(1, $1::integer) AS number
) AS numbered
"""


async def fill(connection: asyncpg.Connection, count: int) -> None:
    """Insert ``count`` tickets, newest first by id, into an empty table, and make statistics."""
    await connection.execute(_FILL, count, NEWEST, RARE)
    await connection.execute("VACUUM ANALYZE tickets")
