"""Metrics of a server with several processes."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.monitoring.declarations import Across, Declaration, Kind, Snapshot
from app.monitoring.shared_snapshots import SharedSnapshots
from tests.app.service import Service, running, serving_processes
from tests.waiting import wait_until

PROCESSES = 3
CIRCUIT = ("closed", "open", "half_open")
DECLARATIONS = (
    Declaration(Kind.COUNTER, "counter", "", {"status": ""}, lambda _: ()),
    Declaration(Kind.GAUGE, "gauge", "", {}, lambda _: ()),
    Declaration(Kind.GAUGE, "longest", "", {}, lambda _: (), Across.MAX),
    Declaration(Kind.HISTOGRAM, "histogram", "", {}, lambda _: ()),
)


def values_of(counter: float, gauge: float, histogram: tuple[float, ...]) -> Snapshot:
    """Return the snapshot of a process."""
    return {
        "counter": {("200",): (counter,)},
        "gauge": {(): (gauge,)},
        "longest": {(): (gauge,)},
        "histogram": {(): histogram},
    }


def test_values_of_processes_are_combined_and_counters_survive_their_process(
    tmp_path: Path,
) -> None:
    first, second = (SharedSnapshots(tmp_path, DECLARATIONS) for _ in range(2))
    second.publish(values_of(10, 5, (1, 2, 3.5)))
    own = values_of(1, 7, (1, 0, 0.5))
    combined = first.with_others(own)
    assert combined["counter"] == {("200",): [11]}
    assert combined["gauge"] == {(): [12]}
    assert combined["longest"] == {(): [7]}
    assert combined["histogram"] == {(): [2, 2, 4]}
    second.close()
    combined = first.with_others(own)
    assert combined["counter"] == {("200",): [11]}
    assert combined["gauge"] == {(): (7,)}
    assert combined["histogram"] == {(): [2, 2, 4]}
    # The successor of a process takes its slot, so that the number of files has a bound.
    third = SharedSnapshots(tmp_path, DECLARATIONS)
    third.publish(values_of(100, 1, (0, 0, 0)))
    assert first.with_others(own)["counter"] == {("200",): [111]}
    assert third.with_others(values_of(200, 1, (0, 0, 0)))["counter"] == {("200",): [210]}
    assert len(list(tmp_path.iterdir())) == 3
    first.close()
    third.close()


def test_what_a_process_has_reported_is_counted_after_it_was_killed(tmp_path: Path) -> None:
    first, second = (SharedSnapshots(tmp_path, DECLARATIONS) for _ in range(2))
    second.publish(values_of(10, 5, (1, 2, 3.5)))
    reported = second.report(values_of(15, 5, (1, 3, 4.5)))
    # It ends before it publishes again.
    second.close()
    combined = first.with_others(values_of(0, 0, (0, 0, 0)))
    # Prometheus takes a decrease for a restart, and adds all that was ever counted.
    for name in ("counter", "histogram"):
        [reported_value], [value] = reported[name].values(), combined[name].values()
        assert list(value) == list(reported_value)
    first.close()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"counter": [[["200"], [1',
        b"[1]",
        b"5",
        b'{"counter": 5}',
        b'{"counter": [5]}',
        b'{"counter": [[["200"], "x"]]}',
        b'{"counter": [[[], [1]]]}',
        b'{"counter": [[[["200"]], [1]]]}',
        b'{"histogram": [[[], [1]]]}',
    ],
)
def test_a_file_that_is_not_a_snapshot_is_left_out_and_reported_once(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    one = SharedSnapshots(tmp_path, DECLARATIONS)
    two = SharedSnapshots(tmp_path, DECLARATIONS)
    two.publish(values_of(10, 5, (1, 2, 3.5)))
    own = values_of(1, 7, (1, 0, 0.5))
    (tmp_path / "7.json").write_bytes(content)
    (tmp_path / "notes.json").write_bytes(b"of somebody else")
    for _ in range(3):
        assert one.with_others(own)["counter"] == {("200",): [11]}
        assert one.with_others(own)["histogram"] == {(): [2, 2, 4]}
    assert [record.getMessage() for record in caplog.records] == ["metrics cannot be read"]
    assert caplog.records[0].fields["file"] == str(tmp_path / "7.json")  # type: ignore[attr-defined]
    (tmp_path / "7.json").unlink()
    one.with_others(own)
    assert [record.getMessage() for record in caplog.records[1:]] == ["metrics are read again"]
    one.close()
    two.close()


def test_a_process_starts_in_a_slot_with_a_file_that_is_not_a_snapshot(tmp_path: Path) -> None:
    (tmp_path / "0.json").write_bytes(b"\0")
    one = SharedSnapshots(tmp_path, DECLARATIONS)
    one.publish(values_of(1, 7, (1, 0, 0.5)))
    assert one.with_others(values_of(2, 7, (1, 0, 0.5)))["counter"] == {("200",): (2,)}
    one.close()


@pytest.fixture
def service(empty_database_url: str, tmp_path: Path) -> Iterator[Service]:
    """Run a server with several processes whose OPS does not work."""
    settings = {"WORKERS": str(PROCESSES), "OPS_SIM_FAILURE_RATE": "1", "DELIVERY_WORKER": "false"}
    with running(cwd=tmp_path, DATABASE_URL=empty_database_url, **settings) as service:
        yield service


def scrape(service: Service) -> dict[tuple[str, ...], float]:
    """Scrape over a new connection, which any of the processes accepts."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(httpx2.get(f"{service.url}/metrics").text)
        for sample in family.samples
    }


def folder_of(process: psutil.Process) -> Path:
    """Return the folder of the snapshots, in which a process has its lock open."""
    [lock] = [Path(file.path) for file in process.open_files() if file.path.endswith(".lock")]
    return lock.parent


def wait_until_published(folder: Path) -> None:
    """Wait until every process has published what it has counted so far."""
    now = time.time()
    wait_until(lambda: all(path.stat().st_mtime > now for path in folder.glob("*.json")))


def test_any_process_returns_the_values_of_the_whole_server(service: Service) -> None:
    count = 30
    missing = ("ticketops_http_requests_total", "404")
    for _ in range(count):
        assert httpx2.get(f"{service.url}/nothing").status_code == 404
    ticket = service.graphql(
        'mutation { createTicket(input: {subject: "S", description: "D", customerName: "N",'
        ' customerEmail: "n@example.com"}) { ticket { id } } }'
    )["data"]["createTicket"]["ticket"]
    service.graphql(
        "mutation($id: ID!) { sendToOps(input: {ticketId: $id}) { ticket { id } } }", **ticket
    )
    workers = serving_processes(service.process.pid)
    folder = folder_of(workers[0])
    wait_until_published(folder)
    for _ in range(10):
        values = scrape(service)
        assert values[missing] == count
        assert values["ticketops_processes",] == PROCESSES
        # A fact of the database is not multiplied by the number of processes.
        assert values["ticketops_deliveries_pending",] == 1
        assert sum(values["ticketops_ops_circuit_state", state] for state in CIRCUIT) == PROCESSES
    workers[0].kill()
    wait_until(lambda: scrape(service)["ticketops_processes",] == PROCESSES - 1)
    assert scrape(service)[missing] == count
    wait_until(lambda: scrape(service)["ticketops_processes",] == PROCESSES)
    assert scrape(service)[missing] == count
    assert service.end() == 0
    assert not folder.exists()
