"""Metrics that are facts of the database, the same for all processes."""

import asyncio
import logging
import time

from app.monitoring.declarations import Declaration, Kind, Snapshot
from engine.database.errors import DATABASE_ERRORS, is_unavailable
from engine.database.queries import fetch
from engine.database.shares import reserved

__all__ = ["DATABASE_METRICS", "DatabaseFacts"]

# The numbers of rows that one measurement reads.
MAX_COUNTED = 100_000
MAX_COMPARED = 10_000
RECENT_MINUTES = 5
TIMEOUT_S = 2.0
VALID_FOR_S = 5.0

_UP = "ticketops_database_up"
_PENDING = "ticketops_deliveries_pending"
_FAILED = "ticketops_deliveries_failed"
_OLDEST = "ticketops_deliveries_oldest_pending_age_seconds"
_RECENT = "ticketops_recent_delivery_attempts"

# A delivery is pending if its next attempt has a time (a CHECK constraint), which has an index.
_FACTS = """
SELECT
    (
        SELECT count(*)
        FROM (
            SELECT FROM ops_deliveries WHERE next_attempt_at IS NOT NULL LIMIT $1
        ) AS pending
    ),
    (
        SELECT count(*)
        FROM (SELECT FROM ops_deliveries WHERE state = 'failed' LIMIT $1) AS failed
    ),
    (
        SELECT extract(epoch FROM clock_timestamp() - min(created_at))::float8
        FROM (
            SELECT created_at
            FROM ops_deliveries
            WHERE next_attempt_at IS NOT NULL
            ORDER BY next_attempt_at
            LIMIT $2
        ) AS due_first
    ),
    recent.failed,
    recent.total - recent.failed
FROM (
    SELECT count(*) AS total, count(*) FILTER (WHERE status = 'failed') AS failed
    FROM (
        SELECT action, status
        FROM log_entries
        WHERE timestamp > clock_timestamp() - make_interval(mins => $3)
        ORDER BY timestamp DESC
        LIMIT $2
    ) AS newest
    WHERE action IN ('send', 'retry')
) AS recent
"""

_logger = logging.getLogger(__name__)


def _declared(name: str, description: str, **labels: str) -> Declaration:
    return Declaration(Kind.GAUGE, name, description, labels, lambda _: ())


DATABASE_METRICS = (
    _declared(_UP, "1 if the database answered the last measurement of deliveries, else 0."),
    _declared(
        _PENDING,
        f"Deliveries that are not yet accepted by OPS, counted up to {MAX_COUNTED:,}. Absent if the"
        " database does not answer, as are the next three.",
    ),
    _declared(
        _FAILED,
        f"Deliveries in the state FAILED, counted up to {MAX_COUNTED:,}.",
    ),
    _declared(
        _OLDEST,
        "Age of the oldest pending delivery, 0 if there is none; of more than"
        f" {MAX_COMPARED:,}, the oldest of those whose attempts are due first.",
    ),
    _declared(
        _RECENT,
        f"Attempts of all servers and workers in the last {RECENT_MINUTES} minutes, among the"
        f" newest {MAX_COMPARED:,} log entries.",
        status="success, failed",
    ),
)


class DatabaseFacts:
    """Measures the database at most once in `VALID_FOR_S`, for all scrapes that arrive meanwhile.

    It uses connections in reserve, so that a scrape works while requests use all others.
    """

    def __init__(self) -> None:
        self._running: asyncio.Task[Snapshot] | None = None
        self._facts: Snapshot = {}
        self._valid_until = 0.0
        # The last reason for a failure, to log what repeats once.
        self._failure = ""

    async def current(self) -> Snapshot:
        """Return the facts."""
        if time.monotonic() < self._valid_until:
            return self._facts
        if self._running is None:
            # The measurement must not end with the request that began it.
            self._running = asyncio.create_task(self._measured())
            self._running.add_done_callback(self._finish)
        return await asyncio.shield(self._running)

    def _finish(self, _task: asyncio.Task[Snapshot]) -> None:
        self._running = None

    async def _measured(self) -> Snapshot:
        try:
            with reserved():
                async with asyncio.timeout(TIMEOUT_S):
                    [row] = await fetch(_FACTS, [MAX_COUNTED, MAX_COMPARED, RECENT_MINUTES])
        except Exception as error:
            if not is_unavailable(error) and not isinstance(error, DATABASE_ERRORS):
                raise
            self._log_failure(error)
            self._facts = {_UP: {(): (0,)}}
        else:
            self._failure = ""
            pending, failed, oldest_age_s, failures, successes = row
            self._facts = {
                _UP: {(): (1,)},
                _PENDING: {(): (pending,)},
                _FAILED: {(): (failed,)},
                _OLDEST: {(): (oldest_age_s or 0.0,)},
                _RECENT: {("success",): (successes,), ("failed",): (failures,)},
            }
        self._valid_until = time.monotonic() + VALID_FOR_S
        return self._facts

    def _log_failure(self, error: Exception) -> None:
        failure = type(error.__cause__ or error).__name__
        if failure != self._failure:
            self._failure = failure
            fields = {"error": failure}
            _logger.warning("deliveries cannot be measured", extra={"fields": fields})
