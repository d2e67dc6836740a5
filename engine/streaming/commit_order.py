"""Read a table in the order of its transactions, without missing a row.

The table has two columns: ``transaction``, the number of the transaction that wrote the row, and
``sequence``. The number is ``txid_current() + feed_transaction_offset()``, a function of the
database that is zero until a restore on another server raises it, so that rows keep their numbers
and new ones follow. All numbers below include it. Transactions do not commit in the order of their
numbers. So a reader reads only rows below the oldest running transaction: all transactions below it
have ended, so no further row can appear there.

A crash of PostgreSQL can move that bound back, since the numbers of transactions that left nothing
durable are assigned again. Therefore a reader resumes at the position of a row, which was durable
before it could be read, and never at the bound itself.

A failover to a standby without the last commits, or a restore, can lose rows that were read, and
then assigns the numbers of their transactions again. The position of the last row that was read is
therefore looked up again: as long as it exists, no later row has a lower position. This requires
that no other row ever gets the position of a lost one (docs/decisions/0007-lost-history.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

from engine.database.queries import fetch
from engine.sql.tables import Table

__all__ = [
    "START",
    "Chunk",
    "Position",
    "Server",
    "Snapshot",
    "last_position",
    "read_chunk",
    "take_snapshot",
]

# The transaction and sequence of a row, or a position between rows.
Position: TypeAlias = tuple[int, int]
# The start of the server and the process that ran a statement.
Server: TypeAlias = tuple[datetime, int]

# Precedes all rows but those that an older version renumbered after a restore.
START: Position = (0, -1)
CHUNK_SIZE = 200

_SNAPSHOT = """
SELECT
    now.snapshot::text,
    now.transaction_offset,
    newest.transaction, newest.sequence,
    ended.transaction, ended.sequence,
    EXISTS (SELECT FROM "{table}" WHERE transaction = $1 AND sequence = $2),
    pg_is_in_recovery()
FROM (
    SELECT txid_current_snapshot() AS snapshot, feed_transaction_offset() AS transaction_offset
) AS now
LEFT JOIN (
    SELECT transaction, sequence
    FROM "{table}"
    ORDER BY transaction DESC, sequence DESC
    LIMIT 1
) AS newest ON TRUE
LEFT JOIN LATERAL (
    SELECT transaction, sequence
    FROM "{table}"
    WHERE transaction < txid_snapshot_xmin(now.snapshot) + now.transaction_offset
    ORDER BY transaction DESC, sequence DESC
    LIMIT 1
) AS ended ON TRUE
"""

_LAST_POSITION = """
SELECT transaction, sequence
FROM "{table}"
WHERE (transaction, sequence) <= ($1, $2)
ORDER BY transaction DESC, sequence DESC
LIMIT 1
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
    # The position of a row that precedes all rows that the snapshot does not see.
    position: Position
    # Whether the row with the position to resume after exists; on a standby it may not exist yet.
    has_row: bool
    is_standby: bool

    def sees(self, transaction: int) -> bool:
        """Return whether a transaction had committed, provided that it was not rolled back."""
        if transaction < self.oldest_running:
            return True
        return transaction < self.next and transaction not in self.running


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
    # The difference between the numbers of the feed and those of the server.
    offset: int
    # The first transaction number that was not yet assigned.
    next: int
    # Whether the row after which the chunk was read exists; on a standby it may not exist yet.
    has_start: bool
    is_standby: bool
    server: Server


def position_of(row: Any) -> Position:
    """Return the position of a row."""
    return row["transaction"], row["sequence"]


async def take_snapshot(table: Table, after: Position = START) -> Snapshot:
    """Return a snapshot of the transactions that have committed by now."""
    [record] = await fetch(_SNAPSHOT.format(table=table.name), after)
    text, offset, *newest_and_ended, has_row, is_standby = record
    oldest_running, following, running = text.split(":")
    return Snapshot(
        int(oldest_running) + offset,
        int(following) + offset,
        frozenset(int(number) + offset for number in running.split(",") if number),
        _position(newest_and_ended[:2]),
        _position(newest_and_ended[2:]),
        has_row=has_row or after == START,
        is_standby=is_standby,
    )


async def last_position(table: Table, position: Position) -> Position:
    """Return the position of the last row that is not after a position."""
    rows = await fetch(_LAST_POSITION.format(table=table.name), position)
    return position_of(rows[0]) if rows else START


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
        offset=records[0]["transaction_offset"],
        next=records[0]["next_transaction"],
        has_start=records[0]["has_start"] or after == START,
        is_standby=records[0]["is_standby"],
        server=(records[0]["server_started_at"], records[0]["server_process"]),
    )


def _position(values: Sequence[int | None]) -> Position:
    transaction, sequence = values
    return START if transaction is None or sequence is None else (transaction, sequence)


@cache
def _statement(table: Table, column: str | None) -> str:
    # One statement has one snapshot, so the rows and the oldest running transaction match.
    columns = ", ".join(column.sql for column in table.columns.values())
    condition = "" if column is None else f'AND "{table.columns[column].name}" = $3'
    return f"""
SELECT now.*, chunk.*
FROM (
    SELECT
        txid_snapshot_xmin(txid_current_snapshot()) + feed_transaction_offset() AS oldest_running,
        txid_snapshot_xmax(txid_current_snapshot()) + feed_transaction_offset() AS next_transaction,
        feed_transaction_offset() AS transaction_offset,
        EXISTS (
            SELECT FROM "{table.name}" WHERE "transaction" = $1 AND "sequence" = $2
        ) AS has_start,
        pg_postmaster_start_time() AS server_started_at,
        pg_backend_pid() AS server_process,
        pg_is_in_recovery() AS is_standby
) AS now
LEFT JOIN (
    SELECT {columns}
    FROM "{table.name}"
    WHERE ("transaction", "sequence") > ($1, $2) {condition}
    ORDER BY "transaction", "sequence"
    LIMIT {CHUNK_SIZE}
) AS chunk ON TRUE
ORDER BY chunk."transaction", chunk."sequence"
"""
