"""One replica: its replay position in the log of the primary, and the pool to read from it.

A session of its own polls the replica for its position. On the same running server, an earlier
answer is a lower bound of the current position. So each connection of the pool must lead to that
server: another one behind the same address, or the same one after a restart, can begin to serve at
an earlier position.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg

from engine.database.checkout import ACQUIRE_TIMEOUT_S
from engine.database.connecting import Connector, connect
from engine.database.dsn import parse_dsn
from engine.database.errors import DATABASE_ERRORS, ConnectionRefused, sqlstate
from engine.database.opening import ReplicaPool, open_replica_pool
from engine.database.positions import START, Position
from engine.database.session import Session

__all__ = ["LOCATION", "Replica", "ReplicaOptions", "ReplicaUnfit", "SchemaCheck"]

# Intervals between two polls of the position: ordinarily, and while a read waits for it.
POLL_S = 0.25
WAITING_POLL_S = 0.003
# The time in which a replica must answer. Otherwise it is not used, and running reads continue on
# the primary.
ANSWER_TIMEOUT_S = 2.0
RETRY_S = 1.0

_IDENTITY = "SELECT pg_postmaster_start_time(), (pg_control_system()).system_identifier"
# The database and the schemas in which tables are found. A standby has the same identifiers.
LOCATION = """
SELECT
    (SELECT oid FROM pg_database WHERE datname = current_database())::int8,
    ARRAY(
        SELECT pg_namespace.oid::int8
        FROM unnest(current_schemas(false)) WITH ORDINALITY AS found (name, number)
        JOIN pg_namespace ON nspname = found.name
        ORDER BY number
    )
"""
# The timeline of the last restart point or of the last flushed page; never later than that of the
# last replayed record.
_STATE = """
SELECT
    pg_is_in_recovery(),
    greatest(
        (pg_control_checkpoint()).timeline_id, (pg_control_recovery()).min_recovery_end_timeline
    )::int8,
    (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::int8
"""

_logger = logging.getLogger(__name__)

# Returns why the schema of a database is not fit to read from, or None.
SchemaCheck: TypeAlias = Callable[[asyncpg.Connection], Awaitable[str | None]]


class ReplicaUnfit(Exception):
    """A replica must not be used; the message says why."""


@dataclass(frozen=True, slots=True)
class ReplicaOptions:
    """What all replicas have in common."""

    pool_size: int
    statement_timeout_ms: int | None
    check_schema: SchemaCheck
    # Returns the identifier of the primary's system; None while it is unknown.
    primary_system: Callable[[], int | None]
    # Returns the database and the schemas that the primary's sessions use, as LOCATION does.
    primary_location: Callable[[], tuple[Any, ...]]


class _CheckedConnector(Connector):
    """Opens sessions on one running server only."""

    def __init__(self, dsn: str, *, identity: tuple[Any, ...], **options: Any) -> None:
        super().__init__(dsn, **options)
        self._identity = identity

    async def connect(self, *dsn: str, **options: Any) -> Session:
        """Open a session; raises ConnectionError if it leads to another server."""
        session = await super().connect(*dsn, **options)
        try:
            identity = await _identity_of(session)
        except BaseException:
            session.terminate()
            raise
        if identity != self._identity:
            session.terminate()
            raise ConnectionError("the connection leads to another server")
        return session


class Replica:
    """One server of DATABASE_REPLICA_URL; ``number`` names it, from 1."""

    def __init__(self, number: int, dsn: str, options: ReplicaOptions) -> None:
        self.number = number
        self.host = ", ".join(map(str, parse_dsn(dsn).hosts)) or "default"
        self.position = START
        # None while the replica is not used.
        self.pool: ReplicaPool | None = None
        # Why it is not used; None while it is.
        self.reason: str | None = "It was not asked yet."
        # Since when the primary has had a position that it has not replayed; None if it has all.
        self.behind_since: float | None = None
        self._dsn = dsn
        self._options = options
        self._logged_reason: str | None = None
        self._waiters: list[tuple[Position, asyncio.Future[Replica]]] = []
        self._wakeup = asyncio.Event()

    def add_waiter(self, position: Position, waiter: "asyncio.Future[Replica]") -> None:
        """Complete a future when the replica has replayed up to a position."""
        self._waiters.append((position, waiter))
        self._wakeup.set()

    async def keep_watching(self) -> None:
        """Ask for the position until the task is cancelled; connect again after errors."""
        while True:
            try:
                await self._watch()
            except (ReplicaUnfit, *DATABASE_ERRORS) as error:
                self._stop_using(_reason(error))
            except Exception:
                _logger.exception("check of replica failed", extra={"fields": self._name})
                self._stop_using("The check failed.")
            except asyncio.CancelledError:
                self._abandon_pool()
                raise
            await asyncio.sleep(RETRY_S)

    async def _watch(self) -> None:
        session = await connect(self._dsn, timeout_s=ANSWER_TIMEOUT_S)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                identity = await self._check(session)
                await self._ask(session)
            self.pool = await open_replica_pool(
                _CheckedConnector(
                    self._dsn,
                    identity=identity,
                    has_pooler=False,
                    statement_timeout_ms=self._options.statement_timeout_ms,
                    timeout_s=ACQUIRE_TIMEOUT_S,
                ),
                max_size=self._options.pool_size,
            )
            self._start_using()
            while True:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    await self._ask(session)
                self._notify_waiters()
                await self._pause()
        finally:
            session.terminate()

    async def _check(self, session: Session) -> tuple[Any, ...]:
        """Return the identity of the server; raises ReplicaUnfit."""
        if session.state.has_pooler:
            raise ReplicaUnfit(
                "The URL leads to a connection pooler, behind which each statement can run on"
                " another server."
            )
        identity = await _identity_of(session)
        primary_system = self._options.primary_system()
        if primary_system is None:
            raise ReplicaUnfit("The primary did not answer yet.")
        if identity[1] != primary_system:
            raise ReplicaUnfit("It is not a replica of the primary: its system differs.")
        if tuple((await session.fetch(LOCATION))[0]) != self._options.primary_location():
            raise ReplicaUnfit(
                "The URL leads to another database or schema than DATABASE_URL. Compare the names"
                " of the databases, and search_path."
            )
        if reason := await self._options.check_schema(session):
            raise ReplicaUnfit(reason)
        return identity

    async def _ask(self, session: Session) -> None:
        is_standby, timeline, offset = (await session.fetch(_STATE))[0]
        if not is_standby or offset is None:
            raise ReplicaUnfit("It is not a standby; perhaps it was promoted.")
        self.position = Position(timeline, offset)

    async def _pause(self) -> None:
        if self._waiters:
            await asyncio.sleep(WAITING_POLL_S)
            return
        self._wakeup.clear()
        try:
            async with asyncio.timeout(POLL_S):
                await self._wakeup.wait()
        except TimeoutError:
            return

    def _notify_waiters(self) -> None:
        """Complete the futures of the reads that need not wait any longer."""
        waiting = []
        for position, waiter in self._waiters:
            if waiter.done():
                continue
            if self.position >= position:
                waiter.set_result(self)
            else:
                waiting.append((position, waiter))
        self._waiters = waiting

    @property
    def _name(self) -> dict[str, int | str]:
        return {"replica": self.number, "host": self.host}

    def _start_using(self) -> None:
        self.reason = self._logged_reason = None
        _logger.info("replica used for reads", extra={"fields": self._name})

    def _stop_using(self, reason: str) -> None:
        self.reason = reason
        self._waiters.clear()
        if reason != self._logged_reason:
            self._logged_reason = reason
            _logger.warning("replica not used", extra={"fields": self._name | {"reason": reason}})
        self._abandon_pool()

    def _abandon_pool(self) -> None:
        pool, self.pool = self.pool, None
        if pool is not None:
            pool.abandon(ConnectionRefused("the replica is not used any longer"))


async def _identity_of(session: Session) -> tuple[Any, ...]:
    """Return what identifies a running server: when it was started, and its system."""
    return tuple((await session.fetch(_IDENTITY))[0])


def _reason(error: Exception) -> str:
    """Return why a replica is not used, without names of the database."""
    if isinstance(error, ReplicaUnfit):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"It did not answer within {ANSWER_TIMEOUT_S:g} s."
    if state := sqlstate(error):
        return f"PostgreSQL reports SQLSTATE {state}."
    return f"It cannot be reached: {type(error).__name__}."
