"""Metrics of this process for Prometheus.

Values are counted as plain numbers where they occur, and collected when Prometheus scrapes
/metrics. `_METRICS` declares each metric, and docs/reference/metrics.md is generated from it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from app.http.authentication import authenticate, require_scopes
from app.http.request_record import RequestRecord
from app.http.unread_bytes import UNREAD
from engine.caches import CACHE_SHARES, STATS, cache_usage
from engine.database.memory_grants import GRANTS, PROCESS_BYTES, PROCESS_GRANTS
from engine.database.queries import pool_usage
from engine.projection.fallbacks import FALLBACKS, FallbackReason
from schema.access import ADMIN

__all__ = ["MetricDescription", "count_request", "metric_descriptions", "metrics"]

_SCOPES = frozenset({ADMIN})

_requests: Counter[int] = Counter()
_request_seconds: defaultdict[int, float] = defaultdict(float)

# Values of the labels, in their order, with the value of the metric.
_Sample = tuple[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class MetricDescription:
    """A metric for the documentation; labels with the meaning of their values."""

    name: str
    type: str
    labels: Mapping[str, str]
    help: str


@dataclass(frozen=True, slots=True)
class _Metric:
    family: type[CounterMetricFamily | GaugeMetricFamily]
    name: str
    help: str
    labels: Mapping[str, str]
    samples: Callable[[], Iterable[_Sample]]


def count_request(record: RequestRecord) -> None:
    """Count a finished request."""
    _requests[record.status] += 1
    _request_seconds[record.status] += record.took_s


async def metrics(request: Request) -> Response:
    """Respond with the metrics, in the text format that the scraper accepts."""
    require_scopes(await authenticate(request.scope), _SCOPES)
    encode, content_type = choose_encoder(", ".join(request.headers.getlist("Accept")))
    return Response(encode(_REGISTRY), headers={"Content-Type": content_type})


def metric_descriptions() -> Iterator[MetricDescription]:
    """Yield each metric of this service, by the name in its text format."""
    for metric in _METRICS:
        is_counter = metric.family is CounterMetricFamily
        yield MetricDescription(
            f"{metric.name}_total" if is_counter else metric.name,
            "counter" if is_counter else "gauge",
            metric.labels,
            metric.help,
        )


def _cache_requests() -> Iterator[_Sample]:
    for name, stats in STATS.items():
        yield (name, "hit"), stats.hits
        yield (name, "miss"), stats.misses


def _cache_bytes() -> Iterator[_Sample]:
    for name, usage in cache_usage():
        yield (name, "used"), usage.bytes
        yield (name, "limit"), usage.max_bytes


def _database_connections() -> Iterator[_Sample]:
    usage = pool_usage()
    yield ("free",), usage.available
    yield ("used",), usage.size - usage.available


def _database_callers() -> Iterator[_Sample]:
    usage = pool_usage()
    yield ("active",), usage.callers
    yield ("at_limit",), usage.callers_at_limit


def _waiting() -> Iterator[_Sample]:
    usage = pool_usage()
    yield ("connection",), usage.waiting_for_connection
    yield ("share",), usage.waiting_for_share
    _, waiting = GRANTS.usage
    yield ("memory",), waiting


def _read_bytes() -> Iterator[_Sample]:
    yield ("used",), GRANTS.bytes
    yield ("limit",), PROCESS_BYTES


def _memory_grants() -> Iterator[_Sample]:
    granted, _ = GRANTS.usage
    yield ("used",), granted
    yield ("free",), PROCESS_GRANTS - granted


def _unread_bytes() -> Iterator[_Sample]:
    yield ("used",), UNREAD.used
    yield ("limit",), UNREAD.limit


def _fallbacks() -> Iterator[_Sample]:
    for reason in FallbackReason:
        yield (reason.value,), FALLBACKS[reason]


def _by_status(values: dict[int, int] | dict[int, float]) -> Iterator[_Sample]:
    for status, value in values.items():
        # Status 0: the client disconnected before the response began.
        yield (str(status or "gone"),), value


_STATUS_VALUES = "HTTP status, or gone if the client disconnected before the response"

_METRICS = (
    _Metric(
        CounterMetricFamily,
        "ticketops_http_requests",
        "Finished HTTP requests and closed WebSockets.",
        {"status": _STATUS_VALUES},
        lambda: _by_status(_requests),
    ),
    _Metric(
        CounterMetricFamily,
        "ticketops_http_request_seconds",
        "Total duration of finished HTTP requests and closed WebSockets, in seconds.",
        {"status": _STATUS_VALUES},
        lambda: _by_status(_request_seconds),
    ),
    _Metric(
        CounterMetricFamily,
        "ticketops_cache_requests",
        "Lookups in the caches.",
        {"cache": ", ".join(STATS), "result": "hit, miss"},
        _cache_requests,
    ),
    _Metric(
        GaugeMetricFamily,
        "ticketops_cache_bytes",
        "Memory of the keys and values of each cache, and its share of CACHE_MAX_BYTES. That of "
        "documents includes their compiled selections.",
        {"cache": ", ".join(CACHE_SHARES), "kind": "used, limit"},
        _cache_bytes,
    ),
    _Metric(
        GaugeMetricFamily,
        "ticketops_database_connections",
        "Connections of the database pool that are available or in use.",
        {"state": "free, used"},
        _database_connections,
    ),
    _Metric(
        GaugeMetricFamily,
        "ticketops_database_callers",
        "Callers whose operations use connections of the database pool, and those that use all"
        " of their share.",
        {"state": "active, at_limit"},
        _database_callers,
    ),
    _Metric(
        GaugeMetricFamily,
        "ticketops_database_waiting",
        "Statements that wait for a connection of the pool or of their caller's or operation's"
        " share, and operations that wait for memory.",
        {"for": "connection, share, memory"},
        _waiting,
    ),
    _Metric(
        GaugeMetricFamily,
        "ticketops_read_bytes",
        "Bytes that running operations without a memory grant have read from PostgreSQL, and"
        " their limit.",
        {"kind": "used, limit"},
        _read_bytes,
    ),
    _Metric(
        GaugeMetricFamily,
        "ticketops_memory_grants",
        "Memory grants, with which operations may read more.",
        {"state": "free, used"},
        _memory_grants,
    ),
    _Metric(
        GaugeMetricFamily,
        "ticketops_unread_bytes",
        "Bytes of responses that wait for clients to read them, counted each second, and"
        " MAX_UNREAD_BYTES_IN_TOTAL.",
        {"kind": "used, limit"},
        _unread_bytes,
    ),
    _Metric(
        CounterMetricFamily,
        "ticketops_graphql_fallbacks",
        "GraphQL operations that were executed by graphql-core, at least in part.",
        {"reason": ", ".join(reason.value for reason in FallbackReason)},
        _fallbacks,
    ),
)


class _Collector(Collector):
    def collect(self) -> Iterator[Metric]:
        for metric in _METRICS:
            family = metric.family(metric.name, metric.help, labels=list(metric.labels))
            for label_values, value in metric.samples():
                family.add_metric(label_values, value)
            yield family


_REGISTRY = CollectorRegistry()
_REGISTRY.register(_Collector())
ProcessCollector(registry=_REGISTRY)
