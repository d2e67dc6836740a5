"""Metrics of the reads on replicas, and of the replicas."""

from collections.abc import Iterator

from app.monitoring.declarations import Across, Declaration, Kind, Sample
from app.monitoring.services import Services
from engine.database.replicas import FALLBACKS, READS, ReplicaStatus

__all__ = ["REPLICA_METRICS"]

_SERVERS = ("primary", "replica")
_REPLICA = {"replica": "1 for the first URL of DATABASE_REPLICA_URL, 2 for the second, ..."}


def _reads(services: Services) -> Iterator[Sample]:
    if services.replicas is not None:
        for server in _SERVERS:
            yield (server,), READS[server]


def _fallbacks(services: Services) -> Iterator[Sample]:
    if services.replicas is not None:
        for reason, count in FALLBACKS.items():
            yield (reason,), count


def _statuses(services: Services) -> Iterator[tuple[str, ReplicaStatus]]:
    if services.replicas is not None:
        for status in services.replicas.statuses:
            yield str(status.number), status


REPLICA_METRICS = (
    Declaration(
        Kind.COUNTER,
        "ticketops_replica_reads",
        "Operations that only read, by the server on which they did, if DATABASE_REPLICA_URL is"
        " set.",
        {"server": ", ".join(_SERVERS)},
        _reads,
    ),
    Declaration(
        Kind.COUNTER,
        "ticketops_replica_fallbacks",
        "Those that read on the primary because no replica was usable, because none had replayed"
        " the last change of their caller in time, or because a statement failed on the replica.",
        {"reason": ", ".join(FALLBACKS)},
        _fallbacks,
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_replica_usable",
        "1 if all processes use the replica, else 0.",
        _REPLICA,
        lambda services: (
            ((number,), status.reason is None) for number, status in _statuses(services)
        ),
        Across.MIN,
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_replica_lag_seconds",
        "For how long the primary has had changes that the replica has not replayed, the longest"
        " of all processes.",
        _REPLICA,
        lambda services: (((number,), status.lag_s) for number, status in _statuses(services)),
        Across.MAX,
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_replica_lag_bytes",
        "Size of the write-ahead log that the replica has not replayed, the largest of all"
        " processes.",
        _REPLICA,
        lambda services: (((number,), status.lag_bytes) for number, status in _statuses(services)),
        Across.MAX,
    ),
)
