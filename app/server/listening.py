"""Open the sockets that the server listens on."""

import errno
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from app.config.urls import url_host
from app.errors import CommandError

_logger = logging.getLogger(__name__)

BACKLOG = 2048
# libuv accepts one connection per socket and turn of the event loop, and a busy server handles many
# requests in one turn: of a thousand clients that connected at once, the last waited for 10 s.
# More sockets accept more connections per turn. Each costs time, because a new connection wakes
# all of them.
ACCEPTS_PER_TURN = 16
# If a server was killed, its worker processes need a moment to notice and to free the port.
RETRY_FOR_S = 1.5
POLL_S = 0.05
# Errors of a connection that its client or the network has ended before it is accepted. accept(2)
# reports them on the listening socket.
_FAILED_CONNECTION = frozenset(
    {
        errno.ECONNABORTED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
        errno.EPERM,
        errno.EPROTO,
        errno.ETIMEDOUT,
    }
)
_HOST_HINT = "Set HOST to 127.0.0.1, or to 0.0.0.0 for every address of this machine."


class CannotListen(CommandError):
    """The program cannot listen on the address of HOST and a port."""


def listen(host: str, port: int, *, setting: str = "PORT") -> socket.socket:
    """Return a listening socket; connections wait in its backlog until a server accepts them.

    Raises CannotListen, with the setting that the port comes from.
    """
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    deadline = time.monotonic() + RETRY_FOR_S
    while True:
        try:
            return socket.create_server((host, port), family=family, backlog=BACKLOG)
        except (UnicodeError, TypeError):
            # Python raises both for a name that IDNA cannot encode.
            raise CannotListen(f"HOST {host} is not a host name.", hint=_HOST_HINT) from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise _cannot_listen(host, port, error, setting) from error
        time.sleep(POLL_S)


def accept_waiting(listener: socket.socket) -> list[socket.socket]:
    """Return the connections that wait in the backlog of a socket, which must not block.

    At most BACKLOG, because others can arrive meanwhile. If the system grants no more sockets, the
    rest is left, and the log says why.
    """
    accepted: list[socket.socket] = []
    for _ in range(BACKLOG):
        try:
            accepted.append(listener.accept()[0])
        except BlockingIOError:
            break
        except OSError as error:
            if error.errno in _FAILED_CONNECTION:
                continue
            fields = {"reason": error.strerror, "accepted": len(accepted)}
            _logger.warning("waiting connections were not accepted", extra={"fields": fields})
            break
    return accepted


def accepts_per_turn(*, processes: int) -> int:
    """Return how many connections one of several processes accepts per turn of its event loop."""
    return max(1, ACCEPTS_PER_TURN // processes)


@contextmanager
def duplicated(listener: socket.socket, *, processes: int) -> Iterator[list[socket.socket]]:
    """Yield a listening socket together with duplicates of it, for each of several processes.

    Each process accepts as many connections per turn of its event loop as it has sockets: its
    share of ACCEPTS_PER_TURN, and at least one.
    """
    with ExitStack() as duplicates:
        count = accepts_per_turn(processes=processes)
        yield [listener, *(duplicates.enter_context(listener.dup()) for _ in range(count - 1))]


def url_of(listener: socket.socket, host: str) -> str:
    """Return the URL of a server with this listening socket."""
    return f"http://{url_host(host.strip('[]'))}:{listener.getsockname()[1]}"


def _cannot_listen(host: str, port: int, error: OSError, setting: str) -> CannotListen:
    flag = f"--{setting.lower().replace('_', '-')} or {setting}"
    if error.errno == errno.EADDRINUSE:
        return CannotListen(
            f"Cannot listen on port {port} of {host}: another program uses it.",
            hint=f"Stop that program, or choose another port with {flag}.",
        )
    if error.errno == errno.EACCES:
        return CannotListen(
            f"Cannot listen on port {port}: this user is not permitted to.",
            hint=f"Choose a port from 1024 on with {flag}.",
        )
    # Python appends the address, which the message contains already.
    reason = str(error.strerror or error).partition(" (while ")[0]
    return CannotListen(
        f"Cannot listen on HOST {host}: {reason}.",
        hint=_HOST_HINT,
    )
