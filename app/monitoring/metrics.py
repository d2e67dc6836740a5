"""What the process tells a Prometheus that scrapes it.

All is counted where it happens, as plain numbers that cost next to nothing, and
gathered when it is asked for.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from app.http.authentication import authenticate, require_scope
from app.http.request_record import RequestRecord
from engine.database.queries import pool_usage
from engine.documents.caches import CACHES
from engine.projection.fallbacks import FALLBACKS, FallbackReason

__all__ = ["count_request", "metrics"]

_requests: Counter[int] = Counter()
_seconds: defaultdict[int, float] = defaultdict(float)


def count_request(record: RequestRecord) -> None:
    """Count a request that has ended."""
    _requests[record.status] += 1
    _seconds[record.status] += record.took_s


async def metrics(request: Request) -> Response:
    """Answer with the metrics of this process, in the form that the scraper accepts."""
    require_scope(await authenticate(request.scope), "admin")
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(_REGISTRY), headers={"Content-Type": content_type})


class _Counted(Collector):
    def collect(self) -> Iterator[Metric]:
        told = CounterMetricFamily(
            "ticketops_http_requests", "Requests and sockets that have ended.", labels=["status"]
        )
        took = CounterMetricFamily(
            "ticketops_http_request_seconds", "How long they took.", labels=["status"]
        )
        for status, number in _requests.items():
            told.add_metric([str(status or "gone")], number)
            took.add_metric([str(status or "gone")], _seconds[status])
        yield told
        yield took
        asked = CounterMetricFamily(
            "ticketops_cache_requests", "What was asked of a cache.", labels=["cache", "result"]
        )
        for name, use in CACHES.items():
            asked.add_metric([name, "hit"], use.hits)
            asked.add_metric([name, "miss"], use.misses)
        yield asked
        fallbacks = CounterMetricFamily(
            "ticketops_graphql_fallbacks",
            "GraphQL operations that were executed by graphql-core, at least in part.",
            labels=["reason"],
        )
        for reason in FallbackReason:
            fallbacks.add_metric([reason.value], FALLBACKS[reason])
        yield fallbacks
        lent = GaugeMetricFamily(
            "ticketops_database_connections", "Connections of the pool.", labels=["state"]
        )
        free, most = pool_usage()
        lent.add_metric(["free"], free)
        lent.add_metric(["used"], most - free)
        yield lent


_REGISTRY = CollectorRegistry()
_REGISTRY.register(_Counted())
ProcessCollector(registry=_REGISTRY)
