"""Counts and durations of the delivery attempts of this process, by outcome."""

from collections import Counter

from engine.histogram import Histogram
from ops.clients.protocol import Accepted, FailureKind, OpsFailure

__all__ = ["ATTEMPTS", "ATTEMPT_DURATIONS", "ATTEMPT_OUTCOMES", "count_attempt"]

ACCEPTED = "accepted"
# Only a call counts as an attempt: while the circuit is open, claims are released.
ATTEMPT_OUTCOMES = (
    ACCEPTED,
    *(kind.value for kind in FailureKind if kind is not FailureKind.CIRCUIT_OPEN),
)

ATTEMPTS: Counter[str] = Counter()
# The duration of a lost attempt is unknown.
ATTEMPT_DURATIONS = {
    outcome: Histogram() for outcome in ATTEMPT_OUTCOMES if outcome != FailureKind.LOST
}


def count_attempt(result: Accepted | OpsFailure, duration_ms: int | None) -> None:
    """Count an attempt whose outcome is recorded."""
    outcome = result.kind.value if isinstance(result, OpsFailure) else ACCEPTED
    ATTEMPTS[outcome] += 1
    if duration_ms is not None:
        ATTEMPT_DURATIONS[outcome].observe(duration_ms / 1000)
