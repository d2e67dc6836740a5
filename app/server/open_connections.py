"""Limits of open connections: of each address, of each caller, and in all.

A connection is unknown until it has carried an authenticated request. When a limit is reached, the
oldest unknown connection is closed for a new one: a client that sends its request at once is
served, and one that only occupies connections loses them. Connections of known callers are never
closed for another one.
"""

import logging
import time
from collections import Counter, OrderedDict
from itertools import islice
from typing import Protocol

from app.http.connection_slot import ConnectionSlot

__all__ = ["Closable", "OpenConnections"]

# Incomplete heads and messages of all connections together.
MAX_HELD_BYTES = 64 * 2**20
# Part of all connections that unknown callers can have, in percent. The rest is the reserve for
# known callers.
_UNKNOWN_PERCENT = 75
# Part of these that one address can have, in percent: one address cannot take all of them.
_ADDRESS_PERCENT = 50
# Connections that are considered when one must be closed, so that its choice takes constant time.
_CONSIDERED = 32
_LOG_INTERVAL_S = 60.0

_logger = logging.getLogger(__name__)


class Closable(Protocol):
    """A connection that can be closed in favour of another one."""

    @property
    def is_idle(self) -> bool:
        """Whether no request of the connection is being answered."""

    def abort(self) -> None:
        """Close the connection at once."""


class OpenConnections:
    """Account of the open connections of this process."""

    def __init__(
        self, *, max_total: int, max_unknown_of_address: int, max_of_caller: int, descriptors: int
    ) -> None:
        self._given_max_total = max_total
        self._given_max_unknown_of_address = max_unknown_of_address
        self._max_of_caller = max_of_caller
        self.limit_descriptors(descriptors)
        # Unknown connections, the oldest first: all, and by address.
        self._unknown: OrderedDict[ConnectionSlot, Closable] = OrderedDict()
        self._by_address: dict[str, OrderedDict[ConnectionSlot, Closable]] = {}
        # The number of known connections of each caller.
        self._known: Counter[str] = Counter()
        self._known_count = 0
        # Connections with incomplete input, the one that began first first.
        self._holders: OrderedDict[ConnectionSlot, Closable] = OrderedDict()
        self._held_bytes = 0
        self._next_log_at = 0.0
        self._closed_since_log = 0

    def __len__(self) -> int:
        """Return the number of open connections."""
        return len(self._unknown) + self._known_count

    def limit_descriptors(self, descriptors: int) -> None:
        """Let connections take at most this many file descriptors."""
        self._descriptors = descriptors
        self.max_total = min(self._given_max_total, descriptors)
        self.max_unknown = max(1, self.max_total * _UNKNOWN_PERCENT // 100)
        share = max(1, self.max_unknown * _ADDRESS_PERCENT // 100)
        self.max_unknown_of_address = min(self._given_max_unknown_of_address, share)

    def close_oldest(self) -> None:
        """Close the oldest idle connections of unknown callers, to free their descriptors."""
        for slot, connection in list(islice(self._unknown.items(), _CONSIDERED)):
            if connection.is_idle:
                self.close(slot)
                connection.abort()
                self._report("file descriptors")

    def open(self, connection: Closable, address: str, *, descriptor: int) -> ConnectionSlot | None:
        """Return the slot of a new connection; None if it must be closed.

        The system assigns the lowest free descriptor, so its number shows whether few are left.
        """
        of_address = self._by_address.get(address)
        if of_address is not None and len(of_address) >= self.max_unknown_of_address:
            limit = "MAX_UNAUTHENTICATED_CONNECTIONS"
            if not self._close_one(of_address, limit):
                return None
        if descriptor >= self._descriptors:
            limit = "file descriptors"
        elif len(self) >= self.max_total or len(self._unknown) >= self.max_unknown:
            limit = "MAX_OPEN_CONNECTIONS"
        else:
            return self._add(connection, address)
        return self._add(connection, address) if self._close_one(self._unknown, limit) else None

    def close(self, slot: ConnectionSlot) -> None:
        """Remove a closed connection; more than one call does no harm."""
        if slot.caller is None:
            self._remove_unknown(slot)
        else:
            caller, slot.caller = slot.caller, None
            self._known_count -= 1
            self._known[caller] -= 1
            if not self._known[caller]:
                del self._known[caller]
        self._release(slot)

    def mark_known(self, slot: ConnectionSlot, caller: str) -> None:
        """Count a connection as the caller's, if that one has fewer than MAX_CONNECTIONS."""
        self._release(slot)
        if slot not in self._unknown or self._known.get(caller, 0) >= self._max_of_caller:
            return
        self._remove_unknown(slot)
        slot.caller = caller
        self._known[caller] += 1
        self._known_count += 1

    def hand_over(self, slot: ConnectionSlot, connection: Closable) -> None:
        """Let another object, the protocol after an upgrade, represent the connection."""
        if slot in self._unknown:
            self._unknown[slot] = self._by_address[slot.address][slot] = connection
        self._release(slot)

    def hold(self, slot: ConnectionSlot, connection: Closable, size: int) -> None:
        """Record the size of a connection's incomplete input.

        If all connections together hold too much, those whose input began first are closed.
        """
        if not size:
            self._release(slot)
            return
        self._held_bytes += size - slot.held_bytes
        slot.held_bytes = size
        self._holders[slot] = connection
        while self._held_bytes > MAX_HELD_BYTES:
            oldest, other = next(iter(self._holders.items()))
            self.close(oldest)
            other.abort()
            self._report("bytes of incomplete requests")

    def _add(self, connection: Closable, address: str) -> ConnectionSlot:
        slot = ConnectionSlot(self, address)
        self._unknown[slot] = connection
        self._by_address.setdefault(address, OrderedDict())[slot] = connection
        return slot

    def _close_one(self, candidates: OrderedDict[ConnectionSlot, Closable], limit: str) -> bool:
        """Close the oldest idle connection; return whether there is one."""
        self._report(limit)
        for slot, connection in islice(candidates.items(), _CONSIDERED):
            if connection.is_idle:
                self.close(slot)
                connection.abort()
                return True
        return False

    def _remove_unknown(self, slot: ConnectionSlot) -> None:
        if self._unknown.pop(slot, None) is None:
            return
        of_address = self._by_address[slot.address]
        del of_address[slot]
        if not of_address:
            del self._by_address[slot.address]

    def _release(self, slot: ConnectionSlot) -> None:
        if self._holders.pop(slot, None) is not None:
            self._held_bytes -= slot.held_bytes
            slot.held_bytes = 0

    def _report(self, limit: str) -> None:
        """Log now and then that connections are closed."""
        self._closed_since_log += 1
        now = time.monotonic()
        if now < self._next_log_at:
            return
        fields = {
            "limit": limit,
            "closed": self._closed_since_log,
            "open": len(self),
            "unauthenticated": len(self._unknown),
            "max_open": self.max_total,
        }
        _logger.warning("connections closed because of a limit", extra={"fields": fields})
        self._next_log_at = now + _LOG_INTERVAL_S
        self._closed_since_log = 0
