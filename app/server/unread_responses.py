"""Responses that clients do not read: limits for their bytes, and for the time without progress.

A response waits in the write buffer of its connection until the client has read it. A buffer of
more than uvicorn's high-water mark (64 KiB) is counted here, for HTTP responses, event streams
and WebSockets alike. Smaller ones are bounded by the number of connections.
"""

import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass

from app.config.log_line_limit import UNAUTHENTICATED_LINES
from app.http.unread_bytes import UNREAD

__all__ = ["UnreadResponses"]

CHECK_INTERVAL_S = 1.0

_logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Unread:
    transport: asyncio.Transport
    caller: str
    size: int
    # When the client last read something.
    progressed_at: float


class UnreadResponses:
    """The connections of this process whose clients read more slowly than the server writes.

    A client that reads nothing for ``timeout_s`` is disconnected. If a caller or the process has
    more unread bytes than its limit, connections are closed until it has fewer, first that one
    which has been read slowly for the longest time: of the caller, or of the caller with the
    most unread bytes.
    """

    def __init__(
        self, *, timeout_s: float, max_bytes_per_caller: int, max_bytes_in_total: int
    ) -> None:
        self._timeout_s = timeout_s
        self._max_bytes_per_caller = max_bytes_per_caller
        self._max_bytes_in_total = max_bytes_in_total
        # In the order in which their buffers became too large.
        self._unread: dict[asyncio.Transport, _Unread] = {}
        # Without entries for callers that have read everything.
        self._by_caller: Counter[str] = Counter()
        self.total_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, transport: asyncio.Transport, caller: str) -> None:
        """Count the bytes in a connection's write buffer, until `remove`."""
        if transport in self._unread:
            return
        loop = asyncio.get_running_loop()
        unread = _Unread(transport, caller, 0, time.monotonic())
        self._unread[transport] = unread
        self._set_size(unread, transport.get_write_buffer_size())
        if self._is_over_limit(caller):
            # The transport is writing: it must not be aborted now.
            loop.call_soon(self._enforce_limits)
        if self._timer is None:
            self._timer = loop.call_later(CHECK_INTERVAL_S, self._check)

    def remove(self, transport: asyncio.Transport) -> None:
        """Stop counting a connection: its client has read enough, or it is closed."""
        unread = self._unread.pop(transport, None)
        if unread is not None:
            self._set_size(unread, 0)

    def _set_size(self, unread: _Unread, size: int) -> None:
        grown_by = size - unread.size
        unread.size = size
        self.total_bytes += grown_by
        UNREAD.used += grown_by
        self._by_caller[unread.caller] += grown_by
        if not self._by_caller[unread.caller]:
            del self._by_caller[unread.caller]

    def _check(self) -> None:
        """Disconnect clients that have read nothing for too long."""
        self._timer = None
        now = time.monotonic()
        for unread in list(self._unread.values()):
            size = unread.transport.get_write_buffer_size()
            if size < unread.size:
                unread.progressed_at = now
            self._set_size(unread, size)
            if now - unread.progressed_at >= self._timeout_s:
                self._disconnect(unread, "write timeout")
        self._enforce_limits()
        if self._unread:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(CHECK_INTERVAL_S, self._check)

    def _is_over_limit(self, caller: str) -> bool:
        return (
            self._by_caller[caller] > self._max_bytes_per_caller
            or self.total_bytes > self._max_bytes_in_total
        )

    def _enforce_limits(self) -> None:
        for caller, size in list(self._by_caller.items()):
            if size > self._max_bytes_per_caller:
                self._disconnect_slowest(
                    caller, self._max_bytes_per_caller, "unread bytes of the caller"
                )
        while self.total_bytes > self._max_bytes_in_total:
            [(caller, size)] = self._by_caller.most_common(1)
            limit = max(0, size - (self.total_bytes - self._max_bytes_in_total))
            self._disconnect_slowest(caller, limit, "unread bytes in total")

    def _disconnect_slowest(self, caller: str, limit: int, reason: str) -> None:
        """Disconnect clients of a caller until it has at most ``limit`` unread bytes."""
        for unread in [one for one in self._unread.values() if one.caller == caller]:
            if self._by_caller[caller] <= limit:
                return
            self._disconnect(unread, reason)

    def _disconnect(self, unread: _Unread, reason: str) -> None:
        fields = {"caller": unread.caller, "unread_bytes": unread.size, "reason": reason}
        UNAUTHENTICATED_LINES.log(
            _logger, logging.INFO, "slow client disconnected", fields, address=unread.caller
        )
        self.remove(unread.transport)
        unread.transport.abort()
