"""Signals that stop a server process: drain first, then close, and at last end at once.

uvicorn stops on a signal: it closes its socket, and waits for open responses before it shuts the
application down. The response of a subscription does not end by itself, so subscriptions are closed
just before. And a load balancer needs time to notice that the process stops, so the signal reaches
uvicorn after a delay, in which the process drains.

| signal | effect |
|---|---|
| SIGTERM | drain for the delay, then stop |
| SIGINT, STOP_NOW | stop without delay |
| a further SIGTERM or SIGINT, END_AT_ONCE | end without waiting for running requests |

One of several server processes can receive SIGTERM twice, from its parent and from a service
manager that signals all processes. Only its parent knows whether a signal is a further one, and
sends END_AT_ONCE then.
"""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from types import FrameType
from typing import Any, TypeAlias

from app.http.draining import DRAINING

__all__ = ["END_AT_ONCE", "STOP_NOW", "on_shutdown_signal"]

# From the parent of several server processes, whose children ignore the SIGINT of a terminal.
STOP_NOW = signal.SIGUSR2
END_AT_ONCE = signal.SIGUSR1

_SIGNALS = (signal.SIGINT, signal.SIGTERM, STOP_NOW, END_AT_ONCE)
_Handler: TypeAlias = Callable[[int, FrameType | None], Any] | int | None

_logger = logging.getLogger(__name__)


@contextmanager
def on_shutdown_signal(close: Callable[[], object], *, delay_s: float) -> Iterator[None]:
    """Drain on SIGTERM, call ``close`` after the delay, and then the handlers that were installed.

    Only the main thread can handle signals; in other threads this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.getsignal(number) for number in _SIGNALS}
    shutdown = _Shutdown(close, delay_s, previous)
    for number in _SIGNALS:
        signal.signal(number, shutdown.receive)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        shutdown.end()


class _Shutdown:
    """The shutdown of a process, as its signals request it."""

    def __init__(
        self,
        close: Callable[[], object],
        delay_s: float,
        previous: dict[signal.Signals, _Handler],
    ) -> None:
        self._close = close
        self._delay_s = delay_s
        self._previous = previous
        self._loop = asyncio.get_running_loop()
        self._is_child = parent_process() is not None
        self._is_stopping = False
        self._timer: asyncio.TimerHandle | None = None

    def receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  # a handler's signature
        """Handle a signal in the event loop."""
        self._loop.call_soon_threadsafe(self._handle, number)

    def end(self) -> None:
        """End: the server has stopped."""
        if self._timer is not None:
            self._timer.cancel()
        DRAINING.end()

    def _handle(self, number: int) -> None:
        is_term = number == signal.SIGTERM
        has_begun = DRAINING.has_begun or self._is_stopping
        if number == END_AT_ONCE or (has_begun and not self._is_child):
            self._stop()
            # uvicorn ends at once when it receives SIGINT after another signal.
            self._forward(signal.SIGINT)
        elif number == signal.SIGINT:
            self._stop(signal.SIGINT)
        elif not is_term or (not has_begun and not self._delay_s):
            self._stop()
        elif not has_begun:
            DRAINING.begin()
            _logger.info("draining", extra={"fields": {"delay_s": self._delay_s}})
            self._timer = self._loop.call_later(self._delay_s, self._stop)

    def _stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            self._close()
            self._forward(number)

    def _forward(self, number: signal.Signals) -> None:
        handler = self._previous[number]
        if callable(handler):
            handler(number, None)
        else:
            signal.signal(number, handler)
            signal.raise_signal(number)
