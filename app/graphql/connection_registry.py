"""Connections that stand until a client leaves, and that must go when the server stops."""

import signal
import threading
from asyncio import get_running_loop
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from app.auth.concurrency_limit import ConcurrencyLimit
from app.config.settings import Settings

__all__ = ["ConnectionRegistry"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class ConnectionRegistry:
    """The open subscriptions of a process: sockets and event streams."""

    def __init__(self, settings: Settings) -> None:
        self.is_over = False
        self.connections = ConcurrencyLimit(settings.max_connections, "connections")
        self.subscriptions = ConcurrencyLimit(settings.max_subscriptions, "subscriptions")
        self._ends: list[Callable[[], object]] = []

    @contextmanager
    def connection(self, end: Callable[[], object]) -> Iterator[None]:
        """Have a function called when the connection must go, at once where that is now."""
        self._ends.append(end)
        if self.is_over:
            end()
        try:
            yield
        finally:
            self._ends.remove(end)

    def end(self) -> None:
        """Let all go, so that their clients connect again elsewhere, and whoever may still come."""
        self.is_over = True
        for end in list(self._ends):
            end()

    @contextmanager
    def ended_by_signals(self) -> Iterator[None]:
        """End when the process is told to stop.

        The server waits for answers to end before it says anything to the application;
        those of subscriptions never do.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = get_running_loop()
        handlers = {number: signal.getsignal(number) for number in _SIGNALS}

        def told(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.end)
            handler = handlers[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)

        for number in _SIGNALS:
            signal.signal(number, told)
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
