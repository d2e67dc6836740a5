"""The mode of replication, which decides what a failover can lose."""

from dataclasses import dataclass

import asyncpg

__all__ = ["ReplicationMode", "replication_mode"]

# With these values a commit waits until a standby has it (PostgreSQL, section 26.2.8).
_WAITING = ("on", "remote_apply", "remote_write")

_SETTINGS = """
SELECT current_setting('synchronous_standby_names'), current_setting('synchronous_commit')
"""


@dataclass(frozen=True, slots=True)
class ReplicationMode:
    """The settings of a session on which replication depends."""

    standby_names: str
    commit: str

    @property
    def is_synchronous(self) -> bool:
        """Whether each commit waits for a standby, so that a failover loses none."""
        return bool(self.standby_names.strip()) and self.commit in _WAITING


async def replication_mode(session: asyncpg.Connection) -> ReplicationMode:
    """Return the mode of replication of a session."""
    [(standby_names, commit)] = await session.fetch(_SETTINGS)
    return ReplicationMode(standby_names, commit)
