"""Server processes that start, serve or do not respond."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
import uvicorn
from starlette.applications import Starlette

from app.processes import supervisor
from app.processes.supervisor import ServerProcess
from tests.waiting import wait_until

# Shorter than a process takes to start.
SHORT_S = 0.01


@contextmanager
def starting() -> Iterator[ServerProcess]:
    """Start a process; end it after the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(Starlette, factory=True, log_config=None)
        process = ServerProcess(config, [listener])
        process.start()
        try:
            yield process
        finally:
            process.kill()
            process.join()


def test_a_process_is_alive_while_it_starts_and_then_while_it_responds() -> None:
    with starting() as process:
        assert process.is_alive(SHORT_S)
        assert not process.is_serving

        def serves() -> bool:
            assert process.is_alive(SHORT_S)
            return process.is_serving

        wait_until(serves)
        assert process.is_alive(60)
        psutil.Process(process.pid).send_signal(signal.SIGSTOP)
        wait_until(lambda: not process.is_alive(SHORT_S))


def test_a_process_that_takes_too_long_to_start_is_not_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "START_TIMEOUT_S", 0)
    with starting() as process:
        assert not process.is_alive(SHORT_S)


def test_a_process_that_has_ended_is_not_alive() -> None:
    with starting() as process:
        psutil.Process(process.pid).kill()
        process.join()
        assert not process.is_alive(60)
