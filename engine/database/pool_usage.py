"""The use of a pool, for the metrics."""

from dataclasses import dataclass

__all__ = ["PoolUsage"]


@dataclass(frozen=True, slots=True)
class PoolUsage:
    """Numbers of connections, of callers that use them, and of requests that wait for one."""

    available: int = 0
    size: int = 0
    callers: int = 0
    callers_at_limit: int = 0
    waiting_for_share: int = 0
    waiting_for_connection: int = 0
    # Commits that PostgreSQL has not confirmed and whose callers have left: at present, and ever.
    unconfirmed_commits: int = 0
    abandoned_commits: int = 0
