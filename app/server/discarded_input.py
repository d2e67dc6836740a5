"""Limits of the input that a connection discards after the response to its request."""

from app.server.timeouts import MAX_LINGER_S

__all__ = ["DiscardedInput"]

# Bodies of 64 MiB, also in small chunks.
MAX_BYTES = 80 * 2**20


class DiscardedInput:
    """Account of the rest of a request, which is discarded so that its client can send all of it.

    Many clients read the response only then; to close earlier would reset the connection and lose
    the response.
    """

    def __init__(self) -> None:
        self._bytes = self._bytes_before = 0
        self._ends_at = 0.0

    def start(self, now: float) -> None:
        """Start discarding the rest of a request."""
        self._bytes = self._bytes_before = 0
        self._ends_at = now + MAX_LINGER_S

    def add(self, size: int) -> bool:
        """Count discarded bytes; return whether more may follow."""
        self._bytes += size
        return self._bytes <= MAX_BYTES

    def may_continue(self, now: float) -> bool:
        """Return whether to wait longer: the client has sent since the last call, or the start."""
        is_sending = self._bytes_before < self._bytes <= MAX_BYTES
        self._bytes_before = self._bytes
        return is_sending and now < self._ends_at
