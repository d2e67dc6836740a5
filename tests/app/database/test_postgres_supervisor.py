"""The embedded PostgreSQL of running servers and workers dies, is shut down, or has no space."""

import asyncio
import fcntl
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import psutil
import pytest

from app.database.embedded import EmbeddedPostgres
from tests.app.database.small_disk import fill, small_disk
from tests.app.graphql.operations import EVENTS
from tests.app.graphql.subscriptions.transport_ws import Socket
from tests.app.service import TICKETOPS, environment, ticketops
from tests.waiting import wait_until

WAIT_S = 120
# A cluster and its write-ahead log take about 45 MiB at first.
DISK_MIB = 96
TICKET = {
    "subject": "S",
    "description": "D",
    "customer_name": "N",
    "customer_email": "n@example.com",
}
DIED = "embedded PostgreSQL died; restarting it"
RESTARTED = "embedded PostgreSQL restarted"
FAILED = "embedded PostgreSQL cannot be restarted yet"
SHUT_DOWN = "embedded PostgreSQL was shut down; not restarted"
# Fills the write-ahead log and nothing else.
USE_WAL = "SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000000))"


@dataclass
class Program:
    """A running server or worker, and the file of its log."""

    process: subprocess.Popen[bytes]
    log_file: Path

    def messages(self) -> list[str]:
        """Return the messages that it has logged so far."""
        return [event["message"] for event in self._events()]

    def wait_for(self, message: str) -> dict[str, Any]:
        """Wait until it has logged a message, and return the event."""

        def found() -> bool:
            assert self.process.poll() is None, self.log_file.read_text()
            return message in self.messages()

        wait_until(found)
        return next(event for event in self._events() if event["message"] == message)

    def _events(self) -> list[dict[str, Any]]:
        # The last line may be incomplete.
        lines = self.log_file.read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines if line.startswith("{")]


@contextmanager
def program(name: str, folder: Path, **settings: str) -> Iterator[Program]:
    """Run a program with its embedded database in ``folder / ".data"``."""
    given = {"PORT": "0", "LOG_FORMAT": "json", "OPS_SIM_LATENCY_MS": "0"} | settings
    log_file = folder / f"{name}.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [TICKETOPS, name], cwd=folder, env=environment(given), stderr=log, stdout=log
        )
    with process:
        try:
            yield Program(process, log_file)
        finally:
            process.terminate()
            process.wait(WAIT_S)


@contextmanager
def client_of(server: Program) -> Iterator[httpx2.Client]:
    url = server.wait_for("listening")["url"]
    with httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
        yield client


@contextmanager
def no_start(folder: Path) -> Iterator[None]:
    """Let no process start the embedded PostgreSQL during the block."""
    with (folder / ".data/lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def postmaster(folder: Path) -> psutil.Process:
    file = folder / ".data/postgres/postmaster.pid"
    return psutil.Process(int(file.read_text().split()[0]))


def end(process: psutil.Process, number: int) -> None:
    process.send_signal(number)
    wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


def check_unavailable(client: httpx2.Client) -> None:
    """Check that requests and readiness are 503, once the process has noticed the outage."""
    wait_until(lambda: client.get("/readyz").status_code == 503)
    assert client.get("/readyz").json()["missing"] == "database"
    answer = client.post("/tickets", json=TICKET)
    assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")


def create(client: httpx2.Client) -> str:
    """Create a ticket as soon as that is possible, and return its id."""
    deadline = time.monotonic() + WAIT_S
    while (answer := client.post("/tickets", json=TICKET)).status_code == 503:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_one_of_several_processes_restarts_a_killed_server(working_dir: Path) -> None:
    with ExitStack() as opened:
        server = opened.enter_context(
            program("serve", working_dir, WORKERS="2", DELIVERY_WORKER="false")
        )
        client = opened.enter_context(client_of(server))
        worker = opened.enter_context(program("worker", working_dir))
        worker.wait_for("delivering")
        async with Socket.opened(str(client.base_url)) as socket:
            await socket.subscribe("1", EVENTS)
            await socket.wait_until_open()
            ticket_id = ""
            for _ in range(2):
                killed = postmaster(working_dir)
                with no_start(working_dir):
                    end(killed, signal.SIGKILL)
                    await asyncio.to_thread(check_unavailable, client)
                ticket_id = await asyncio.to_thread(create, client)
                assert postmaster(working_dir) != killed
                event = (await socket.next("1"))["ticketEvents"]
                assert event["ticketId"] == ticket_id
            wait_until(lambda: client.get("/readyz").status_code == 200)
            # The worker continues as well.
            answer = client.post(f"/api/ops/{ticket_id}")
            assert answer.status_code in {200, 202}, answer.text
            wait_until(lambda: client.get(f"/api/status/{ticket_id}").status_code == 200)
        messages = server.messages() + worker.messages()
        assert messages.count(DIED) == messages.count(RESTARTED) == 2
        left = postmaster(working_dir)
    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE


def test_a_server_that_was_shut_down_in_order_is_not_restarted(working_dir: Path) -> None:
    with program("serve", working_dir) as server, client_of(server) as client:
        create(client)
        end(postmaster(working_dir), signal.SIGINT)
        server.wait_for(SHUT_DOWN)
        check_unavailable(client)
        assert not (working_dir / ".data/postgres/postmaster.pid").exists()
        assert server.messages().count(SHUT_DOWN) == 1
        # Another process starts it for all.
        assert ticketops("migrate", cwd=working_dir).returncode == 0
        create(client)
        assert DIED not in server.messages()


async def die_without_space(url: str) -> None:
    """Have PostgreSQL write its log until it dies."""
    connection = await asyncpg.connect(url)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await use_wal_without_end(connection)
    connection.terminate()


async def use_wal_without_end(connection: asyncpg.Connection) -> None:
    while True:
        await connection.execute(USE_WAL)


def test_a_server_without_space_accepts_changes_again_when_there_is_some(
    working_dir: Path,
) -> None:
    data_dir = working_dir / ".data"
    data_dir.mkdir()
    ballast = data_dir / "ballast"
    with (
        small_disk(mib=DISK_MIB, folder=data_dir),
        program("serve", working_dir) as server,
        client_of(server) as client,
    ):
        kept = create(client)
        url = EmbeddedPostgres(data_dir).url
        fill(ballast)
        asyncio.run(die_without_space(url))
        server.wait_for(FAILED)
        check_unavailable(client)
        ballast.unlink()
        create(client)
        assert client.get(f"/tickets/{kept}").status_code == 200
        # It logs that after PostgreSQL accepts connections.
        server.wait_for(RESTARTED)
        assert server.messages().count(DIED) == server.messages().count(RESTARTED) == 1
