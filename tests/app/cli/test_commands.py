"""The command line, as processes: what it says, what it returns, and that it can be killed."""

import json
import os
import pty
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx2
import psutil
import pytest

from app import __version__
from app.config.setting_fields import declared_settings
from app.config.settings import Settings
from app.config.settings_list import env_example
from tests.app.service import TICKETOPS, environment, running, serving_processes, ticketops

ROOT = Path(__file__).parents[3]
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


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Assert that a command gave up in one line, with at most a hint under it."""
    assert done.returncode == 2, done.stderr
    line, *hint = done.stderr.rstrip("\n").split("\n")
    assert line.startswith("ticketops")
    assert len(hint) <= 1
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_it_says_its_version(tmp_path: Path) -> None:
    assert ticketops("--version", cwd=tmp_path).stdout == f"ticketops {__version__}\n"


def test_the_help_names_each_command(tmp_path: Path) -> None:
    told = ticketops("--help", cwd=tmp_path).stdout
    for command in ("serve", "migrate", "seed", "schema", "settings"):
        assert f"\n    {command} " in told
        assert ticketops(command, "--help", cwd=tmp_path).returncode == 0


def _python(code: str, *, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in the environment of the command line."""
    return subprocess.run(
        [TICKETOPS.with_name("python"), "-c", code],
        cwd=cwd,
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_and_settings_need_no_heavy_imports(tmp_path: Path) -> None:
    """What a person waits for on each call; the server's parts take a second of CPU."""
    code = "import sys; from app.cli import main; main(['settings']); print(*sys.modules)"
    done = _python(code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    modules = set(done.stdout.splitlines()[-1].split())
    assert not modules & {"strawberry", "graphql", "tortoise", "asyncpg", "starlette", "uvicorn"}


def test_a_bad_setting_is_one_line(tmp_path: Path) -> None:
    assert_one_line(ticketops("serve", cwd=tmp_path, PORT="http"), "PORT", '"http"', "65535")
    assert_one_line(ticketops("serve", "--port", "x", cwd=tmp_path), "PORT", '"x"')
    (tmp_path / ".env").write_text("WORKERS=none\n", encoding="utf-8")
    assert_one_line(ticketops("migrate", cwd=tmp_path), "WORKERS", '"none"')


def test_a_limit_that_cannot_be_counted_is_one_line(data_dir: Path) -> None:
    storage = {"RATE_LIMIT": "6000/minute", "RATE_LIMIT_STORAGE": "redis+sentinel://127.0.0.1:1"}
    done = ticketops("serve", cwd=data_dir, PORT="0", LOG_LEVEL="error", **storage)
    assert_one_line(done, "RATE_LIMIT_STORAGE")


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_one_line(
            ticketops("serve", cwd=tmp_path, PORT=port), port, "another program", "--port"
        )
    assert not (tmp_path / ".data").exists(), "no database is started for nothing"


def test_a_host_that_is_not_ours_is_one_line(tmp_path: Path) -> None:
    done = ticketops("serve", cwd=tmp_path, HOST="192.0.2.1", PORT="0", LOG_LEVEL="error")
    assert_one_line(done, "HOST", "192.0.2.1")


@pytest.mark.parametrize("command", ["serve", "migrate", "seed"])
def test_a_database_that_is_away_is_one_line(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"postgresql://me:hunter2@127.0.0.1:{port}/x"
    done = ticketops(command, cwd=tmp_path, DATABASE_URL=url, PORT="0")
    assert_one_line(done, f"127.0.0.1:{port}/x", "connection refused", "DATABASE_URL")
    assert "hunter2" not in done.stderr


def test_a_database_that_does_not_exist_is_one_line(tmp_path: Path, database_url: str) -> None:
    url = database_url.replace("/t_", "/nowhere_")
    done = ticketops("migrate", cwd=tmp_path, DATABASE_URL=url)
    assert_one_line(done, "does not exist", "createdb")


def test_migrate_says_what_it_did(tmp_path: Path, url: str) -> None:
    first = ticketops("migrate", cwd=tmp_path, DATABASE_URL=url)
    assert (first.returncode, first.stderr) == (0, "")
    assert "Applied 0_" in first.stdout
    second = ticketops("migrate", cwd=tmp_path, DATABASE_URL=url)
    assert "nothing to do" in second.stdout


def test_seed_adds_what_is_missing(tmp_path: Path, url: str) -> None:
    def seed(tickets: int) -> str:
        done = ticketops("seed", f"--tickets={tickets}", cwd=tmp_path, DATABASE_URL=url)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert seed(20).startswith("Added 20 tickets, 60 log entries")
    assert seed(30).startswith("Added 10 tickets, 30 log entries")
    assert "30 tickets existed already" in seed(30)


def test_a_number_of_tickets_that_is_none_is_refused(tmp_path: Path) -> None:
    done = ticketops("seed", "--tickets=many", cwd=tmp_path)
    assert done.returncode == 2
    assert "'many' is not a whole number" in done.stderr


def test_settings_lists_all_with_where_they_come_from(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://me:hunter2@h/x\n", encoding="utf-8")
    told = ticketops("settings", cwd=tmp_path, PORT="4321").stdout
    lines = {line.split()[0]: line for line in told.splitlines()}
    assert lines.keys() == {setting.name for setting in declared_settings(Settings)}
    assert lines["PORT"].split()[1:3] == ["4321", "environment"]
    assert lines["DATABASE_URL"].split()[1:3] == ["postgresql://me:********@h/x", ".env"]
    assert lines["HOST"].split()[1:3] == ["127.0.0.1", "default"]
    assert ticketops("settings", "--example", cwd=tmp_path).stdout == env_example()


def test_a_former_name_of_a_setting_is_warned_of_once(tmp_path: Path) -> None:
    done = ticketops("settings", cwd=tmp_path, DATABASE_POOL="7", LOG_FORMAT="json")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    event = json.loads(line)
    assert (event["level"], event["message"]) == ("warning", "setting renamed")
    assert (event["former_name"], event["name"]) == ("DATABASE_POOL", "DATABASE_POOL_SIZE")
    rows = {row.split()[0]: row for row in done.stdout.splitlines()}
    assert rows["DATABASE_POOL_SIZE"].split()[1:3] == ["7", "environment"]


def test_output_that_nobody_reads_to_its_end_is_no_fault(tmp_path: Path) -> None:
    with subprocess.Popen(
        [TICKETOPS, "schema", "export"],
        cwd=tmp_path,
        env=environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_schema_export_prints_what_is_committed(tmp_path: Path) -> None:
    committed = (ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8")
    assert ticketops("schema", "export", cwd=tmp_path).stdout == committed
    ticketops("schema", "export", "printed.graphql", cwd=tmp_path)
    assert (tmp_path / "printed.graphql").read_text(encoding="utf-8") == committed


def test_schema_check_passes_on_what_is_committed(tmp_path: Path) -> None:
    done = ticketops("schema", "check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("0 breaking changes")


def test_schema_check_names_each_breaking_change(tmp_path: Path) -> None:
    """A client of the former schema may ask for what is not there, or leave out what is needed."""
    former = (ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8")
    former = former.replace("  opsHealth:", "  opsHealthier: String\n  opsHealth:")
    former = former.replace("\nenum OpsState {", "\nenum OpsState {\n  LOST")
    (tmp_path / "former.graphql").write_text(former, encoding="utf-8")
    done = ticketops("schema", "check", "former.graphql", cwd=tmp_path)
    assert done.returncode == 1
    assert "breaking: " in done.stdout
    assert "opsHealthier" in done.stdout
    assert "LOST" in done.stdout
    assert "2 breaking changes" in done.stdout


@pytest.mark.parametrize(("reason", "status"), [("Use me.", 1), ("Gone after 2027-01-31.", 0)])
def test_schema_check_fails_on_a_deprecation_without_a_date(
    tmp_path: Path, reason: str, status: int
) -> None:
    """On nothing else here: the print that it compares with has the same deprecation."""
    code = f"""
from pathlib import Path
from app.cli import main, schema
from schema.build import graphql_schema

graphql_schema().query_type.fields["viewer"].deprecation_reason = {reason!r}
schema.COMMITTED_SCHEMA = Path("schema.graphql")
main(["schema", "export", "schema.graphql"])
raise SystemExit(main(["schema", "check"]))
"""
    done = _python(code, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (status, "")
    assert ("Query.viewer is deprecated without a removal date" in done.stdout) == bool(status)


def test_schema_check_of_no_schema_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.graphql").write_text("type {", encoding="utf-8")
    assert_one_line(ticketops("schema", "check", "bad.graphql", cwd=tmp_path), "bad.graphql")
    assert_one_line(ticketops("schema", "check", "none.graphql", cwd=tmp_path), "none.graphql")


def has_ended(process: psutil.Process) -> bool:
    """Tell whether a process has ended, be it that nobody has asked for its status yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_stops_cleanly_and_its_database_with_it(data_dir: Path, number: int) -> None:
    with running(cwd=data_dir) as service:
        assert service.graphql(COUNT) == {"data": {"tickets": {"totalCount": 0}}}
        postmaster = psutil.Process(
            int((data_dir / ".data/postgres/postmaster.pid").read_text().split()[0])
        )
        assert service.end(number) == 0
    assert has_ended(postmaster)


def test_serve_starts_again_after_a_kill_with_all_that_was_written(data_dir: Path) -> None:
    with running(cwd=data_dir) as service:
        assert service.graphql(CREATE)["data"]["createTicket"]["errors"] == []
        port = service.url.rpartition(":")[2]
        service.end(signal.SIGKILL)
    with running(cwd=data_dir, PORT=port) as service:
        assert service.graphql(COUNT)["data"]["tickets"]["totalCount"] == 1


def test_two_that_start_at_once_share_the_embedded_database(data_dir: Path) -> None:
    services = []

    def start() -> None:
        with running(cwd=data_dir) as service:
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


def test_a_request_under_way_is_finished_before_the_end(tmp_path: Path, url: str) -> None:
    send = "mutation($id: ID!) { sendToOps(input: {ticketId: $id}) { ticket { opsState } } }"
    answers = []
    with running(cwd=tmp_path, DATABASE_URL=url, OPS_SIM_LATENCY_MS="1000") as service:
        made = service.graphql(CREATE)["data"]["createTicket"]["ticket"]["id"]
        thread = threading.Thread(target=lambda: answers.append(service.graphql(send, id=made)))
        thread.start()
        time.sleep(0.4)
        assert service.end() == 0
        thread.join(60)
    assert answers == [{"data": {"sendToOps": {"ticket": {"opsState": "DELIVERED"}}}}]


def test_several_processes_serve_and_one_that_dies_is_replaced(tmp_path: Path, url: str) -> None:
    with running(cwd=tmp_path, DATABASE_URL=url, WORKERS="2") as service:
        workers = serving_processes(service.process.pid)
        assert len(workers) == 2
        workers[0].kill()
        until(lambda: len(serving_processes(service.process.pid)) == 2)
        assert "data" in service.graphql(COUNT)
        assert service.end() == 0
    assert all(map(has_ended, workers))


def test_the_processes_of_a_killed_parent_leave_its_port(tmp_path: Path, url: str) -> None:
    given = {"DATABASE_URL": url, "WORKERS": "2"}
    with running(cwd=tmp_path, **given) as service:
        workers = serving_processes(service.process.pid)
        port = service.url.rpartition(":")[2]
        service.end(signal.SIGKILL)
    with running(cwd=tmp_path, **given, PORT=port) as service:
        assert "data" in service.graphql(COUNT)
    until(lambda: all(map(has_ended, workers)))


def test_a_terminal_is_greeted(tmp_path: Path, url: str) -> None:
    """With where everything is, and without the password."""
    url = url.replace("postgres@", "postgres:hunter2@", 1)
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [TICKETOPS, "serve"],
        cwd=tmp_path,
        env=environment({"DATABASE_URL": url, "PORT": "0"}),
        stderr=terminal,
    ) as process:
        os.close(terminal)
        told = ""
        while "Ctrl-C" not in told:
            told += os.read(controller, 4096).decode()
        process.terminate()
        assert process.wait(60) == 0
    os.close(controller)
    for word in ("/graphql", "/tickets", "/readyz", "schema 0_", "simulated", "open", "********"):
        assert word in told
    assert "hunter2" not in told


def test_open_access_beyond_this_machine_is_warned_of(tmp_path: Path, url: str) -> None:
    given = {"DATABASE_URL": url, "HOST": "0.0.0.0"}  # noqa: S104  # access is required
    with running(cwd=tmp_path, **given) as service:
        assert service.greeting["access"] == "required"
        local = service.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104  # as above
        assert httpx2.get(f"{local}/tickets").status_code == 401
        assert httpx2.get(f"{local}/healthz").status_code == 200


def test_trusted_documents_that_cannot_be_run_are_warned_of_once(tmp_path: Path, url: str) -> None:
    manifest = {
        "good": COUNT,
        "sha256:old": "{ ticketz { totalCount } }",
        "broken": "{",
        "large": "{ " + "__typename " * 50 + "}",
    }
    (tmp_path / "documents.json").write_text(json.dumps(manifest), encoding="utf-8")
    given = {"DATABASE_URL": url, "PERSISTED_DOCUMENTS": "documents.json", "MAX_TOKENS": "40"}
    with running(cwd=tmp_path, **given, WORKERS="2") as service:
        warnings = [event for event in service.beginning if event["level"] == "warning"]
    assert {warning["message"] for warning in warnings} == {"trusted document cannot be run"}
    assert [warning["document"] for warning in warnings] == ["old", "broken", "large"]
    assert "Cannot query field 'ticketz'" in warnings[0]["reason"]
    assert "more than 40 tokens" in warnings[2]["reason"]


def until(condition: object, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    assert callable(condition)
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
