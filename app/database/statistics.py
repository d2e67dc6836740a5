"""Statistics of the tables, without which PostgreSQL's planner guesses.

Autovacuum makes them some minutes after a table was filled. Until then, a query may read a whole
table instead of an index. Code that fills tables therefore makes their statistics:
`make_statistics`. Tables that another program has filled, such as pg_restore, are found at the
next start: `make_missing_statistics`.
"""

import logging
from collections.abc import Sequence
from time import monotonic

import asyncpg

__all__ = ["make_missing_statistics", "make_statistics"]

_TABLES = ("tickets", "log_entries", "ops_deliveries", "ticket_events", "idempotency_keys")

# A restore builds indexes, which sets the number of rows in pg_class, but not the statistics of
# the columns. The id is the primary key of each table, so that it has statistics if any column has.
_MISSING = """
SELECT name
FROM unnest($1::text[]) WITH ORDINALITY AS tables (name, place)
WHERE NOT pg_is_in_recovery() AND has_table_privilege(name, 'SELECT') AND NOT EXISTS (
    SELECT
    FROM pg_stats
    JOIN pg_class ON pg_class.relname = pg_stats.tablename
    JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
        AND pg_namespace.nspname = pg_stats.schemaname
    WHERE pg_class.oid = to_regclass(quote_ident(name)) AND attname = 'id'
)
ORDER BY place
"""
_HAS_ROWS = "SELECT EXISTS (SELECT FROM {table})"
_NUMBER_OF_ROWS = "SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass($1)"

_logger = logging.getLogger(__name__)


async def make_statistics(
    connection: asyncpg.Connection, tables: Sequence[str] = _TABLES, *, vacuum: bool = False
) -> None:
    """Make the statistics of tables that were filled, outside of a transaction.

    With ``vacuum`` also the visibility maps, with which counts read only an index. The log names
    each table, with a warning if the role may not make its statistics.
    """
    refusals: list[str] = []

    def note(_: object, message: asyncpg.PostgresLogMessage) -> None:
        refusals.append(message.message)

    command = "VACUUM (ANALYZE)" if vacuum else "ANALYZE"
    connection.add_log_listener(note)
    try:
        for table in tables:
            started_at = monotonic()
            refusals.clear()
            await connection.execute(f"{command} {table}")
            if refusals:
                _logger.warning(
                    "statistics of a table not made",
                    extra={"fields": {"table": table, "reason": refusals[0]}},
                )
                continue
            rows = await connection.fetchval(_NUMBER_OF_ROWS, table)
            duration_ms = round((monotonic() - started_at) * 1000)
            _logger.info(
                "statistics of a table made",
                extra={"fields": {"table": table, "rows": rows, "duration_ms": duration_ms}},
            )
    finally:
        connection.remove_log_listener(note)


async def make_missing_statistics(connection: asyncpg.Connection) -> None:
    """Make the statistics of tables that have rows but no statistics, as after a restore."""
    missing = [row["name"] for row in await connection.fetch(_MISSING, _TABLES)]
    filled = [
        table for table in missing if await connection.fetchval(_HAS_ROWS.format(table=table))
    ]
    if filled:
        await make_statistics(connection, filled)
