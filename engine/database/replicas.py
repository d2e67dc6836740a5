"""The replicas of a process, and the choice of one for the reads of an operation."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from engine.database.caller_positions import CallerPositions
from engine.database.errors import DATABASE_ERRORS, DatabaseUnavailable
from engine.database.positions import START, Position
from engine.database.queries import fetch
from engine.database.replica import LOCATION, Replica, ReplicaOptions, SchemaCheck
from engine.database.shares import NO_SHARE, reserved
from engine.database.time_limit import background_time_limit

__all__ = ["FALLBACKS", "READS", "ReplicaStatus", "Replicas", "running_replicas"]

# Operations that only read, by server: "primary" or "replica".
READS: Counter[str] = Counter()
# Those that read on the primary, by reason: no replica was usable, none had replayed the caller's
# last change in time, or a statement failed on the replica.
FALLBACKS: Counter[str] = Counter({"unusable": 0, "position": 0, "failed": 0})
# Interval between two samples of the primary's position, from which the lag is calculated.
SAMPLE_S = 0.25
# A position must be known this soon after a change. Otherwise its caller reads on the primary.
POSITION_TIMEOUT_S = 1.0

# A position that is not before any committed change. A commit is flushed before it is acknowledged,
# unless synchronous_commit is off.
_POSITION = """
SELECT pg_walfile_name(lsn), (lsn - '0/0'::pg_lsn)::int8
FROM (
    SELECT
        CASE current_setting('synchronous_commit')
            WHEN 'off' THEN pg_current_wal_insert_lsn()
            ELSE pg_current_wal_flush_lsn()
        END
) AS current (lsn)
"""
_SYSTEM = "SELECT (pg_control_system()).system_identifier"
# The length of the timeline, in hexadecimal digits, at the start of the name of a log file.
_TIMELINE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """The state of a replica for the health check and the metrics."""

    number: int
    # Why it is not used; None while it is.
    reason: str | None
    lag_s: float
    lag_bytes: int


class Replicas:
    """The replicas, the position of the primary, and those of the callers' last changes."""

    def __init__(
        self,
        replicas: Sequence[Replica],
        callers: CallerPositions,
        *,
        wait_s: float,
        max_lag_s: float,
    ) -> None:
        self.callers = callers
        # Of the primary's system; None until it has answered.
        self.system: int | None = None
        # The database and the schemas of the primary's sessions.
        self.location: tuple[Any, ...] = ()
        self.all = replicas
        self._wait_s = wait_s
        self._max_lag_s = max_lag_s
        self._turn = 0
        # The last known position of the primary.
        self._position = START
        # When the replicas were last compared with the primary.
        self._compared_at = 0.0
        # Positions of the primary that a replica has perhaps not replayed, and when each was seen.
        self._samples: deque[tuple[float, Position]] = deque()
        # The running query for the position, and the next one.
        self._running: asyncio.Task[Position] | None = None
        self._next: asyncio.Task[Position] | None = None

    @property
    def statuses(self) -> list[ReplicaStatus]:
        """The states of all replicas, in the order of the setting."""
        return [
            ReplicaStatus(
                replica.number,
                replica.reason or self._lag_reason(replica),
                self._lag_s(replica),
                max(0, self._position.offset - replica.position.offset),
            )
            for replica in self.all
        ]

    async def choose(self, position: Position) -> Replica | None:
        """Return a replica that has replayed up to a position; wait for one for a short time.

        None if there is none, so that the primary must be used.
        """
        usable = [one for one in self.all if one.pool is not None and not self._is_late(one)]
        if not usable:
            FALLBACKS["unusable"] += 1
            return None
        self._turn += 1
        for number in range(len(usable)):
            replica = usable[(self._turn + number) % len(usable)]
            if replica.position >= position:
                return replica
        return await self._wait(usable, position)

    async def _wait(self, usable: Sequence[Replica], position: Position) -> Replica | None:
        prompt = [replica for replica in usable if self._is_prompt(replica)]
        if prompt and self._wait_s > 0:
            waiter: asyncio.Future[Replica] = asyncio.get_running_loop().create_future()
            for replica in prompt:
                replica.add_waiter(position, waiter)
            try:
                await asyncio.wait((waiter,), timeout=self._wait_s)
                if waiter.done() and waiter.result().pool is not None:
                    return waiter.result()
            finally:
                # The replicas forget it.
                waiter.cancel()
        FALLBACKS["position"] += 1
        return None

    async def current_position(self) -> Position:
        """Return a position that is not before any change committed so far.

        Changes that end while the primary is being asked share the next question. Raises what
        `fetch` raises, and DatabaseUnavailable.
        """
        if self._next is None:
            loop = asyncio.get_running_loop()
            self._next = loop.create_task(self._ask_next(self._running), context=NO_SHARE.copy())
            # Each caller that waits receives the error too.
            self._next.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._next)

    async def _ask_next(self, former: asyncio.Task[Position] | None) -> Position:
        if former is not None:
            await asyncio.wait((former,))
        self._running, self._next = self._next, None
        with reserved():
            async with background_time_limit(POSITION_TIMEOUT_S):
                return await self._ask()

    async def _ask(self) -> Position:
        if self.system is None:
            self.location = tuple((await fetch(LOCATION, []))[0])
            [[self.system]] = await fetch(_SYSTEM, [])
        asked_at_ns = time.monotonic_ns()
        name, offset = (await fetch(_POSITION, []))[0]
        position = Position(int(name[:_TIMELINE_LENGTH], 16), offset)
        self.callers.resolve(position, asked_at_ns=asked_at_ns)
        self._position = max(position, self._position)
        return position

    async def ask_primary(self) -> None:
        """Ask the primary for its position; then calculate the lags.

        If it does not answer, they are calculated from its last known positions.
        """
        with suppress(DatabaseUnavailable, *DATABASE_ERRORS), reserved():
            async with background_time_limit():
                position = await self._ask()
            if not self._samples or self._samples[-1][1] != position:
                self._samples.append((time.monotonic(), position))
        self._drop_samples()
        self._compared_at = time.monotonic()
        for replica in self.all:
            replica.behind_since = self._behind_since(replica)

    async def keep_watching_primary(self) -> None:
        """Ask the primary again and again until the task is cancelled."""
        while True:
            await self.ask_primary()
            await asyncio.sleep(SAMPLE_S)

    def _drop_samples(self) -> None:
        """Drop positions that all replicas have replayed, and those that are too many.

        The lag of a replica that is far behind is then at least twice the limit.
        """
        samples = self._samples
        slowest = min(replica.position for replica in self.all)
        max_samples = int(2 * self._max_lag_s / SAMPLE_S) + 2
        while samples and (samples[0][1] <= slowest or len(samples) > max_samples):
            samples.popleft()

    def _behind_since(self, replica: Replica) -> float | None:
        for seen_at, position in self._samples:
            if position > replica.position:
                return seen_at
        return None

    def _lag_s(self, replica: Replica) -> float:
        since = self._behind_since(replica)
        return 0.0 if since is None else time.monotonic() - since

    def _is_late(self, replica: Replica) -> bool:
        since = replica.behind_since
        return since is not None and time.monotonic() - since > self._max_lag_s

    def _is_prompt(self, replica: Replica) -> bool:
        """Return whether a replica will perhaps replay a new position within the wait."""
        since = replica.behind_since
        # The positions of both are up to one interval old.
        return since is None or self._compared_at - since < self._wait_s + 2 * SAMPLE_S

    def _lag_reason(self, replica: Replica) -> str | None:
        if not self._is_late(replica):
            return None
        return f"It lags by more than {self._max_lag_s:g} s (DATABASE_REPLICA_MAX_LAG_MS)."


@asynccontextmanager
async def running_replicas(
    dsns: Sequence[str],
    callers: CallerPositions,
    *,
    wait_s: float,
    max_lag_s: float,
    pool_size: int,
    statement_timeout_ms: int | None,
    check_schema: SchemaCheck,
) -> AsyncIterator[Replicas]:
    """Watch the replicas of a primary, whose pool is open, inside the block."""
    options = ReplicaOptions(
        pool_size=pool_size,
        statement_timeout_ms=statement_timeout_ms,
        check_schema=check_schema,
        primary_system=lambda: replicas.system,
        primary_location=lambda: replicas.location,
    )
    replicas = Replicas(
        [Replica(number, dsn, options) for number, dsn in enumerate(dsns, start=1)],
        callers,
        wait_s=wait_s,
        max_lag_s=max_lag_s,
    )
    await replicas.ask_primary()
    tasks = [asyncio.create_task(replicas.keep_watching_primary())]
    tasks += [asyncio.create_task(one.keep_watching()) for one in replicas.all]
    try:
        yield replicas
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
