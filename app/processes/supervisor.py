"""Several server processes: started, replaced when they die, and stopped together."""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from app.http.shutdown_signals import END_AT_ONCE, STOP_NOW
from app.processes.uvicorn_server import Server

__all__ = ["ServerProcesses"]

# A process that starts imports the application first, and does not respond until then.
START_TIMEOUT_S = 60.0
POLL_S = 0.1

_logger = logging.getLogger(__name__)


class ServerProcess(Process):
    """A process that runs our `Server`."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self.is_serving = False
        self._starts_until = time.monotonic() + START_TIMEOUT_S

    def is_alive(self, timeout: float = 5) -> bool:
        """Return whether the process runs, and has started or responded in time."""
        if not self.process.is_alive():
            return False
        self._discard_late_responses()
        if self.is_serving:
            return self.ping(timeout)
        self.is_serving = self.is_ready(POLL_S)
        return self.is_serving or time.monotonic() < self._starts_until

    def _discard_late_responses(self) -> None:
        with suppress(EOFError, OSError):
            while self.parent_conn.poll():
                self.parent_conn.recv()

    @property
    def server(self) -> uvicorn.Server:
        """The server, created in the process."""
        if self._server is None:
            self._server = Server(self.config, on_started=lambda: None)
        return self._server


class ServerProcesses(Multiprocess):
    """Several server processes, replaced when they die; calls back once all of them serve.

    A terminal sends Ctrl-C to every process. Only the parent handles it, and then stops its
    children.
    """

    processes: list[ServerProcess]  # type: ignore[assignment]  # only those are added

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], on_started: Callable[[], None]
    ) -> None:
        super().__init__(config, sockets)
        self._on_started = on_started
        self._stop_signal = signal.SIGTERM

    def init_processes(self) -> None:
        """Start the processes, wait until all of them serve, and call back."""
        for _ in range(self.processes_num):
            self.processes.append(self._start_process())
        while not all(child.is_serving for child in self.processes):
            if self.should_exit.wait(POLL_S):
                return
            self.handle_signals()
            self.keep_subprocess_alive()
        self._on_started()

    def keep_subprocess_alive(self) -> None:
        """Replace processes that have died."""
        for index, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if process.is_alive(timeout=self.config.timeout_worker_healthcheck):
                continue
            exit_status = process.exitcode
            process.kill()
            process.join()
            if process.exitcode == STARTUP_FAILURE:
                # Another process would fail in the same way.
                self.should_exit.set()
                return
            _log_replacement(process.pid, exit_status)
            self.processes[index] = self._start_process()

    def handle_int(self) -> None:
        """Stop without delay, or end at once if the processes are stopping."""
        self._stop(STOP_NOW)

    def handle_term(self) -> None:
        """Drain and stop, or end at once if the processes are stopping."""
        self._stop(signal.SIGTERM)

    def terminate_all(self) -> None:
        """Signal the processes to stop."""
        # The last process that closes the socket accepts the connections that wait.
        for one in self.sockets:
            one.close()
        self._send(self._stop_signal)

    def join_all(self) -> None:
        """Wait until the processes have ended, and pass a further signal on."""
        for child in self.processes:
            while child.process.exitcode is None:
                child.process.join(POLL_S)
                self.handle_signals()

    def _start_process(self) -> ServerProcess:
        process = ServerProcess(self.config, self.sockets)
        with _sigint_blocked_in_children():
            process.start()
        return process

    def _stop(self, number: signal.Signals) -> None:
        if not self.should_exit.is_set():
            self._stop_signal = number
            self.should_exit.set()
            return
        self._stop_signal = END_AT_ONCE
        self._send(END_AT_ONCE)

    def _send(self, number: signal.Signals) -> None:
        for child in self.processes:
            if child.exitcode is None and child.pid is not None:
                os.kill(child.pid, number)


def _log_replacement(pid: int | None, exit_status: int | None) -> None:
    """Log a replacement. A negative status is a signal; None, the process did not respond."""
    message = (
        "server process did not respond; replacing it"
        if exit_status is None
        else "server process ended; replacing it"
    )
    _logger.error(message, extra={"fields": {"pid": pid, "exit_status": exit_status}})


@contextmanager
def _sigint_blocked_in_children() -> Iterator[None]:
    """Start processes that never receive SIGINT; this process receives it after the block."""
    # Starting a process would start the resource tracker, which unblocks SIGINT in this process.
    resource_tracker.ensure_running()
    previous_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask)
