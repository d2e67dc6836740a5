"""Registry of long-lived connections, closed on shutdown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["ConnectionRegistry"]


class ConnectionRegistry:
    """The WebSockets and event streams that are open in this process."""

    def __init__(self) -> None:
        self._is_closing = False
        self._close_callbacks: list[Callable[[], object]] = []

    @contextmanager
    def registered(self, close: Callable[[], object]) -> Iterator[None]:
        """Register a connection for the duration of a block.

        The registry calls ``close`` on shutdown, or at once if the shutdown has begun.
        """
        self._close_callbacks.append(close)
        if self._is_closing:
            close()
        try:
            yield
        finally:
            self._close_callbacks.remove(close)

    def close_all(self) -> None:
        """Close all connections, and each that is registered later.

        Their clients reconnect, to another process if there is one.
        """
        self._is_closing = True
        for close in list(self._close_callbacks):
            close()
