"""Statements that read PostgreSQL's estimates: of the rows of a list, and of values of a column."""

import orjson

from engine.sql.expressions import Sql, concatenate
from engine.sql.tables import Table

__all__ = ["estimate_statement", "estimated_rows", "frequencies_statement"]


def estimate_statement(table: Table, where: Sql) -> Sql:
    """Return the statement that returns PostgreSQL's plan of a list as JSON, with its estimate."""
    return concatenate((f'EXPLAIN (FORMAT JSON) SELECT FROM "{table.name}" WHERE ', where))


def estimated_rows(plan: str) -> int:
    """Return the estimate in the result of `estimate_statement`."""
    return int(orjson.loads(plan)[0]["Plan"]["Plan Rows"])


def frequencies_statement(table: Table, column: str) -> Sql:
    """Return the statement that reads how frequent the values of a column are, by the statistics.

    Its row is the fraction of null, the most common values, and their fractions; there is none
    before statistics were made.
    """
    return Sql(
        "SELECT null_frac, most_common_vals::text::text[], most_common_freqs FROM pg_stats"
        " WHERE schemaname = current_schema() AND tablename = $? AND attname = $?",
        (table.name, column),
    )
