"""Reference page of the metrics."""

from app.monitoring.metrics import MetricDescription, metric_descriptions
from app.reference.markdown import code, page, table

__all__ = ["metrics_page"]

INTRODUCTION = """\
`GET /metrics` returns the metrics of a server in the text format of Prometheus. The caller needs
the scope `admin`.

With several processes (`WORKERS`), each response has the values of the whole server, whichever
process serves it: sums over its processes, unless the description says otherwise. The values of the
other processes are up to a second old. The counters of processes that have ended remain in the
sums. Facts of the database, such as pending deliveries, are the same for every server: combine
those of several servers with `max`, not with `sum`.

More than 20 scrapes in 10 seconds receive values of an earlier one. The database is measured at
most once in 5 seconds, with a connection in reserve. `ticketops worker` does not serve metrics:
its attempts are visible in `ticketops_recent_delivery_attempts` and in the other facts of the
database.

On Linux, the response also has the metrics `process_*` of the Prometheus client library: CPU time,
memory, open files and start time, of all server processes together."""


def metrics_page() -> str:
    """Return the page: one table of the metrics of this program."""
    rows = map(_row, metric_descriptions())
    return page("Metrics", INTRODUCTION, table(("Metric", "Type", "Labels", "Description"), rows))


def _row(metric: MetricDescription) -> tuple[str, str, str, str]:
    labels = "; ".join(f"{code(name)}: {values}" for name, values in metric.labels.items())
    return code(metric.name), metric.type, labels, metric.help
