"""Commands run as processes: their output, errors and exit status."""

import json
import socket
import subprocess
from pathlib import Path

import pytest

from app import __version__
from app.config.setting_fields import declared_settings
from app.config.settings import Settings
from app.config.settings_list import env_example
from tests.app.service import TICKETOPS, environment, ticketops

ROOT = Path(__file__).parents[3]


@pytest.fixture
def url(empty_database_url: str) -> str:
    """Return the URL of a database without tables."""
    return empty_database_url


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Assert that a command failed with one line and at most one hint."""
    assert done.returncode == 2, done.stderr
    line, *hint = done.stderr.rstrip("\n").split("\n")
    assert line.startswith("ticketops")
    assert len(hint) <= 1
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def with_parameter(url: str, parameter: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{parameter}"


def test_version(tmp_path: Path) -> None:
    assert ticketops("--version", cwd=tmp_path).stdout == f"ticketops {__version__}\n"


def test_the_help_lists_each_command(tmp_path: Path) -> None:
    output = ticketops("--help", cwd=tmp_path).stdout
    for command in ("serve", "migrate", "seed", "schema", "settings"):
        assert f"\n    {command} " in output
        assert ticketops(command, "--help", cwd=tmp_path).returncode == 0


def _python(code: str, *, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code in the environment of the command line."""
    return subprocess.run(
        [TICKETOPS.with_name("python"), "-c", code],
        cwd=cwd,
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_and_settings_do_not_import_the_server(tmp_path: Path) -> None:
    """Importing the server takes a second of CPU time, which each call would wait for."""
    code = "import sys; from app.cli import main; main(['settings']); print(*sys.modules)"
    done = _python(code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    modules = set(done.stdout.splitlines()[-1].split())
    assert not modules & {"strawberry", "graphql", "tortoise", "asyncpg", "starlette", "uvicorn"}


def test_an_invalid_setting(tmp_path: Path) -> None:
    assert_one_line(
        ticketops("serve", cwd=tmp_path, PORT="http"), "PORT in the environment", "65535"
    )
    assert_one_line(ticketops("serve", "--port", "x", cwd=tmp_path), "PORT on the command line")
    (tmp_path / ".env").write_text("WORKERS=none\n", encoding="utf-8")
    assert_one_line(ticketops("migrate", cwd=tmp_path), "WORKERS in .env")


def test_an_invalid_rate_limit_storage(working_dir: Path) -> None:
    storage = {"RATE_LIMIT": "6000/minute", "RATE_LIMIT_STORAGE": "redis+sentinel://127.0.0.1:1"}
    done = ticketops("serve", cwd=working_dir, PORT="0", LOG_LEVEL="error", **storage)
    assert_one_line(done, "RATE_LIMIT_STORAGE")


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_one_line(
            ticketops("serve", cwd=tmp_path, PORT=port), port, "another program", "--port"
        )
    assert not (tmp_path / ".data").exists(), "the embedded database was started"


def test_a_host_of_another_machine(tmp_path: Path) -> None:
    done = ticketops("serve", cwd=tmp_path, HOST="192.0.2.1", PORT="0", LOG_LEVEL="error")
    assert_one_line(done, "HOST", "192.0.2.1")


@pytest.mark.parametrize("command", ["serve", "migrate", "seed"])
def test_an_unreachable_database(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"postgresql://me:hunter2@127.0.0.1:{port}/x"
    done = ticketops(command, cwd=tmp_path, DATABASE_URL=url, PORT="0")
    assert_one_line(done, f"127.0.0.1:{port}/x", "connection refused", "DATABASE_URL")
    assert "hunter2" not in done.stderr


def test_a_missing_database(tmp_path: Path, database_url: str) -> None:
    url = database_url.replace("/t_", "/nowhere_")
    done = ticketops("migrate", cwd=tmp_path, DATABASE_URL=url)
    assert_one_line(done, "does not exist", "createdb")


@pytest.mark.parametrize(
    ("parameter", "word"),
    [("sslmod=require", "sslmod"), ("work_mem=lots", "work_mem"), ("options=-cbad", "bad")],
)
def test_a_setting_that_postgresql_rejects(
    tmp_path: Path, database_url: str, parameter: str, word: str
) -> None:
    done = ticketops("migrate", cwd=tmp_path, DATABASE_URL=with_parameter(database_url, parameter))
    assert_one_line(done, word, "Correct this setting in DATABASE_URL.")


def test_a_database_that_cannot_be_written(tmp_path: Path, url: str) -> None:
    assert ticketops("migrate", cwd=tmp_path, DATABASE_URL=url).returncode == 0
    read_only = with_parameter(url, "default_transaction_read_only=on")
    done = ticketops("seed", "--tickets=1", cwd=tmp_path, DATABASE_URL=read_only)
    assert_one_line(done, "read-only transaction", "Set DATABASE_URL to the primary")
    required = with_parameter(read_only, "target_session_attrs=read-write")
    done = ticketops("migrate", cwd=tmp_path, DATABASE_URL=required)
    assert_one_line(done, "the session is not read-write", "Add the primary to DATABASE_URL")


def test_migrate_prints_the_applied_migrations(tmp_path: Path, url: str) -> None:
    first = ticketops("migrate", cwd=tmp_path, DATABASE_URL=url)
    assert (first.returncode, first.stderr) == (0, "")
    assert "Applied 0_" in first.stdout
    second = ticketops("migrate", cwd=tmp_path, DATABASE_URL=url)
    assert "nothing to do" in second.stdout


def test_seed_adds_the_missing_tickets(tmp_path: Path, url: str) -> None:
    def seed(tickets: int) -> str:
        done = ticketops("seed", f"--tickets={tickets}", cwd=tmp_path, DATABASE_URL=url)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert seed(20).startswith("Added 20 tickets, 60 log entries")
    assert seed(30).startswith("Added 10 tickets, 30 log entries")
    assert "30 tickets existed already" in seed(30)


def test_an_invalid_number_of_tickets(tmp_path: Path) -> None:
    done = ticketops("seed", "--tickets=many", cwd=tmp_path)
    assert done.returncode == 2
    assert "'many' is not a whole number" in done.stderr


def test_settings_lists_every_setting_with_its_source(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://me:hunter2@h/x\n", encoding="utf-8")
    output = ticketops("settings", cwd=tmp_path, PORT="4321").stdout
    lines = {line.split()[0]: line for line in output.splitlines()}
    assert lines.keys() == {setting.name for setting in declared_settings(Settings)}
    assert lines["PORT"].split()[1:3] == ["4321", "environment"]
    assert lines["DATABASE_URL"].split()[1:3] == ["postgresql://me:********@h/x", ".env"]
    assert lines["HOST"].split()[1:3] == ["127.0.0.1", "default"]
    assert ticketops("settings", "--example", cwd=tmp_path).stdout == env_example()


def test_a_former_name_of_a_setting_logs_one_warning(tmp_path: Path) -> None:
    done = ticketops("settings", cwd=tmp_path, DATABASE_POOL="7", LOG_FORMAT="json")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    event = json.loads(line)
    assert (event["level"], event["message"]) == ("warning", "setting renamed")
    assert (event["former_name"], event["name"]) == ("DATABASE_POOL", "DATABASE_POOL_SIZE")
    rows = {row.split()[0]: row for row in done.stdout.splitlines()}
    assert rows["DATABASE_POOL_SIZE"].split()[1:3] == ["7", "environment"]


@pytest.mark.parametrize("place", [".env", "environment"])
def test_a_misspelled_setting_logs_a_warning(tmp_path: Path, place: str) -> None:
    environ = {"PROT": "hunter2", "LOG_FORMAT": "json"}
    if place == ".env":
        (tmp_path / ".env").write_text(f"PROT={environ.pop('PROT')}\n", encoding="utf-8")
    done = ticketops("settings", cwd=tmp_path, **environ)
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    event = json.loads(line)
    assert (event["level"], event["message"]) == ("warning", "unknown setting ignored")
    assert (event["name"], event["similar_to"], event["source"]) == ("PROT", "PORT", place)
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["settings", "migrate", "serve", "worker", "seed"])
def test_a_dotenv_with_an_error(tmp_path: Path, command: str) -> None:
    (tmp_path / ".env").write_text('PORT=0\nDATABASE_URL="postgresql://a:hunter2@h/d\n', "utf-8")
    done = ticketops(command, cwd=tmp_path)
    assert_one_line(done, "Cannot read line 2 of .env", "quotation marks")
    assert "hunter2" not in done.stderr
    assert not (tmp_path / ".data").exists()


def test_a_closed_output_is_not_an_error(tmp_path: Path) -> None:
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


def test_schema_export_prints_the_committed_schema(tmp_path: Path) -> None:
    committed = (ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8")
    assert ticketops("schema", "export", cwd=tmp_path).stdout == committed
    ticketops("schema", "export", "printed.graphql", cwd=tmp_path)
    assert (tmp_path / "printed.graphql").read_text(encoding="utf-8") == committed


def test_schema_check_passes_for_the_committed_schema(tmp_path: Path) -> None:
    done = ticketops("schema", "check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("0 breaking changes")


def test_schema_check_lists_each_breaking_change(tmp_path: Path) -> None:
    """A removed field and a removed enum value."""
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
def test_schema_check_requires_a_removal_date_of_deprecations(
    tmp_path: Path, reason: str, status: int
) -> None:
    """The schema it is compared with has the same deprecation, so that nothing else differs."""
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


def test_schema_check_of_an_invalid_file(tmp_path: Path) -> None:
    (tmp_path / "bad.graphql").write_text("type {", encoding="utf-8")
    assert_one_line(ticketops("schema", "check", "bad.graphql", cwd=tmp_path), "bad.graphql")
    assert_one_line(ticketops("schema", "check", "none.graphql", cwd=tmp_path), "none.graphql")
