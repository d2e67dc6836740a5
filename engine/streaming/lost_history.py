"""Detection of rows that were read and that the database has lost since.

A database loses committed rows in a failover to a standby that does not have them, in a restore,
and, without ``synchronous_commit``, in a crash. It then assigns the numbers of their transactions
again, so that new rows can have lower positions than those that were read, and would be missed.

All of these replace the process that runs the statements of a reader. So if a process that is new
to the reader does not find the last row that was read, rows were lost. If a known process does not
find it, it was deleted.
"""

from dataclasses import replace

from engine.database.errors import DatabaseUnavailable
from engine.sql.tables import Table
from engine.streaming.commit_order import Chunk, Position, Server, last_position

__all__ = ["BEHIND", "HistoryCheck", "HistoryLost"]

MAX_SERVERS = 1000
BEHIND = "the server is a standby that has not yet received the rows that were read"


class HistoryLost(Exception):
    """The database has lost rows that were read, so that later rows can be missed."""

    def __init__(self) -> None:
        super().__init__("the database has lost rows of this feed")


class HistoryCheck:
    """Checks the chunks of one reader of a table, which it reads one after the other."""

    def __init__(self, table: Table) -> None:
        self._table = table
        # The processes that have found the last row that was read.
        self._known: set[Server] = set()

    async def checked(self, chunk: Chunk, after: Position) -> Chunk:
        """Return a chunk that was read after a position, to continue at its end.

        Raises HistoryLost, and DatabaseUnavailable on a standby that is behind.
        """
        is_known = chunk.server in self._known
        if chunk.is_standby and not chunk.has_start:
            raise DatabaseUnavailable(BEHIND)
        if after[0] >= chunk.next or not (chunk.has_start or is_known):
            raise HistoryLost
        if not is_known:
            if len(self._known) >= MAX_SERVERS:
                self._known.clear()
            self._known.add(chunk.server)
        if chunk.has_start or chunk.rows:
            return chunk
        # The row was deleted. Continue at one that exists, to look that one up from now on.
        return replace(chunk, end=await last_position(self._table, after))
