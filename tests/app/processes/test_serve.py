"""The server run as a process: start, stop, several processes, banner and warnings."""

import json
import os
import pty
import signal
import subprocess
import threading
from pathlib import Path

import httpx2
import psutil
import pytest

from app.database.migrations import EXPECTED_VERSION
from tests.app.service import TICKETOPS, environment, running, serving_processes
from tests.waiting import wait_until

COUNT = "{ tickets { totalCount } }"
CREATE = """
mutation {
  createTicket(
    input: { subject: "S", description: "D", customerName: "N", customerEmail: "n@example.com" }
  ) {
    ticket { id }
    errors { message }
  }
}
"""


@pytest.fixture
def url(empty_database_url: str) -> str:
    """Return the URL of a database without tables."""
    return empty_database_url


def has_ended(process: psutil.Process) -> bool:
    """Return whether a process has ended, including one whose parent has not waited for it."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_and_its_embedded_database(
    working_dir: Path, number: int
) -> None:
    with running(cwd=working_dir) as service:
        assert service.graphql(COUNT) == {"data": {"tickets": {"totalCount": 0}}}
        postmaster = psutil.Process(
            int((working_dir / ".data/postgres/postmaster.pid").read_text().split()[0])
        )
        assert service.end(number) == 0
    assert has_ended(postmaster)


def test_a_restart_after_sigkill_keeps_all_data(working_dir: Path) -> None:
    with running(cwd=working_dir) as service:
        assert service.graphql(CREATE)["data"]["createTicket"]["errors"] == []
        port = service.url.rpartition(":")[2]
        service.end(signal.SIGKILL)
    with running(cwd=working_dir, PORT=port) as service:
        assert service.graphql(COUNT)["data"]["tickets"]["totalCount"] == 1


def test_two_servers_that_start_at_once_share_the_embedded_database(working_dir: Path) -> None:
    services = []

    def start() -> None:
        with running(cwd=working_dir) as service:
            service.graphql(CREATE)
            services.append(service)
            barrier.wait(60)
            assert service.graphql(COUNT)["data"]["tickets"]["totalCount"] == 2

    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(services) == 2


def test_a_running_request_finishes_before_the_server_stops(tmp_path: Path, url: str) -> None:
    send = "mutation($id: ID!) { sendToOps(input: {ticketId: $id}) { ticket { opsState } } }"
    responses = []
    ops = {"OPS_SIM_LATENCY_MS": "2000", "OPS_TIMEOUT_MS": "30000"}
    with running(cwd=tmp_path, DATABASE_URL=url, **ops) as service:
        ticket_id = service.graphql(CREATE)["data"]["createTicket"]["ticket"]["id"]
        thread = threading.Thread(
            target=lambda: responses.append(service.graphql(send, id=ticket_id))
        )
        thread.start()
        read = "query($id: ID!) { ticket(id: $id) { opsState } }"
        pending = {"data": {"ticket": {"opsState": "PENDING"}}}
        wait_until(lambda: service.graphql(read, id=ticket_id) == pending)
        assert service.end() == 0
        thread.join(60)
    assert responses == [{"data": {"sendToOps": {"ticket": {"opsState": "DELIVERED"}}}}]


def test_a_killed_server_process_is_replaced(tmp_path: Path, url: str) -> None:
    with running(cwd=tmp_path, DATABASE_URL=url, WORKERS="2") as service:
        workers = serving_processes(service.process.pid)
        assert len(workers) == 2
        workers[0].kill()
        wait_until(lambda: len(serving_processes(service.process.pid)) == 2)
        assert "data" in service.graphql(COUNT)
        assert service.end() == 0
        assert service.process.stderr is not None
        events = [json.loads(line) for line in service.process.stderr if line.startswith("{")]
    assert all(map(has_ended, workers))
    [replaced] = [event for event in events if event["message"].endswith("; replacing it")]
    assert (replaced["level"], replaced["pid"]) == ("error", workers[0].pid)


def test_server_processes_release_the_port_when_their_parent_is_killed(
    tmp_path: Path, url: str
) -> None:
    given = {"DATABASE_URL": url, "WORKERS": "2"}
    with running(cwd=tmp_path, **given) as service:
        workers = serving_processes(service.process.pid)
        port = service.url.rpartition(":")[2]
        service.end(signal.SIGKILL)
    with running(cwd=tmp_path, **given, PORT=port) as service:
        assert "data" in service.graphql(COUNT)
    wait_until(lambda: all(map(has_ended, workers)))


def test_the_banner_on_a_terminal(tmp_path: Path, url: str) -> None:
    """It lists the URLs and does not contain the password."""
    url = url.replace("postgres@", "postgres:hunter2@", 1)
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [TICKETOPS, "serve"],
        cwd=tmp_path,
        env=environment({"DATABASE_URL": url, "PORT": "0"}),
        stderr=terminal,
    ) as process:
        os.close(terminal)
        output = ""
        while "Ctrl-C" not in output:
            output += os.read(controller, 4096).decode()
        process.terminate()
        assert process.wait(60) == 0
    os.close(controller)
    for word in (
        "/graphql",
        "/tickets",
        "/readyz",
        f"schema {EXPECTED_VERSION[:2]}",
        "simulated",
        "open",
        "********",
    ):
        assert word in output
    assert "hunter2" not in output


def test_authentication_is_required_on_all_addresses(tmp_path: Path, url: str) -> None:
    given = {"DATABASE_URL": url, "HOST": "0.0.0.0"}  # noqa: S104  # access is required
    with running(cwd=tmp_path, **given) as service:
        assert service.listening_event["access"] == "required"
        local = service.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104  # as above
        assert httpx2.get(f"{local}/tickets").status_code == 401
        assert httpx2.get(f"{local}/healthz").status_code == 200


def test_invalid_persisted_documents_are_reported_once(tmp_path: Path, url: str) -> None:
    manifest = {
        "good": COUNT,
        "sha256:old": "{ ticketz { totalCount } }",
        "broken": "{",
        "large": "{ " + "__typename " * 50 + "}",
    }
    (tmp_path / "documents.json").write_text(json.dumps(manifest), encoding="utf-8")
    given = {"DATABASE_URL": url, "PERSISTED_DOCUMENTS": "documents.json", "MAX_TOKENS": "40"}
    with running(cwd=tmp_path, **given, WORKERS="2") as service:
        warnings = [event for event in service.startup_events if event["level"] == "warning"]
    assert {warning["message"] for warning in warnings} == {"trusted document cannot be run"}
    assert [warning["document"] for warning in warnings] == ["old", "broken", "large"]
    assert "Cannot query field 'ticketz'" in warnings[0]["reason"]
    assert "more than 40 tokens" in warnings[2]["reason"]
