"""What an operator can do wrong at the start: one line that says what to do, and exit status 2."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.auth.rate_limit import check_rate_limit_settings
from app.config.settings import Settings
from app.errors import CommandError
from tests.app.cli.test_commands import assert_one_line
from tests.app.service import TICKETOPS, environment, ticketops

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the account")


def run(
    *arguments: str, cwd: Path, before: str = "", **given: str
) -> subprocess.CompletedProcess[str]:
    """Run a command from a shell, after other commands of the shell."""
    return subprocess.run(
        ["/bin/sh", "-c", f'{before}\nexec "$@"', "sh", str(TICKETOPS), *arguments],
        cwd=cwd,
        env=environment(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("data_dir", "words"),
    [
        ("/dev/null", ("DATA_DIR", "File exists: /dev/null")),
        ("/dev/null/x", ("DATA_DIR", "Not a directory: /dev/null/x")),
        ("/proc/x", ("DATA_DIR", "/proc/x", "that this user can write")),
        ("~no-such-user/x", ("DATA_DIR in the environment must be a path",)),
        ("a\nb", ("DATA_DIR in the environment must be a path without control characters",)),
        ("loop/x", ("DATA_DIR loop/x",)),
    ],
)
def test_a_data_dir_that_cannot_be_used(
    tmp_path: Path, data_dir: str, words: tuple[str, ...]
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    done = ticketops("migrate", cwd=tmp_path, DATA_DIR=data_dir)
    assert_one_line(done, *words)


@AS_ROOT
def test_a_data_dir_of_another_user(tmp_path: Path, working_dir: Path) -> None:
    (working_dir / "closed").mkdir(mode=0o700)
    # Without the rights of root, except to read: the programs can be in a folder of root.
    drop = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    drop += " --inh-caps=+dac_read_search --ambient-caps=+dac_read_search"
    done = subprocess.run(
        [*drop.split(), TICKETOPS, "migrate"],
        cwd=tmp_path,
        env=environment({"DATA_DIR": str(working_dir / "closed" / "data")}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert_one_line(done, f"Permission denied: {working_dir}/closed/data", "DATA_DIR")


def test_a_data_dir_with_a_comma(working_dir: Path) -> None:
    """A comma separates the folders of PostgreSQL's sockets, and the hosts of a URL."""
    done = ticketops("migrate", cwd=working_dir, DATA_DIR="a,b")
    assert done.returncode == 0, done.stderr
    assert "Applied" in done.stdout


def test_a_file_that_cannot_grow(working_dir: Path) -> None:
    """The limit of a file's size stands for a full disk."""
    done = run("migrate", cwd=working_dir, before="ulimit -f 100; trap '' XFSZ")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "initdb failed: " in done.stderr
    assert "File too large" in done.stderr.splitlines()[0]


def test_a_working_directory_that_was_removed(tmp_path: Path) -> None:
    done = run("migrate", cwd=tmp_path, before="mkdir gone; cd gone; rmdir ../gone")
    assert_one_line(done, "DATA_DIR .data", "absolute path")


@pytest.mark.parametrize("host", ["::1%no-such-interface", "ü" * 100])
def test_a_host_that_does_not_exist(tmp_path: Path, host: str) -> None:
    done = ticketops("serve", cwd=tmp_path, HOST=host, AUTH="required", PORT="0")
    assert_one_line(done, host, "Set HOST to 127.0.0.1")
    assert not (tmp_path / ".data").exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis+sentinel://127.0.0.1:1", ("'service_name' not provided",)),
        ("redis://127.0.0.1:1?hunter2=hunter2", ("has a parameter",)),
        ("redis://127.0.0.1:1?db=hunter2", ("Invalid value for 'db'",)),
        ("rediss://127.0.0.1:1?ssl_ca_certs=missing", ("its ssl_ca_certs cannot be read",)),
        ("redis://:hunter2@no-host.invalid", ("no-host.invalid",)),
    ],
)
def test_a_storage_of_rate_limits_that_cannot_be_used(url: str, words: tuple[str, ...]) -> None:
    settings = Settings.load({"RATE_LIMIT": "1/second", "RATE_LIMIT_STORAGE": url}, dotenv=None)
    with pytest.raises(CommandError, match=r"^Cannot use RATE_LIMIT_STORAGE: ") as refused:
        check_rate_limit_settings(settings)
    for word in words:
        assert word in str(refused.value)
    assert "redis://HOST:6379/0" in refused.value.hint
    assert "hunter2" not in str(refused.value)


def test_a_setting_that_server_processes_cannot_use_is_reported_once(tmp_path: Path) -> None:
    given = {"RATE_LIMIT": "1/second", "RATE_LIMIT_STORAGE": "redis+sentinel://127.0.0.1:1"}
    done = ticketops("serve", cwd=tmp_path, PORT="0", WORKERS="2", **given)
    assert_one_line(done, "Cannot use RATE_LIMIT_STORAGE: ", "'service_name' not provided")
    assert not (tmp_path / ".data").exists()


@pytest.mark.parametrize("content", [None, "[]", "no JSON"])
def test_persisted_documents_that_cannot_be_read(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content, encoding="utf-8")
    done = ticketops("serve", cwd=tmp_path, PORT="0", PERSISTED_DOCUMENTS="manifest.json")
    assert_one_line(done, "PERSISTED_DOCUMENTS", "manifest.json", "It must be a JSON object")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_errors_that_cannot_be_printed(tmp_path: Path, redirection: str) -> None:
    done = run("serve", cwd=tmp_path, before=f"exec {redirection}", PORT="0", DATA_DIR="/dev/null")
    assert done.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", [("settings",), ("schema", "export")])
def test_output_that_cannot_be_written(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(*command, cwd=tmp_path, before="exec >/dev/full")
    assert_one_line(done, "Cannot write: No space left on device")


def test_a_server_without_stderr_runs(working_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    script = f"""
import time, urllib.request
deadline = time.monotonic() + 60
while True:
    try:
        print(urllib.request.urlopen("http://127.0.0.1:{port}/healthz", timeout=5).status)
        break
    except OSError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.1)
"""
    with subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$0" serve 2>&-', str(TICKETOPS)],
        cwd=working_dir,
        env=environment({"PORT": str(port)}),
    ) as server:
        try:
            done = subprocess.run(
                [sys.executable, "-c", script], capture_output=True, text=True, check=False
            )
        finally:
            server.terminate()
        assert server.wait(60) == 0
    assert done.stdout == "200\n", done.stderr


def test_a_simulator_on_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = ticketops("ops-simulator", "--port", port, cwd=tmp_path)
    assert_one_line(done, f"port {port}", "another program")
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(("--port", "65536"), "'65536'"), (("--port", "-1"), "'-1'"), (("--token", "ö"), "ASCII")],
)
def test_an_invalid_argument_of_the_simulator(
    tmp_path: Path, arguments: tuple[str, ...], word: str
) -> None:
    done = ticketops("ops-simulator", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert word in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
