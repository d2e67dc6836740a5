"""Fair scheduler of the clients' input, which is parsed in short parts to keep the event loop free.

To parse what one read of a socket returns, up to 256 KB, can take half a second: it may consist of
frames of six bytes. Connections therefore parse at once only as much as the turn of the event loop
permits. The rest waits, and is parsed in later turns: a part for each caller (or each address,
before its caller is known) in rotation, so that a caller with many connections cannot delay others.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from typing import Protocol

from app.http.input_usage import UNPARSED
from app.server.backlog import Backlog

__all__ = ["MAX_WAITING_BYTES", "READ_UNITS", "InputScheduler", "Parsing"]

# Work in one turn of the event loop. A unit is a byte of HTTP, which takes at most 0.2 us.
MAX_UNITS = 131_072
# Of each read and of each pipelined request, in addition to its bytes. However short it is, it may
# complete a request, which takes up to 0.5 ms.
READ_UNITS = 4096
MAX_TURN_S = 0.005
# While clients wait to be accepted.
MAX_BACKLOG_TURN_S = 0.001
# Input that precedes larger input of the same group.
SMALL_BYTES = 4096
# Received bytes that wait, of all connections together, and of one group even then.
MAX_WAITING_BYTES = 64 * 2**20
MAX_SHARE_BYTES = 2**20
UNPARSED.limit = MAX_WAITING_BYTES
_LOG_INTERVAL_S = 60.0

_logger = logging.getLogger(__name__)


class Parsing(Protocol):
    """A connection that parses what it received in parts."""

    @property
    def group(self) -> str:
        """Connections of one group take turns with each other, and groups with groups."""

    def parse_part(self) -> bool:
        """Parse a part; return whether another can follow."""

    def refuse_input(self) -> None:
        """Close the connection with the reason, because too much input waits."""

    def abort(self) -> None:
        """Close the connection at once."""


class _Group:
    __slots__ = ("connections", "waiting_bytes")

    def __init__(self) -> None:
        # In order; the first is next.
        self.connections: OrderedDict[Parsing, None] = OrderedDict()
        self.waiting_bytes = 0


class InputScheduler:
    """Lets the connections of this process parse what they received."""

    def __init__(self, backlog: Backlog) -> None:
        self.backlog = backlog
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn = 0.0
        self._units = 0
        # In order of their turns; the first group is next.
        self._groups: OrderedDict[str, _Group] = OrderedDict()
        # The group of each waiting connection, and the size of its input.
        self._waiting: dict[Parsing, tuple[str, int]] = {}
        self._waiting_bytes = 0
        self._is_scheduled = False
        self._next_log_at = 0.0
        self._refused_since_log = 0

    def admits(self, units: int) -> bool:
        """Return whether one read of this size can be parsed at once, and count it in this turn."""
        if self._waiting:
            return False
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        # The time of uvloop stays the same during a turn.
        now = self._loop.time()
        units += READ_UNITS
        if now == self._turn:
            units += self._units
        else:
            self._turn = now
        self._units = units
        return units <= MAX_UNITS

    def count(self, units: int) -> None:
        """Count what was parsed in addition to the bytes of an admitted read."""
        self._units += units

    def wait(self, connection: Parsing, size: int) -> None:
        """Let a connection parse its input of this size in later turns; more may have arrived."""
        self.leave(connection)
        key = connection.group
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group()
        is_too_much = self._waiting_bytes + size > MAX_WAITING_BYTES
        if is_too_much and group.waiting_bytes + size > MAX_SHARE_BYTES:
            if not group.connections:
                del self._groups[key]
            self._report(key, group.waiting_bytes + size)
            connection.refuse_input()
            return
        group.connections[connection] = None
        if size <= SMALL_BYTES:
            # Before larger input, so that a flood does not delay light requests.
            group.connections.move_to_end(connection, last=False)
        group.waiting_bytes += size
        self._waiting[connection] = (key, size)
        self._waiting_bytes += size
        UNPARSED.used += size
        self._schedule()

    def leave(self, connection: Parsing) -> None:
        """Forget a connection, for example because it is closed."""
        found = self._waiting.pop(connection, None)
        if found is None:
            return
        key, size = found
        self._waiting_bytes -= size
        UNPARSED.used -= size
        group = self._groups[key]
        group.waiting_bytes -= size
        del group.connections[connection]
        if not group.connections:
            del self._groups[key]

    def _report(self, group: str, group_bytes: int) -> None:
        """Log now and then that input is refused."""
        UNPARSED.refused += 1
        self._refused_since_log += 1
        now = time.monotonic()
        if now < self._next_log_at:
            return
        fields = {
            "limit_bytes": MAX_WAITING_BYTES,
            "refused": self._refused_since_log,
            # One of those that are refused.
            "sender": group,
            "sender_bytes": group_bytes,
        }
        _logger.warning("received input refused because too much waits", extra={"fields": fields})
        self._next_log_at = now + _LOG_INTERVAL_S
        self._refused_since_log = 0

    def _schedule(self) -> None:
        if self._waiting and not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        """Parse for MAX_TURN_S at most, and continue in the next turn."""
        self._is_scheduled = False
        limit_s = MAX_BACKLOG_TURN_S if self.backlog.is_full_turn else MAX_TURN_S
        deadline = time.perf_counter() + limit_s
        while self._waiting and time.perf_counter() < deadline:
            key, group = next(iter(self._groups.items()))
            self._groups.move_to_end(key)
            connection = next(iter(group.connections))
            try:
                has_more = connection.parse_part()
            except Exception:
                # As the event loop does it: the connection ends, and the others continue.
                _logger.exception("connection failed")
                self.leave(connection)
                connection.abort()
                continue
            if not has_more:
                self.leave(connection)
            elif connection in group.connections:
                group.connections.move_to_end(connection)
        self._schedule()
