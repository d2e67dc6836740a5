"""Growth of a pool, limited to the connections that PostgreSQL grants.

PostgreSQL limits the connections of the server, of a database and of a role, and PgBouncer those
of its clients. A pool that is refused one continues with those that it has, and tries again later.
"""

import time

from engine.database.errors import ConnectionRefused, sqlstate
from engine.database.outages import Condition

__all__ = ["REFUSED_PAUSE_S", "Growth", "leaves_others", "may_be_granted_soon"]

# The pause before a pool tries to grow again; doubled after each refusal.
MIN_PAUSE_S, MAX_PAUSE_S = 1.0, 30.0
# Between two attempts to open a first connection that is refused because there are too many.
REFUSED_PAUSE_S = 0.1
# The limit is over if no connection was refused for this long.
SETTLE_S = 60.0
# Too many connections; a protocol error, with which PgBouncer refuses clients.
_TOO_MANY = ("53300", "08P01")
# The server starts or stops, so that connections that exist end too.
_SERVER_DOWN = "57P"


class Growth:
    """The number of connections that a pool of ``max_size`` may have at present."""

    def __init__(self, max_size: int) -> None:
        self.limit = max_size
        self._max_size = max_size
        self._pause_s = MIN_PAUSE_S
        self._retry_at = 0.0
        self._refused_at = 0.0
        self._condition = Condition(
            "fewer database connections granted than wanted",
            "database connections granted again",
        )

    def allows(self, size: int) -> bool:
        """Return whether a pool of this size may open another connection."""
        if size < self.limit:
            return True
        if size >= self._max_size or time.monotonic() < self._retry_at:
            return False
        # One attempt; its result decides.
        self._retry_at = time.monotonic() + self._pause_s
        return True

    def allows_reserve(self) -> bool:
        """Return whether a connection in addition to the pool may be opened."""
        return self.limit == self._max_size or self.allows(self.limit)

    def refuse(self, size: int, error: ConnectionRefused) -> None:
        """Limit the pool to the size that it has, because another connection was refused."""
        now = time.monotonic()
        if self.limit == self._max_size:
            self._pause_s = MIN_PAUSE_S
        elif now >= self._refused_at + self._pause_s / 2:
            self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)
        self.limit = max(1, size)
        self._refused_at = now
        self._retry_at = now + self._pause_s
        self._condition.begin(
            wanted=self._max_size,
            sqlstate=sqlstate(error),
            reason=str(error),
            advice="Lower DATABASE_POOL_SIZE, or raise the limit of connections.",
        )

    def grant(self, size: int) -> bool:
        """Count a connection that was opened; return whether that changed the limit."""
        if self.limit == self._max_size:
            return False
        before = self.limit
        if size > self.limit:
            self.limit = min(size, self._max_size)
            self._pause_s = MIN_PAUSE_S
            self._retry_at = 0.0
        if time.monotonic() - self._refused_at > SETTLE_S:
            self.limit = self._max_size
        if self.limit == self._max_size:
            self._condition.end()
        return self.limit != before


def leaves_others(error: BaseException) -> bool:
    """Return whether existing connections remain usable after the refusal of another one."""
    state = sqlstate(error) or ""
    return isinstance(error, ConnectionRefused) and not state.startswith(_SERVER_DOWN)


def may_be_granted_soon(error: BaseException) -> bool:
    """Return whether a refused connection may be granted when another client ends one."""
    return isinstance(error, ConnectionRefused) and sqlstate(error) in _TOO_MANY
