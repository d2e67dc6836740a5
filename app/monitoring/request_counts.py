"""Counts and durations of the requests and the GraphQL operations of this process.

Labels have a bounded number of values, none of which a client chooses.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from app.http.request_record import RequestRecord
from app.monitoring.declarations import Declaration, Kind, Sample, histogram_value
from engine.histogram import Histogram

__all__ = ["OTHER", "REQUEST_METRICS", "count_operation", "count_request"]

# The label of operations that are not in the manifest of persisted documents.
OTHER = "other"
# Names of operations that are counted separately; those of a larger manifest are counted as other.
# Each has 15 values, and a scrape encodes all of them in one turn of the event loop.
MAX_NAMES = 50

_ENDPOINTS = {
    "graphql": "graphql",
    "tickets": "rest",
    "ops": "rest",
    "healthz": "monitoring",
    "readyz": "monitoring",
    "metrics": "monitoring",
}

_requests: Counter[int] = Counter()
_request_seconds: defaultdict[int, float] = defaultdict(float)
_durations = {endpoint: Histogram() for endpoint in (*dict.fromkeys(_ENDPOINTS.values()), OTHER)}
_operations = {OTHER: Histogram()}


def count_request(record: RequestRecord, path: str | None) -> None:
    """Count a finished request; ``path`` is None for a WebSocket."""
    _requests[record.status] += 1
    _request_seconds[record.status] += record.took_s
    # Clients choose how long a subscription lasts.
    if path is not None and record.operation_type != "subscription":
        # The path of `OPTIONS *` does not begin with a slash.
        endpoint = _ENDPOINTS.get(path[1:].partition("/")[0], OTHER)
        _durations[endpoint].observe(record.took_s)


def count_operation(name: str, duration_s: float) -> None:
    """Count an executed query or mutation by its name in the manifest, or as OTHER."""
    histogram = _operations.get(name)
    if histogram is None:
        if len(_operations) > MAX_NAMES:
            histogram = _operations[OTHER]
        else:
            histogram = _operations[name] = Histogram()
    histogram.observe(duration_s)


def _by_status(values: dict[int, int] | dict[int, float]) -> Iterator[Sample]:
    for status, value in values.items():
        # Status 0: the client disconnected before the response began.
        yield (str(status or "gone"),), value


def _by_name(histograms: dict[str, Histogram]) -> Iterator[Sample]:
    for name, histogram in histograms.items():
        yield (name,), histogram_value(histogram)


_STATUS_VALUES = "HTTP status, or gone if the client disconnected before the response"

REQUEST_METRICS = (
    Declaration(
        Kind.COUNTER,
        "ticketops_http_requests",
        "Finished HTTP requests and closed WebSockets.",
        {"status": _STATUS_VALUES},
        lambda _: _by_status(_requests),
    ),
    Declaration(
        Kind.COUNTER,
        "ticketops_http_request_seconds",
        "Total duration of finished HTTP requests and closed WebSockets, in seconds.",
        {"status": _STATUS_VALUES},
        lambda _: _by_status(_request_seconds),
    ),
    Declaration(
        Kind.HISTOGRAM,
        "ticketops_http_request_duration_seconds",
        "Durations of HTTP requests, without WebSockets and subscriptions.",
        {"endpoint": ", ".join(_durations)},
        lambda _: _by_name(_durations),
    ),
    Declaration(
        Kind.HISTOGRAM,
        "ticketops_graphql_operation_duration_seconds",
        "Durations of executed queries and mutations.",
        {
            "operation": "name of an operation of PERSISTED_DOCUMENTS, other for all other"
            f" operations and after {MAX_NAMES} names"
        },
        lambda _: _by_name(_operations),
    ),
)
