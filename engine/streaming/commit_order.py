"""Rows read in the order of their transactions, so that a reader misses none.

The table has two columns: ``transaction``, the ``txid_current()`` of who wrote the
row, and ``sequence``. Transactions commit out of the order of their numbers. So a
reader goes only up to the oldest one that still runs: everything below is decided,
and no row can appear there any more.

That bound goes back by a crash of PostgreSQL: numbers of transactions that had left
nothing behind are given away again. So the place to read on from is that of a row,
which was durable before it could be read, and never the bound itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from engine.database.queries import fetch
from engine.sql.tables import Table

__all__ = ["Passage", "Position", "Snapshot", "read_passage", "take_snapshot"]

# Of a row: its transaction and sequence. Also a place between rows.
Position: TypeAlias = tuple[int, int]

PASSAGE_SIZE = 200

_SNAPSHOT = """
SELECT txid_current_snapshot()::text, coalesce(transaction, 0), coalesce(sequence, -1)
FROM (SELECT) AS now
LEFT JOIN (
    SELECT transaction, sequence
    FROM "{table}"
    ORDER BY transaction DESC, sequence DESC
    LIMIT 1
) AS newest ON TRUE
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which transactions had been committed at one moment."""

    oldest_running: int
    # The first number that had not been given away.
    next: int
    running: frozenset[int]
    # The place of the last row that it sees.
    newest: Position

    def sees(self, transaction: int) -> bool:
        """Tell whether a transaction (that was not rolled back) had been committed."""
        if transaction < self.oldest_running:
            return True
        return transaction < self.next and transaction not in self.running

    @property
    def position(self) -> Position:
        """The place behind which everything lies that the snapshot does not see."""
        return min(before(self.oldest_running), self.newest)


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a table in its order."""

    rows: Sequence[Any]
    # Up to here everything has been read.
    end: Position
    # As many rows as a passage has: there may be more at once.
    is_full: bool
    # Rows were seen beyond the oldest running transaction.
    is_held_up: bool
    oldest_running: int


def before(transaction: int) -> Position:
    """Return the place before all rows of a transaction."""
    return transaction, -1


def position_of(row: Any) -> Position:
    """Return the place of a row."""
    return row["transaction"], row["sequence"]


async def take_snapshot(table: Table) -> Snapshot:
    """Return what has been committed by now."""
    [(text, transaction, sequence)] = await fetch(_SNAPSHOT.format(table=table.name), [])
    oldest_running, following, running = text.split(":")
    return Snapshot(
        int(oldest_running),
        int(following),
        frozenset(int(number) for number in running.split(",") if number),
        (transaction, sequence),
    )


async def read_passage(
    table: Table, after: Position, *, only: tuple[str, str] | None = None
) -> Passage:
    """Read on behind a place; ``only`` the rows that have this value in this column."""
    column, *values = only or (None,)
    records = await fetch(_statement(table, column), [*after, *values])
    bound: int = records[0]["bound"]
    seen = [record for record in records if record["transaction"] is not None]
    rows = [record for record in seen if record["transaction"] < bound]
    return Passage(
        rows,
        position_of(rows[-1]) if rows else after,
        is_full=len(rows) == PASSAGE_SIZE,
        is_held_up=len(rows) < len(seen),
        oldest_running=bound,
    )


@cache
def _statement(table: Table, column: str | None) -> str:
    # The snapshot of a statement is one: rows and bound are of the same moment.
    columns = ", ".join(column.sql for column in table.columns.values())
    condition = "" if column is None else f'AND "{table.columns[column].name}" = $3'
    return f"""
SELECT now.bound, passage.*
FROM (SELECT txid_snapshot_xmin(txid_current_snapshot()) AS bound) AS now
LEFT JOIN (
    SELECT {columns}
    FROM "{table.name}"
    WHERE ("transaction", "sequence") > ($1, $2) {condition}
    ORDER BY "transaction", "sequence"
    LIMIT {PASSAGE_SIZE}
) AS passage ON TRUE
ORDER BY passage."transaction", passage."sequence"
"""
