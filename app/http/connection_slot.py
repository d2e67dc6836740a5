"""The place of a connection in the server's account of open connections."""

from typing import Protocol

__all__ = ["ConnectionSlot", "KnownCallers"]


class KnownCallers(Protocol):
    """Account of the connections whose callers are known."""

    def mark_known(self, slot: "ConnectionSlot", caller: str) -> None:
        """Count a connection as the caller's, if that one may have another."""


class ConnectionSlot:
    """One open connection.

    Each request finds the slot of its connection in its state, and marks it as known once its
    caller is authenticated: connections of unknown callers are the first to be closed. The slot
    does not refer to its connection, because the connection refers to the slot.
    """

    __slots__ = ("_account", "address", "caller", "held_bytes", "is_authenticated")

    def __init__(self, account: KnownCallers, address: str) -> None:
        self._account = account
        self.address = address
        # Whether the connection has carried an authenticated request.
        self.is_authenticated = False
        # Key of the limits of the caller that it counts for; None if it counts as unknown.
        self.caller: str | None = None
        # Bytes of incomplete input that are kept for the connection.
        self.held_bytes = 0

    def mark_known(self, caller: str) -> None:
        """Record that the connection has carried an authenticated request of this caller."""
        self.is_authenticated = True
        self._account.mark_known(self, caller)
