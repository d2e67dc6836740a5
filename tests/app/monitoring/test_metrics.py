"""Metrics for Prometheus."""

import asyncio
import json
import socket
from pathlib import Path
from typing import TypeAlias

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from app.http.received_input import MAX_TOTAL_BYTES
from app.monitoring.metrics import MAX_COLLECTIONS, metric_descriptions
from app.monitoring.request_counts import MAX_NAMES
from app.server.input_scheduler import MAX_WAITING_BYTES
from engine.database.memory_limits import PROCESS_BYTES, PROCESS_GRANTS
from engine.histogram import DURATION_BOUNDS_S
from engine.projection.fallbacks import FallbackReason
from tests.app.http.conftest import Serve
from tests.app.http.serving import WITH_REPLICA, Served
from tests.feed.readers import connected

Samples: TypeAlias = dict[tuple[str, ...], float]
PREFIX = "ticketops_"


def samples(server: Served) -> Samples:
    """Return the values of the service's metrics, by name and labels."""
    response = server.http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name.removeprefix(PREFIX), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def ask(server: Served, text: str) -> None:
    assert server.http.post("/graphql", json={"query": text}).status_code == 200


def test_a_request_for_the_whole_server_is_counted(serve: Serve) -> None:
    server = serve()
    url = server.http.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=30) as connection:
        connection.sendall(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        with connection.makefile("rb") as answer:
            assert answer.read().startswith(b"HTTP/1.1 404 ")
    assert samples(server)["http_requests_total", "404"] == 1
    assert [line for line in server.log() if line["level"] == "error"] == []


def test_requests_and_their_durations_are_counted_by_status(serve: Serve) -> None:
    server = serve()
    for path in ("/healthz", "/healthz", "/nothing"):
        server.http.get(path)
    values = samples(server)
    assert values["http_requests_total", "200"] >= 2
    assert values["http_requests_total", "404"] == 1
    assert values["http_request_seconds_total", "404"] > 0


def test_each_cache_counts_hits_and_misses(serve: Serve) -> None:
    server = serve()
    for _ in range(4):
        ask(server, "{ tickets { nodes { id } } }")
    values = samples(server)
    for cache in ("documents", "selections", "statements"):
        hits, misses = (values["cache_requests_total", cache, one] for one in ("hit", "miss"))
        assert (hits, misses) == (3, 1)


def test_the_connection_pool_and_the_process_are_measured(serve: Serve) -> None:
    server = serve(DATABASE_POOL_SIZE="7")
    ask(server, "{ tickets { nodes { id } } }")
    values = samples(server)
    assert values["database_connections", "free"] + values["database_connections", "used"] == 7
    assert values["process_resident_memory_bytes",] > 1_000_000


def test_shares_memory_and_unread_bytes_are_measured_with_their_limits(serve: Serve) -> None:
    server = serve(DATABASE_POOL_SIZE="4", MAX_UNREAD_BYTES_IN_TOTAL="100000000")
    ask(server, "{ tickets { nodes { id } } }")
    values = samples(server)
    assert values["unread_bytes", "limit"] == 100_000_000
    assert values["read_bytes", "limit"] == PROCESS_BYTES
    assert values["memory_grants", "free"] == PROCESS_GRANTS
    # Nothing runs while the metrics are read.
    for name in (
        ("unread_bytes", "used"),
        ("read_bytes", "used"),
        ("memory_grants", "used"),
        ("database_callers", "active"),
        ("database_callers", "at_limit"),
        ("database_waiting", "connection"),
        ("database_waiting", "share"),
        ("database_waiting", "memory"),
    ):
        assert values[name] == 0, name


async def test_a_caller_at_its_limit_and_its_waiting_statements_are_counted(
    serve: Serve, database_url: str
) -> None:
    server = serve(DATABASE_POOL_SIZE="4", REQUEST_TIMEOUT_MS="60000")
    lists = " ".join(f"a{number}: tickets(first: 1) {{ totalCount }}" for number in range(5))
    # An operation has one of four connections at once, and a caller three.
    waiting = 3 * (5 - 1)
    async with (
        connected(database_url) as holding,
        httpx2.AsyncClient(base_url=server.url, timeout=30) as http,
    ):
        async with holding.transaction():
            await holding.execute("LOCK TABLE tickets IN ACCESS EXCLUSIVE MODE")
            body = {"query": f"{{ {lists} }}"}
            running = [asyncio.create_task(http.post("/graphql", json=body)) for _ in range(3)]
            async with asyncio.timeout(50):
                values: Samples = {}
                while values.get(("database_waiting", "share"), 0) < waiting:
                    values = await asyncio.to_thread(samples, server)
        await asyncio.gather(*running)
    assert values["database_waiting", "share"] == waiting
    assert values["database_callers", "active"] == values["database_callers", "at_limit"] == 1
    assert values["database_connections", "free"] == 1


def test_fallbacks_are_counted_by_their_reason(serve: Serve) -> None:
    server = serve()
    before = samples(server)
    ask(server, "{ tickets { nodes { id } } }")
    ask(server, "{ __schema { queryType { name } } }")
    values = samples(server)
    counted = {
        labels[1]: value - before[labels]
        for labels, value in values.items()
        if labels[0] == "graphql_fallbacks_total"
    }
    assert {reason: value for reason, value in counted.items() if value} == {"introspection": 1}
    assert set(counted) == set(FallbackReason)


def test_operations_without_shortcuts_are_fallbacks(serve: Serve) -> None:
    server = serve(GRAPHQL_SHORTCUTS="false")
    before = samples(server)
    ask(server, "{ tickets { nodes { id } } }")
    values = samples(server)
    name = ("graphql_fallbacks_total", "disabled")
    assert values[name] - before[name] == 1


def test_the_server_serves_every_described_metric(serve: Serve) -> None:
    server = serve(**WITH_REPLICA)
    server.http.get("/healthz")
    names = {f"{PREFIX}{name}" for name, *_ in samples(server) if not name.startswith("process_")}
    described = set()
    for metric in metric_descriptions():
        endings = ("_bucket", "_count", "_sum") if metric.type == "histogram" else ("",)
        described |= {metric.name + ending for ending in endings}
    assert names == described


def test_durations_are_counted_by_endpoint_in_cumulative_buckets(serve: Serve) -> None:
    server = serve()
    before = samples(server)
    for path in ("/tickets", "/tickets", "/nothing", "/healthz"):
        server.http.get(path)
    ask(server, "{ tickets { nodes { id } } }")
    values = samples(server)

    def increase(*labels: str) -> float:
        return values[labels] - before[labels]

    name = "http_request_duration_seconds"
    for endpoint, count in {"rest": 2, "other": 1, "graphql": 1}.items():
        assert increase(f"{name}_count", endpoint) == count
        assert increase(f"{name}_bucket", endpoint, "+Inf") == count
        buckets = [
            values[f"{name}_bucket", endpoint, str(bound)] for bound in (*DURATION_BOUNDS_S, "+Inf")
        ]
        assert buckets == sorted(buckets)
        assert values[f"{name}_sum", endpoint] > 0


def test_operations_are_named_only_if_the_manifest_has_them(serve: Serve, tmp_path: Path) -> None:
    trusted = "query Trusted { tickets { totalCount } }"
    manifest = tmp_path / "documents.json"
    manifest.write_text(json.dumps({"some-hash": trusted}))
    server = serve(PERSISTED_DOCUMENTS=str(manifest))
    for _ in range(3):
        body = {"documentId": "some-hash"}
        assert server.http.post("/graphql", json=body).status_code == 200
    ask(server, trusted)
    # Neither a name of its own nor that of the manifest is a label for a client's document.
    ask(server, "query Chosen { tickets { totalCount } }")
    ask(server, "query Trusted { tickets { nodes { id } } }")
    counts = {
        labels[1]: value
        for labels, value in samples(server).items()
        if labels[0] == "graphql_operation_duration_seconds_count"
    }
    assert counts == {"Trusted": 4, "other": 2}


def test_many_scrapes_receive_the_values_of_an_earlier_one(serve: Serve) -> None:
    server = serve()
    # Each new collection counts the request of the one before it.
    texts = [server.http.get("/metrics").text for _ in range(3 * MAX_COLLECTIONS)]
    assert MAX_COLLECTIONS <= len(set(texts)) < len(texts)


def test_the_number_of_names_of_operations_has_a_bound(serve: Serve, tmp_path: Path) -> None:
    names = [f"Operation{number}" for number in range(MAX_NAMES + 2)]
    manifest = tmp_path / "documents.json"
    texts = {name: f"query {name} {{ tickets {{ totalCount }} }}" for name in names}
    manifest.write_text(json.dumps(texts))
    server = serve(PERSISTED_DOCUMENTS=str(manifest))
    for name in names:
        assert server.http.post("/graphql", json={"documentId": name}).status_code == 200
    counts = {
        labels[1]: value
        for labels, value in samples(server).items()
        if labels[0] == "graphql_operation_duration_seconds_count"
    }
    assert counts == dict.fromkeys(names[:MAX_NAMES], 1) | {"other": 2}


def test_received_input_that_is_held_is_measured(serve: Serve) -> None:
    server = serve()
    values = samples(server)
    assert values["received_bytes", "unparsed", "limit"] == MAX_WAITING_BYTES
    assert values["received_bytes", "unprocessed", "limit"] == MAX_TOTAL_BYTES
    assert ("refused_inputs_total", "unparsed") in values
    before = values["received_bytes", "unprocessed", "used"]
    url = server.http.base_url
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {url.host}:{url.port}\r\n"
        "Content-Type: application/json\r\nContent-Length: 500001\r\n\r\n"
    )
    with socket.create_connection((url.host, url.port), timeout=20) as wire:
        wire.sendall(head.encode() + b" " * 500_000)
        while samples(server)["received_bytes", "unprocessed", "used"] < before + 500_000:
            pass
    while samples(server)["received_bytes", "unprocessed", "used"] > before:
        pass
