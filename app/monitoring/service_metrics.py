"""Metrics of deliveries, live feeds and notifications."""

from collections.abc import Iterator

from app.monitoring.declarations import Across, Declaration, Kind, Sample, histogram_value
from app.monitoring.services import Services
from engine.streaming.stream import Stream
from ops import ATTEMPT_DURATIONS, ATTEMPT_OUTCOMES, ATTEMPTS, CircuitState

__all__ = ["SERVICE_METRICS"]


def _attempts() -> Iterator[Sample]:
    for outcome in ATTEMPT_OUTCOMES:
        yield (outcome,), ATTEMPTS[outcome]


def _attempt_durations() -> Iterator[Sample]:
    for outcome, histogram in ATTEMPT_DURATIONS.items():
        yield (outcome,), histogram_value(histogram)


def _circuit(services: Services) -> Iterator[Sample]:
    for state in CircuitState:
        yield (state.value,), services.deliveries.circuit_state is state


def _feeds(services: Services) -> Iterator[tuple[str, Stream]]:
    yield "ticket_events", services.feeds.ticket_events
    yield "log_entries", services.feeds.log_entries


_FEED_VALUES = {"feed": "ticket_events, log_entries"}

SERVICE_METRICS = (
    Declaration(
        Kind.COUNTER,
        "ticketops_delivery_attempts",
        "Attempts to deliver to OPS whose outcome is recorded. The outcome of a lost attempt is"
        " unknown, because its process ended.",
        {"outcome": ", ".join(ATTEMPT_OUTCOMES)},
        lambda _: _attempts(),
    ),
    Declaration(
        Kind.HISTOGRAM,
        "ticketops_delivery_attempt_duration_seconds",
        "Durations of the calls of OPS in these attempts.",
        {"outcome": ", ".join(ATTEMPT_DURATIONS)},
        lambda _: _attempt_durations(),
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_ops_circuit_state",
        "Processes whose circuit breaker has this state. An open circuit calls OPS no more until"
        " its pause ends.",
        {"state": ", ".join(state.value for state in CircuitState)},
        _circuit,
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_feed_subscribers",
        "Subscribers that have caught up with a live feed.",
        _FEED_VALUES,
        lambda services: [((name,), feed.subscriber_count) for name, feed in _feeds(services)],
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_feed_position_age_seconds",
        "Time since a process had read everything that was committed, the longest of all processes;"
        " up to a second in normal operation, and 0 without subscribers.",
        _FEED_VALUES,
        lambda services: [((name,), feed.position_age_s) for name, feed in _feeds(services)],
        Across.MAX,
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_notification_connection_up",
        "1 if the connection for notifications is up in all processes, else 0.",
        {},
        lambda services: [((), services.notifier.is_connected)],
        Across.MIN,
    ),
)
