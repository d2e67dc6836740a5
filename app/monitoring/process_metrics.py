"""Metrics of what a process uses: caches, connections, memory, and the process itself."""

from collections.abc import Iterator

from prometheus_client import ProcessCollector

from app.http.input_usage import UNPARSED, UNPROCESSED
from app.http.unread_bytes import UNREAD
from app.monitoring.declarations import Across, Declaration, Kind, Sample
from engine.caches import CACHE_SHARES, STATS, cache_usage
from engine.database.memory_grants import GRANTS
from engine.database.memory_limits import PROCESS_BYTES, PROCESS_GRANTS
from engine.database.queries import pool_usage
from engine.projection.fallbacks import FALLBACKS, FallbackReason

__all__ = ["OPERATING_SYSTEM_METRICS", "PROCESS_METRICS"]


def _cache_requests() -> Iterator[Sample]:
    for name, stats in STATS.items():
        yield (name, "hit"), stats.hits
        yield (name, "miss"), stats.misses


def _cache_bytes() -> Iterator[Sample]:
    for name, usage in cache_usage():
        yield (name, "used"), usage.bytes
        yield (name, "limit"), usage.max_bytes


def _database_connections() -> Iterator[Sample]:
    usage = pool_usage()
    yield ("free",), usage.available
    yield ("used",), usage.size - usage.available


def _database_callers() -> Iterator[Sample]:
    usage = pool_usage()
    yield ("active",), usage.callers
    yield ("at_limit",), usage.callers_at_limit


def _waiting() -> Iterator[Sample]:
    usage = pool_usage()
    yield ("connection",), usage.waiting_for_connection
    yield ("share",), usage.waiting_for_share
    _, waiting = GRANTS.usage
    yield ("memory",), waiting


def _unconfirmed_commits() -> Iterator[Sample]:
    yield (), pool_usage().unconfirmed_commits


def _abandoned_commits() -> Iterator[Sample]:
    yield (), pool_usage().abandoned_commits


def _read_bytes() -> Iterator[Sample]:
    yield ("used",), GRANTS.bytes
    yield ("limit",), PROCESS_BYTES


def _memory_grants() -> Iterator[Sample]:
    granted, _ = GRANTS.usage
    yield ("used",), granted
    yield ("free",), PROCESS_GRANTS - granted


def _unread_bytes() -> Iterator[Sample]:
    yield ("used",), UNREAD.used
    yield ("limit",), UNREAD.limit


_INPUTS = {"unparsed": UNPARSED, "unprocessed": UNPROCESSED}


def _received_bytes() -> Iterator[Sample]:
    for name, usage in _INPUTS.items():
        yield (name, "used"), usage.used
        yield (name, "limit"), usage.limit


def _refused_input() -> Iterator[Sample]:
    for name, usage in _INPUTS.items():
        yield (name,), usage.refused


def _fallbacks() -> Iterator[Sample]:
    for reason in FallbackReason:
        yield (reason.value,), FALLBACKS[reason]


PROCESS_METRICS = (
    Declaration(
        Kind.GAUGE,
        "ticketops_processes",
        "Running server processes.",
        {},
        lambda _: [((), 1)],
    ),
    Declaration(
        Kind.COUNTER,
        "ticketops_cache_requests",
        "Lookups in the caches.",
        {"cache": ", ".join(STATS), "result": "hit, miss"},
        lambda _: _cache_requests(),
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_cache_bytes",
        "Memory of the keys and values of each cache, and its share of CACHE_MAX_BYTES. That of "
        "documents includes their compiled selections.",
        {"cache": ", ".join(CACHE_SHARES), "kind": "used, limit"},
        lambda _: _cache_bytes(),
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_database_connections",
        "Connections of the database pool that are available or in use.",
        {"state": "free, used"},
        lambda _: _database_connections(),
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_database_callers",
        "Callers whose operations use connections of the database pool, and those that use all"
        " of their share.",
        {"state": "active, at_limit"},
        lambda _: _database_callers(),
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_database_waiting",
        "Statements that wait for a connection of the pool or of their caller's or operation's"
        " share, and operations that wait for memory.",
        {"for": "connection, share, memory"},
        lambda _: _waiting(),
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_database_unconfirmed_commits",
        "Commits that PostgreSQL has not confirmed, as while a synchronous standby is down, and"
        " whose requests have ended. Their connections are not counted as used.",
        {},
        lambda _: _unconfirmed_commits(),
    ),
    Declaration(
        Kind.COUNTER,
        "ticketops_database_abandoned_commits",
        "Commits whose requests ended before PostgreSQL confirmed them.",
        {},
        lambda _: _abandoned_commits(),
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_read_bytes",
        "Bytes that running operations without a memory grant have read from PostgreSQL, and"
        " their limit.",
        {"kind": "used, limit"},
        lambda _: _read_bytes(),
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_memory_grants",
        "Memory grants, with which operations may read more.",
        {"state": "free, used"},
        lambda _: _memory_grants(),
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_unread_bytes",
        "Bytes of responses that wait for clients to read them, counted each second, and"
        " MAX_UNREAD_BYTES_IN_TOTAL.",
        {"kind": "used, limit"},
        lambda _: _unread_bytes(),
    ),
    Declaration(
        Kind.GAUGE,
        "ticketops_received_bytes",
        "Bytes of received input that the server holds, and their limit: of input that is not"
        " parsed, and of large bodies and messages that are not processed.",
        {"input": ", ".join(_INPUTS), "kind": "used, limit"},
        lambda _: _received_bytes(),
    ),
    Declaration(
        Kind.COUNTER,
        "ticketops_refused_inputs",
        "Connections that were closed because of such a limit.",
        {"input": ", ".join(_INPUTS)},
        lambda _: _refused_input(),
    ),
    Declaration(
        Kind.COUNTER,
        "ticketops_graphql_fallbacks",
        "GraphQL operations that were executed by graphql-core, at least in part.",
        {"reason": ", ".join(reason.value for reason in FallbackReason)},
        lambda _: _fallbacks(),
    ),
)

_COLLECTOR = ProcessCollector(registry=None)
_START_TIME = "process_start_time_seconds"


def _operating_system_metrics() -> Iterator[Declaration]:
    """Yield the metrics of the Prometheus client library; none on other systems than Linux."""
    for family in _COLLECTOR.collect():

        def samples(name: str = family.name) -> Iterator[Sample]:
            for collected in _COLLECTOR.collect():
                if collected.name == name:
                    yield (), collected.samples[0].value

        yield Declaration(
            Kind(family.type),
            family.name,
            family.documentation,
            {},
            lambda _, samples=samples: samples(),  # type: ignore[misc]  # its type is inferred
            Across.MIN if family.name == _START_TIME else Across.SUM,
        )


OPERATING_SYSTEM_METRICS = tuple(_operating_system_metrics())
