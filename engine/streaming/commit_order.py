"""Read a table in the order of its transactions, without missing a row.

The table has two columns: ``transaction``, the ``txid_current()`` of the transaction that wrote
the row, and ``sequence``. Transactions do not commit in the order of their numbers. So a reader
reads only rows below the oldest running transaction: all transactions below it have ended, so
no further row can appear there.

A crash of PostgreSQL can move that bound back, since the numbers of transactions that left nothing
durable are assigned again. Therefore a reader resumes at the position of a row, which was durable
before it could be read, and never at the bound itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from engine.database.queries import fetch
from engine.sql.tables import Table

__all__ = ["Chunk", "Position", "Snapshot", "read_chunk", "take_snapshot"]

# The transaction and sequence of a row, or a position between rows.
Position: TypeAlias = tuple[int, int]

CHUNK_SIZE = 200

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
    """The transactions that had committed at one time."""

    oldest_running: int
    # The first transaction number that was not yet assigned.
    next: int
    running: frozenset[int]
    # The position of the last row that the snapshot sees.
    newest: Position

    def sees(self, transaction: int) -> bool:
        """Return whether a transaction had committed, provided that it was not rolled back."""
        if transaction < self.oldest_running:
            return True
        return transaction < self.next and transaction not in self.running

    @property
    def position(self) -> Position:
        """A position that precedes all rows that the snapshot does not see."""
        return min(before(self.oldest_running), self.newest)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows of a table in commit order."""

    rows: Sequence[Any]
    # The position up to which everything has been read.
    end: Position
    # Whether the chunk has the maximum size, so that more rows can follow at once.
    is_full: bool
    # Whether there are rows above the oldest running transaction, which cannot be read yet.
    is_held_up: bool
    oldest_running: int


def before(transaction: int) -> Position:
    """Return the position before all rows of a transaction."""
    return transaction, -1


def position_of(row: Any) -> Position:
    """Return the position of a row."""
    return row["transaction"], row["sequence"]


async def take_snapshot(table: Table) -> Snapshot:
    """Return a snapshot of the transactions that have committed by now."""
    [(text, transaction, sequence)] = await fetch(_SNAPSHOT.format(table=table.name), [])
    oldest_running, following, running = text.split(":")
    return Snapshot(
        int(oldest_running),
        int(following),
        frozenset(int(number) for number in running.split(",") if number),
        (transaction, sequence),
    )


async def read_chunk(
    table: Table, after: Position, *, only: tuple[str, str] | None = None
) -> Chunk:
    """Read the rows after a position; ``only`` those with this value in this column."""
    column, *values = only or (None,)
    records = await fetch(_statement(table, column), [*after, *values])
    oldest_running: int = records[0]["oldest_running"]
    found = [record for record in records if record["transaction"] is not None]
    rows = [record for record in found if record["transaction"] < oldest_running]
    return Chunk(
        rows,
        position_of(rows[-1]) if rows else after,
        is_full=len(rows) == CHUNK_SIZE,
        is_held_up=len(rows) < len(found),
        oldest_running=oldest_running,
    )


@cache
def _statement(table: Table, column: str | None) -> str:
    # One statement has one snapshot, so the rows and the oldest running transaction match.
    columns = ", ".join(column.sql for column in table.columns.values())
    condition = "" if column is None else f'AND "{table.columns[column].name}" = $3'
    return f"""
SELECT now.oldest_running, chunk.*
FROM (SELECT txid_snapshot_xmin(txid_current_snapshot()) AS oldest_running) AS now
LEFT JOIN (
    SELECT {columns}
    FROM "{table.name}"
    WHERE ("transaction", "sequence") > ($1, $2) {condition}
    ORDER BY "transaction", "sequence"
    LIMIT {CHUNK_SIZE}
) AS chunk ON TRUE
ORDER BY chunk."transaction", chunk."sequence"
"""
