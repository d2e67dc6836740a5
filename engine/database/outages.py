"""Conditions that are logged once when they begin and once when they end.

While the database is unavailable, every request and every background task fails. A line for each
of them would hide the reason, so the process logs one line for each reason, and one at the end.
"""

import logging
import time
from typing import Any

from engine.database.errors import sqlstate

__all__ = ["OUTAGE", "Condition", "Outage"]

# A success ends the outage only this long after the last error, since some statements can
# succeed while others fail.
SETTLE_S = 1.0
# An error after this time begins another outage: a process that uses the database rarely might
# not notice its return.
FORGET_S = 10.0

_logger = logging.getLogger(__name__)


class Condition:
    """A condition that holds for a time; its beginning and its end are logged."""

    def __init__(self, begin: str, end: str, *, logger: logging.Logger = _logger) -> None:
        self._messages = begin, end
        self._logger = logger
        # None unless the condition holds.
        self.began_at: float | None = None
        self.ended_at = 0.0

    def begin(self, **fields: Any) -> None:
        """Log the beginning, unless the condition holds already."""
        if self.began_at is None:
            self.began_at = time.monotonic()
            self._logger.warning(self._messages[0], extra={"fields": fields})

    def end(self, **fields: Any) -> None:
        """Log the end, if the condition holds."""
        if self.began_at is not None:
            fields["duration_s"] = round(time.monotonic() - self.began_at, 3)
            self.began_at = None
            self.ended_at = time.monotonic()
            self._logger.warning(self._messages[1], extra={"fields": fields})


class Outage:
    """The database is unavailable, for one reason or for several."""

    def __init__(self) -> None:
        self.is_open = False
        self._began_at = 0.0
        self._failed_at = 0.0
        self._failures = 0
        self._reasons: set[str] = set()

    def report(self, error: BaseException, **fields: Any) -> None:
        """Count an error that means that the database is unavailable; log each reason once."""
        now = time.monotonic()
        if not self.is_open or now - self._failed_at > FORGET_S:
            self.is_open = True
            self._began_at = now
            self._failures = 0
            self._reasons.clear()
        self._failed_at = now
        self._failures += 1
        name = type(error.__cause__ or error).__name__
        state = sqlstate(error)
        reason = state or name
        if reason not in self._reasons:
            self._reasons.add(reason)
            fields["error"] = name
            if state is not None:
                fields["sqlstate"] = state
            _logger.warning("database unavailable", extra={"fields": fields})

    def succeed(self) -> None:
        """End the outage after a success, unless there was an error just before."""
        now = time.monotonic()
        if now - self._failed_at < SETTLE_S:
            return
        self.is_open = False
        fields = {"failures": self._failures, "duration_s": round(now - self._began_at, 3)}
        _logger.warning("database available again", extra={"fields": fields})


# That of this process.
OUTAGE = Outage()
