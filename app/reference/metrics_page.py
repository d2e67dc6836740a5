"""Reference page of the metrics."""

from app.monitoring.metrics import MetricDescription, metric_descriptions
from app.reference.markdown import code, page, table

__all__ = ["metrics_page"]

INTRODUCTION = """\
`GET /metrics` returns the metrics of one server process in the text format of Prometheus. The
caller needs the scope `admin`. With several processes (`WORKERS`), each response has the metrics of
the process that served the request.

On Linux, the response also has the metrics `process_*` of the Prometheus client library: CPU time,
memory, open files and start time of the process."""


def metrics_page() -> str:
    """Return the page: one table of the metrics of this program."""
    rows = map(_row, metric_descriptions())
    return page("Metrics", INTRODUCTION, table(("Metric", "Type", "Labels", "Description"), rows))


def _row(metric: MetricDescription) -> tuple[str, str, str, str]:
    labels = "; ".join(f"{code(name)}: {values}" for name, values in metric.labels.items())
    return code(metric.name), metric.type, labels, metric.help
