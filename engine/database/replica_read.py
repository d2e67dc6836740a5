"""The replica on which the current operation reads, if any."""

from contextvars import ContextVar
from typing import Any

from engine.database.errors import DATABASE_ERRORS, DatabaseUnavailable, Overloaded, sqlstate

__all__ = ["ReplicaRead", "replica_read"]

# Errors in the data or in its limits, which the primary would report too.
_SAME_ON_PRIMARY = ("22", "54")


class ReplicaRead:
    """The statements of one operation on a replica; all of them, so that it sees one server."""

    __slots__ = ("failure", "pool")

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        # The first error for which the operation must run again on the primary.
        self.failure: Exception | None = None

    def note(self, error: BaseException) -> None:
        """Remember an error of a statement, unless the primary would report it too."""
        if self.failure is not None or isinstance(error, Overloaded):
            return
        if isinstance(error, (DatabaseUnavailable, *DATABASE_ERRORS)):
            state = sqlstate(error)
            if state is None or not state.startswith(_SAME_ON_PRIMARY):
                self.failure = error


# None for operations that read on the primary, and for everything else.
replica_read: ContextVar[ReplicaRead | None] = ContextVar("replica_read", default=None)
