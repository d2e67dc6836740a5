"""Metrics for Prometheus.

Values are counted as plain numbers where they occur, and collected when Prometheus scrapes
/metrics. `METRICS` declares each metric, and docs/reference/metrics.md is generated from it.
"""

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from app.background import background_task
from app.http.authentication import authenticate, require_scopes
from app.monitoring.database_metrics import DATABASE_METRICS, DatabaseFacts
from app.monitoring.declarations import Snapshot, families, snapshot
from app.monitoring.process_metrics import OPERATING_SYSTEM_METRICS, PROCESS_METRICS
from app.monitoring.replica_metrics import REPLICA_METRICS
from app.monitoring.request_counts import REQUEST_METRICS
from app.monitoring.service_metrics import SERVICE_METRICS
from app.monitoring.services import Services
from app.monitoring.shared_snapshots import SharedSnapshots
from schema.access import ADMIN

__all__ = ["MetricDescription", "Metrics", "metric_descriptions", "metrics", "running_metrics"]

_SCOPES = frozenset({ADMIN})
# Collecting and encoding take some milliseconds. More scrapes than these receive the last values.
MAX_COLLECTIONS = 20
COLLECTIONS_WINDOW_S = 10.0

_SERVICE_METRICS = (*SERVICE_METRICS, *REPLICA_METRICS)
_OF_PROCESSES = (*REQUEST_METRICS, *PROCESS_METRICS, *_SERVICE_METRICS, *OPERATING_SYSTEM_METRICS)
_DESCRIBED = (*REQUEST_METRICS, *_SERVICE_METRICS, *DATABASE_METRICS, *PROCESS_METRICS)


@dataclass(frozen=True, slots=True)
class MetricDescription:
    """A metric for the documentation; labels with the meaning of their values."""

    name: str
    type: str
    labels: Mapping[str, str]
    help: str


async def metrics(request: Request) -> Response:
    """Respond with the metrics, in the text format that the scraper accepts."""
    require_scopes(await authenticate(request.scope), _SCOPES)
    collected: Metrics = request.state.metrics
    encode, content_type = choose_encoder(", ".join(request.headers.getlist("Accept")))
    text = await collected.text(content_type, encode)
    return Response(text, headers={"Content-Type": content_type})


def metric_descriptions() -> Iterator[MetricDescription]:
    """Yield each metric of this service, by the name in its text format."""
    for metric in _DESCRIBED:
        yield MetricDescription(metric.text_name, metric.kind.value, metric.labels, metric.help)


class Metrics:
    """The metrics of the service that a process belongs to."""

    def __init__(self, services: Services, shared: SharedSnapshots | None) -> None:
        self._services = services
        self._shared = shared
        self._facts = DatabaseFacts()
        self._families: list[Metric] = []
        # The text of these families in each format that a scraper has requested.
        self._texts: dict[str, bytes] = {}
        self._collections: deque[float] = deque(maxlen=MAX_COLLECTIONS)

    def snapshot(self) -> Snapshot:
        """Return the values of this process."""
        return snapshot(_OF_PROCESSES, self._services)

    async def text(self, content_type: str, encode: Callable[[CollectorRegistry], bytes]) -> bytes:
        """Return all metrics in a format, or the last ones if there are too many scrapes."""
        facts = await self._facts.current()
        if self._may_collect():
            own = self.snapshot()
            values = own if self._shared is None else self._shared.report(own)
            self._families = [*families(_OF_PROCESSES, values), *families(DATABASE_METRICS, facts)]
            self._texts = {}
        text = self._texts.get(content_type)
        if text is None:
            registry = CollectorRegistry()
            registry.register(_Families(self._families))
            text = self._texts[content_type] = encode(registry)
        return text

    def _may_collect(self) -> bool:
        now = time.monotonic()
        is_full = len(self._collections) == MAX_COLLECTIONS
        if is_full and now - self._collections[0] < COLLECTIONS_WINDOW_S:
            return False
        self._collections.append(now)
        return True


@asynccontextmanager
async def running_metrics(services: Services, folder: Path | None) -> AsyncIterator[Metrics]:
    """Yield the metrics, and publish those of this process in a folder inside the block.

    Without a folder, this process is the whole service.
    """
    if folder is None:
        yield Metrics(services, None)
        return
    shared = SharedSnapshots(folder, _OF_PROCESSES)
    try:
        running = Metrics(services, shared)
        async with background_task(shared.keep_publishing(running.snapshot)):
            yield running
    finally:
        shared.close()


class _Families(Collector):
    def __init__(self, collected: Iterable[Metric]) -> None:
        self._collected = collected

    def collect(self) -> Iterable[Metric]:
        return self._collected
