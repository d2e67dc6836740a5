"""Declarations of metrics, and values of several processes combined.

Each process collects its values as a snapshot, which can be sent to other processes as JSON.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from app.monitoring.services import Services
from engine.histogram import DURATION_BOUNDS_S, Histogram

__all__ = [
    "Across",
    "Declaration",
    "Kind",
    "Sample",
    "Snapshot",
    "combined",
    "families",
    "histogram_value",
    "snapshot",
]

# The values of the labels, in their order.
Labels: TypeAlias = tuple[str, ...]
# One number; for a histogram the number of each bucket, and the sum of all durations.
Value: TypeAlias = Sequence[float]
Sample: TypeAlias = tuple[Labels, float | Value]
# The values of a process, by metric and labels.
Snapshot: TypeAlias = dict[str, dict[Labels, Value]]


class Kind(Enum):
    """Type of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Across(Enum):
    """How the values of several processes become that of the service."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Declaration:
    """A metric; its labels with the meaning of their values.

    The name of a counter is without "_total".
    """

    kind: Kind
    name: str
    help: str
    labels: Mapping[str, str]
    samples: Callable[[Services], Iterable[Sample]]
    across: Across = Across.SUM

    @property
    def text_name(self) -> str:
        """The name in Prometheus's text format."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name


def histogram_value(histogram: Histogram) -> Value:
    """Return the value of a sample."""
    return (*histogram.counts, histogram.sum_s)


def snapshot(declarations: Iterable[Declaration], services: Services) -> Snapshot:
    """Return the values of this process."""
    return {
        declaration.name: {
            labels: (float(value),) if isinstance(value, int | float) else value
            for labels, value in declaration.samples(services)
        }
        for declaration in declarations
    }


def combined(declarations: Iterable[Declaration], snapshots: Sequence[Snapshot]) -> Snapshot:
    """Return the values of several processes as those of one."""
    result: Snapshot = {}
    for declaration in declarations:
        values: dict[Labels, Value] = {}
        combine = _COMBINE[declaration.across]
        for one in snapshots:
            for labels, value in one.get(declaration.name, {}).items():
                former = values.get(labels)
                values[labels] = (
                    value
                    if former is None
                    else [combine(pair) for pair in zip(former, value, strict=True)]
                )
        result[declaration.name] = values
    return result


def families(declarations: Iterable[Declaration], values: Snapshot) -> Iterator[Metric]:
    """Yield the metrics with these values for Prometheus's text format."""
    for declaration in declarations:
        samples = values.get(declaration.name, {})
        yield _FAMILIES[declaration.kind](declaration, samples)


_COMBINE: dict[Across, Callable[[Iterable[float]], float]] = {
    Across.SUM: sum,
    Across.MIN: min,
    Across.MAX: max,
}


def _counter(declaration: Declaration, samples: Mapping[Labels, Value]) -> Metric:
    family = CounterMetricFamily(
        declaration.name, declaration.help, labels=list(declaration.labels)
    )
    for labels, (value,) in samples.items():
        family.add_metric(labels, value)
    return family


def _gauge(declaration: Declaration, samples: Mapping[Labels, Value]) -> Metric:
    family = GaugeMetricFamily(declaration.name, declaration.help, labels=list(declaration.labels))
    for labels, (value,) in samples.items():
        family.add_metric(labels, value)
    return family


def _histogram(declaration: Declaration, samples: Mapping[Labels, Value]) -> Metric:
    family = HistogramMetricFamily(
        declaration.name, declaration.help, labels=list(declaration.labels)
    )
    for labels, (*counts, sum_s) in samples.items():
        buckets: list[tuple[str, float]] = []
        total = 0.0
        for bound, count in zip((*map(str, DURATION_BOUNDS_S), "+Inf"), counts, strict=True):
            total += count
            buckets.append((bound, total))
        family.add_metric(labels, buckets, sum_s)
    return family


_FAMILIES = {Kind.COUNTER: _counter, Kind.GAUGE: _gauge, Kind.HISTOGRAM: _histogram}
