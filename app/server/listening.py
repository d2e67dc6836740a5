"""The socket that a server listens on, got before anything else is begun."""

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from app.config.urls import url_host
from app.errors import CommandError

BACKLOG = 2048
# libuv takes one connection from a socket in each turn of its loop, in which a busy server
# answers many requests: of a thousand clients that came at once, the last waited for 10 s.
# With more, a client that comes alone costs more, for all of them are woken by it.
TAKEN_IN_A_TURN = 8
# The processes of a server that was killed need a moment to see that it is gone.
RETRY_FOR_S = 1.5
POLL_S = 0.05


class CannotListen(CommandError):
    """The address to listen on cannot be had."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; connections wait in it until a server accepts them.

    Raises CannotListen.
    """
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    deadline = time.monotonic() + RETRY_FOR_S
    while True:
        try:
            return socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise _told(host, port, error) from error
        time.sleep(POLL_S)


@contextmanager
def as_several(listener: socket.socket, *, processes: int) -> Iterator[list[socket.socket]]:
    """Yield what listens as several sockets, for each of so many processes that share it.

    In one turn of its loop a process takes as many connections: its share of
    TAKEN_IN_A_TURN, and at least one.
    """
    with ExitStack() as opened:
        count = max(1, TAKEN_IN_A_TURN // processes)
        yield [listener, *(opened.enter_context(listener.dup()) for _ in range(count - 1))]


def url_of(listener: socket.socket, host: str) -> str:
    """Return the URL of what listens."""
    return f"http://{url_host(host.strip('[]'))}:{listener.getsockname()[1]}"


def _told(host: str, port: int, error: OSError) -> CannotListen:
    if error.errno == errno.EADDRINUSE:
        return CannotListen(
            f"Port {port} of {host} is taken by another program.",
            hint="Stop that one, or choose another port by --port or PORT.",
        )
    if error.errno == errno.EACCES:
        return CannotListen(
            f"Port {port} may not be listened on by this user.",
            hint="Choose one from 1024 on by --port or PORT.",
        )
    # Python adds the address, which is said already.
    reason = str(error.strerror or error).partition(" (while ")[0]
    return CannotListen(
        f"HOST is {host}, which this machine cannot listen on: {reason}.",
        hint="Try 127.0.0.1, or 0.0.0.0 for every address of this machine.",
    )
