"""The settings of a session of PostgreSQL on which the code relies.

`ALTER DATABASE ... SET` and `ALTER ROLE ... SET` can give a new session any settings. Each session
therefore sets those that would change what a statement means, or end it. It leaves to the
administrator what only changes how fast or how durable a statement is, and whether it may write.

A connection pooler assigns another session to each transaction. Behind one, nothing can be set but
what the pooler tracks for each client; `unfit_settings` finds what is then in the way.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

import asyncpg

from engine.database.byte_counter import ByteCounter
from engine.database.errors import DatabaseUnavailable
from engine.database.fixed_settings import FIXED_SETTINGS, TRACKED_SETTINGS

__all__ = [
    "REPLACE_AFTER_S",
    "CommitNotReplicated",
    "Session",
    "SessionState",
    "UnfitSetting",
    "abandoned_commit",
    "apply_settings",
    "begin_commit",
    "look_up_state",
    "losing_settings",
    "state_of",
    "unfit_settings",
]

# A session that cannot write is used this long for reads, before another one is opened that
# perhaps can.
REPLACE_AFTER_S = 1.0
# PostgreSQL looks this often whether the client of a running statement is still connected.
_CLIENT_CHECK = "1s"


# Behind a pooler the service cannot work with other values of these, or only with errors.
_REQUIRED_BEHIND_POOLER = (
    "default_transaction_isolation",
    "exit_on_error",
    "gin_fuzzy_search_limit",
    "transform_null_equals",
    "array_nulls",
)
_FIRST_VERSION_WITH_CLIENT_CHECK = 14
# From here on PostgreSQL reports to a client whether its session may write.
_FIRST_VERSION_WITH_REPORTS = 14

# The function of PostgreSQL in which a commit waits.
_WAIT_FOR_STANDBY = "SyncRepWaitForLSN"

_logger = logging.getLogger(__name__)

_BEGIN_WITHOUT_TIMEOUTS = """
BEGIN;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0
"""
_STATE = """
SELECT pg_backend_pid(), current_setting('transaction_read_only') = 'on', pg_is_in_recovery()
"""
# All other levels include warnings.
_HIDES_WARNINGS = "SELECT current_setting('client_min_messages') = 'error'"
_CURRENT = """
SELECT name, current_setting(name) AS value
FROM pg_settings
WHERE name = ANY($1::text[])
"""


@dataclass(frozen=True, slots=True)
class UnfitSetting:
    """A setting whose value the service cannot change, and the value that it needs."""

    name: str
    value: str
    required: str


class SessionState:
    """Whether a session may write, and whether a pooler is between."""

    __slots__ = ("_settings", "_was_read_only", "has_pooler", "opened_at", "was_standby")

    def __init__(
        self, *, has_pooler: bool, was_read_only: bool, was_standby: bool, settings: Any = None
    ) -> None:
        self.opened_at = time.monotonic()
        self.has_pooler = has_pooler
        self.was_standby = was_standby
        self._was_read_only = was_read_only
        # What PostgreSQL reports to the client, if that includes whether the session may write.
        self._settings = settings

    @property
    def is_read_only(self) -> bool:
        """Whether the session may not write; PostgreSQL 14 or newer reports each change."""
        settings = self._settings
        if settings is None:
            return self._was_read_only
        return "on" in {settings.in_hot_standby, settings.default_transaction_read_only}

    @property
    def is_stale(self) -> bool:
        """Whether the session should be replaced by one that perhaps may write."""
        return time.monotonic() - self.opened_at > REPLACE_AFTER_S and self.is_read_only


class CommitNotReplicated(DatabaseUnavailable):
    """A commit took effect on this server only, so that a failover can lose it."""


class Session(asyncpg.Connection):
    """A connection with the state of its session, whose commits are never cancelled."""

    state: SessionState
    # Counts what the session receives; None until the session is in a pool.
    byte_counter: ByteCounter | None = None
    # Whether the running statement commits a transaction.
    _is_committing = False
    # Whether PostgreSQL ended the wait for a synchronous standby: the commit is only local.
    _is_local = False
    # Completes when an abandoned commit ends; None without one.
    abandoned_commit: asyncio.Future[None] | None = None

    def begin_commit(self) -> None:
        """Protect the next statement, which commits, from being cancelled."""
        self._is_committing = True
        self._is_local = False

    def end_commit(self) -> None:
        """End the protection; raises CommitNotReplicated if the commit is only local."""
        self._is_committing = False
        if self._is_local:
            raise CommitNotReplicated("the commit was not replicated to a synchronous standby")

    def fail_commit(self) -> None:
        """End the protection after an error, or after the caller stopped waiting."""
        self._is_committing = False

    def _cancel_current_command(self, waiter: Any, cancel_waiter: Any = None) -> None:
        """Cancel the running statement, unless it commits.

        asyncpg calls this when a caller stops waiting, and then waits for the end of the statement.
        """
        if not self._is_committing:
            super()._cancel_current_command(waiter, cancel_waiter)  # type: ignore[misc]  # untyped
            return
        self.abandoned_commit = cancel_waiter
        if not waiter.done():
            waiter.set_result(None)

    def _process_log_message(self, fields: dict[str, str], last_query: str) -> None:
        """Notice that an administrator, or the end of the server, ended a wait of a commit."""
        if fields.get("R") == _WAIT_FOR_STANDBY:
            self._is_local = True
            log_fields = {"sqlstate": fields.get("C"), "reason": fields.get("M")}
            _logger.warning("commit not replicated", extra={"fields": log_fields})
        super()._process_log_message(fields, last_query)  # type: ignore[misc]  # untyped


def state_of(session: Any) -> SessionState | None:
    """Return the state of a session; None for a connection of another class."""
    state: SessionState | None = getattr(session, "state", None)
    return state


def begin_commit(connection: Any) -> Session:
    """Call `Session.begin_commit` for a connection; raises InterfaceError without a session."""
    begin = getattr(connection, "begin_commit", None)
    if begin is None:
        raise asyncpg.InterfaceError("the connection is not a session whose commits are protected")
    begin()
    session: Session = connection
    return session


def abandoned_commit(session: Any) -> asyncio.Future[None] | None:
    """Return a future that ends with the abandoned commit of a session; None without one."""
    ended: asyncio.Future[None] | None = getattr(session, "abandoned_commit", None)
    return None if ended is None or ended.done() else ended


async def look_up_state(session: asyncpg.Connection, *, is_direct: bool) -> SessionState:
    """Return the state of a new session, and whether it is pooled if that is unknown."""
    settings = session.get_settings()
    if is_direct and session.get_server_version().major >= _FIRST_VERSION_WITH_REPORTS:
        is_standby = settings.in_hot_standby == "on"
        return SessionState(
            has_pooler=False, was_read_only=False, was_standby=is_standby, settings=settings
        )
    # In a transaction, because a pooler would keep settings of the session for its next user.
    await session.execute(_BEGIN_WITHOUT_TIMEOUTS)
    [(backend_pid, is_read_only, is_standby)] = await session.fetch(_STATE)
    await session.execute("COMMIT")
    return SessionState(
        # A pooler reports a process id of its own at connect, which is not the backend's.
        has_pooler=backend_pid != session.get_server_pid(),
        was_read_only=is_read_only,
        was_standby=is_standby,
    )


async def apply_settings(session: asyncpg.Connection, *, statement_timeout_ms: int | None) -> None:
    """Set the fixed settings of a session that no pooler shares with others."""
    version = session.get_server_version().major
    values = {
        name: setting.value
        for name, setting in FIXED_SETTINGS.items()
        if setting.since <= version and name not in TRACKED_SETTINGS
    }
    if statement_timeout_ms is None:
        # Migrations and other work without a limit.
        values["idle_in_transaction_session_timeout"] = "0"
    else:
        # Ends the statements of a process that died and can no longer cancel them.
        values["statement_timeout"] = str(statement_timeout_ms)
    await session.execute("; ".join(f"SET {name} = '{value}'" for name, value in values.items()))
    if version >= _FIRST_VERSION_WITH_CLIENT_CHECK:
        await _check_client(session)


async def _check_client(session: asyncpg.Connection) -> None:
    """Make PostgreSQL end a statement whose client has disconnected.

    Without it, a statement of a killed process runs until its timeout.
    """
    try:
        await session.execute(f"SET client_connection_check_interval = '{_CLIENT_CHECK}'")
    except asyncpg.InvalidParameterValueError:
        # Not every operating system supports it.
        return


async def losing_settings(session: asyncpg.Connection) -> list[str]:
    """Return the settings that are off, so that a crash can lose what was committed."""
    rows = await session.fetch(_CURRENT, ["synchronous_commit", "fsync", "full_page_writes"])
    return sorted(row["name"] for row in rows if row["value"] == "off")


async def unfit_settings(session: asyncpg.Connection, *, has_pooler: bool) -> list[UnfitSetting]:
    """Return the settings with which the service cannot work and that it cannot change."""
    required = {"session_replication_role": "origin"}
    if has_pooler:
        required |= {name: FIXED_SETTINGS[name].value for name in _REQUIRED_BEHIND_POOLER}
        if await session.fetchval(_HIDES_WARNINGS):
            required["client_min_messages"] = FIXED_SETTINGS["client_min_messages"].value
    rows = await session.fetch(_CURRENT, list(required))
    return [
        UnfitSetting(row["name"], row["value"], required[row["name"]])
        for row in sorted(rows, key=lambda row: row["name"])
        if row["value"] != required[row["name"]]
    ]
