"""A shell that runs the commands of one page, as a reader types them one after the other."""

import fcntl
import os
import pty
import re
import shlex
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from uuid import uuid4

import httpx2
import psutil

from tests.ops.processes import free_port

__all__ = ["CommandFailed", "Session"]

START_TIMEOUT_S = 60
COMMAND_TIMEOUT_S = 240
STOP_TIMEOUT_S = 60
# A command that runs until it is stopped: a reader leaves it in a terminal of its own.
_LONG_RUNNING = re.compile(
    r"(?:\w+=\S+ )*(?:make|(?:\S*/)?ticketops) (serve|worker|ops-simulator)\b(?!.*--help)[^&|]*"
)
_PORTS = re.compile(r"(?<=[:= ])(40[456]0|6432)\b")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[a-zA-Z]")


class CommandFailed(AssertionError):
    """A command failed; the text has the command and its output."""


class Session:
    """A shell in a folder, with servers in the background, whose ports are free ones.

    The pages name the default ports; commands and output are translated.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._ports: dict[str, str] = {}
        self._servers: dict[str, _Terminal] = {}
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],  # noqa: S607  # the shell that a reader has
            cwd=folder,
            env={**environ, "PORT": self.port("4040"), "SHUTDOWN_DELAY_MS": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for terminal in self._servers.values():
            terminal.end()
        if self._shell.poll() is None:
            self._kill()
        self._shell.communicate()

    @property
    def url(self) -> str:
        """Where the server of this page listens."""
        return f"http://127.0.0.1:{self.port('4040')}"

    @property
    def has_server(self) -> bool:
        """Whether a server has been started."""
        return "serve" in self._servers

    def port(self, documented: str) -> str:
        """Return the port that is used instead of a documented one."""
        return self._ports.setdefault(documented, str(free_port()))

    def folder(self) -> Path:
        """Return the shell's current folder."""
        return Path(self._run("pwd").strip())

    def variable(self, name: str) -> str:
        """Return a variable of the shell, "" where it is not set."""
        return self._run(f'printf %s "${{{name}-}}"')

    def translated(self, text: str) -> str:
        """Return a text with the ports that are used instead of the documented ones."""
        return _PORTS.sub(lambda found: self.port(found[0]), text)

    def run(self, commands: str) -> str:
        """Run commands and return their output; the last one may be a server."""
        *before, last = re.split(r"(?<!\\)\n", commands.strip())
        long_running = _LONG_RUNNING.fullmatch(last.replace("\\\n", " ").strip())
        if long_running is None:
            return self._run(commands)
        output = self._run("\n".join(before)) if before else ""
        return output + self._serve(long_running[1], last.strip())

    def _run(self, commands: str) -> str:
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        end = uuid4().hex
        # Read by eval, so that a command cannot read the commands after it.
        quoted = shlex.quote(self.translated(commands))
        self._shell.stdin.write(f"set -e\neval {quoted} </dev/null\nset +e\necho {end}\n")
        self._shell.stdin.flush()
        output = ""
        timer = threading.Timer(COMMAND_TIMEOUT_S, self._kill)
        timer.start()
        try:
            for line in self._shell.stdout:
                output += line
                if line.endswith(f"{end}\n"):
                    return self._documented(output.removesuffix(f"{end}\n"))
        finally:
            timer.cancel()
        raise CommandFailed(f"{commands}\n{output}")

    def _kill(self) -> None:
        """Kill the shell and what it has started, which would keep its output open."""
        os.killpg(self._shell.pid, signal.SIGKILL)

    def _serve(self, kind: str, command: str) -> str:
        """Start a server in a terminal of its own, and return what it prints once it listens.

        A second server of a kind takes the place of the first one.
        """
        if before := self._servers.pop(kind, None):
            before.end()
        terminal = _Terminal()
        self._servers[kind] = terminal
        named = re.search(r"--port (\d+)", command)
        port = self.port(named[1] if named else "4040")
        printed = self._run(f"(exec env {command}) </dev/null >{terminal.name} 2>&1 &\necho pid $!")
        try:
            terminal.process = psutil.Process(int(printed.split()[-1]))
        except psutil.NoSuchProcess:
            raise CommandFailed(terminal.text()) from None
        if kind == "worker":
            time.sleep(2)
        else:
            self._wait_for(terminal, int(port), is_http=kind == "serve")
        return self._documented(terminal.text())

    def _wait_for(self, terminal: "_Terminal", port: int, *, is_http: bool) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                if is_http:
                    httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
                else:
                    socket.create_connection(("127.0.0.1", port)).close()
            except (OSError, httpx2.TransportError):
                if time.monotonic() > deadline or not terminal.is_running():
                    raise CommandFailed(terminal.text()) from None
                time.sleep(0.05)
            else:
                # The banner follows right after.
                time.sleep(0.5)
                return

    def _documented(self, output: str) -> str:
        for documented, used in self._ports.items():
            output = output.replace(used, documented)
        return _COLOUR.sub("", output).replace("\r\n", "\n")


class _Terminal:
    """A pseudo-terminal, so that a server prints what it prints to a person."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        size = struct.pack("HHHH", 50, 200, 0, 0)
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, size)
        self.name = os.ttyname(self._slave)
        self.process: psutil.Process | None = None
        self._output = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                self._output += os.read(self._master, 65_536)
            except OSError:
                return

    def text(self) -> str:
        """Return what has been printed so far."""
        return self._output.decode("utf-8", "replace")

    def is_running(self) -> bool:
        """Whether the program in the terminal runs."""
        return (
            self.process is not None
            and self.process.is_running()
            and self.process.status() != psutil.STATUS_ZOMBIE
        )

    def end(self) -> None:
        """Stop the program, and wait until it and what it started have ended."""
        if self.process is not None and self.is_running():
            tree = [self.process, *self.process.children(recursive=True)]
            # Of `make serve`, the server that it runs. PostgreSQL is stopped by its server.
            servers = [one for one in tree if "ticketops" in " ".join(one.cmdline())]
            servers[0].send_signal(signal.SIGTERM)
            _, left = psutil.wait_procs(tree, STOP_TIMEOUT_S)
            assert left == [], self.text()
        self.close()

    def close(self) -> None:
        """Close the terminal; the thread that reads it ends."""
        os.close(self._slave)
        # The end of the last writer ends the read.
        self._reader.join(2)
        os.close(self._master)
