"""Report that the server cannot accept connections, because the system grants no more sockets.

libuv then closes new connections at once, or leaves them to the system, and reports nothing.
"""

import asyncio
import logging
import resource
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.background import background_task
from app.server.file_descriptors import available_for_connections
from app.server.open_connections import OpenConnections

__all__ = ["watched_descriptors"]

INTERVAL_S = 1.0

_logger = logging.getLogger(__name__)


@asynccontextmanager
async def watched_descriptors(connections: OpenConnections) -> AsyncIterator[None]:
    """Try every second inside the block whether the server can accept a connection.

    While it cannot, idle connections of unknown callers are closed. The log has an entry for the
    beginning and one for the end.
    """
    async with background_task(_watch(connections)):
        yield


async def _watch(connections: OpenConnections) -> None:
    began_at: float | None = None
    while True:
        # The limit of a running process can be changed, for example by prlimit.
        connections.limit_descriptors(available_for_connections())
        refusal = _refusal()
        if refusal is not None:
            if began_at is None:
                began_at = time.monotonic()
                _report_begin(refusal, connections)
            connections.close_oldest()
        elif began_at is not None:
            fields = {"duration_s": round(time.monotonic() - began_at, 3)}
            _logger.warning("connections are accepted again", extra={"fields": fields})
            began_at = None
        await asyncio.sleep(INTERVAL_S)


def _refusal() -> OSError | None:
    """Return the error with which the system refuses a socket; None if it grants one."""
    try:
        socket.socket().close()
    except OSError as error:
        return error
    return None


def _report_begin(refusal: OSError, connections: OpenConnections) -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    fields = {
        # Of the process, of the system, or of its memory for sockets.
        "reason": refusal.strerror,
        "max_descriptors": limit,
        "open": len(connections),
        "hint": "Raise the limit of file descriptors (ulimit -n), or lower MAX_OPEN_CONNECTIONS.",
    }
    _logger.error("connections cannot be accepted", extra={"fields": fields})
