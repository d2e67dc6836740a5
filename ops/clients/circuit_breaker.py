"""The circuit breaker: spares an OPS that is down, and the deliveries that would wait for it.

Closed, it lets every call through and counts how many fail. When too large a
share has failed within its window it opens: calls fail at once without reaching
OPS. After a pause it is half open: one call, the probe, goes through, and closes
or reopens the circuit by how it goes.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from typing import TypeVar

from ops.clients.protocol import Accepted, FailureKind, OpsClient, OpsFailure, StatusReport

__all__ = ["BreakerSettings", "CircuitBreaker", "CircuitState"]

T = TypeVar("T")

# More calls than these are not remembered, however many fit into the window.
MAX_REMEMBERED = 1_000

_log = logging.getLogger(__name__)


class CircuitState(StrEnum):
    """Closed lets calls through, open none, half open one to try whether OPS is back."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When the circuit opens, and for how long."""

    failure_share: float = 0.5
    # Fewer calls than these within the window say nothing about OPS.
    min_calls: int = 10
    window_s: float = 10.0
    pause_s: float = 5.0


class CircuitBreaker:
    """An OpsClient around another; only failures that may pass count: a refusal is an answer."""

    def __init__(
        self,
        client: OpsClient,
        settings: BreakerSettings | None = None,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._client = client
        self._settings = settings or BreakerSettings()
        self._clock = clock
        # When each remembered call ended, and whether it failed.
        self._ended: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._open_until: float | None = None
        self._is_probing = False
        # Raised with each change of state: a call that began before says nothing any more.
        self._era = 0

    @property
    def state(self) -> CircuitState:
        """Whether calls are let through."""
        if self._open_until is None:
            return CircuitState.CLOSED
        is_pausing = self._clock() < self._open_until
        return CircuitState.OPEN if is_pausing else CircuitState.HALF_OPEN

    @property
    def opens_in_s(self) -> float:
        """How long until a call may be let through; 0 where one would be now."""
        return 0.0 if self._open_until is None else max(self._open_until - self._clock(), 0.0)

    def admits(self, calls: int) -> int:
        """Return how many of so many calls would be let through now."""
        match self.state:
            case CircuitState.CLOSED:
                return calls
            case CircuitState.HALF_OPEN if not self._is_probing:
                return min(calls, 1)
            case _:
                return 0

    async def submit(self, payload: str, *, key: str, attempt: int) -> Accepted:
        """Hand over a ticket, if the circuit lets the call through."""
        return await self._guard(lambda: self._client.submit(payload, key=key, attempt=attempt))

    async def status(self, reference: str) -> StatusReport:
        """Ask how far a ticket is, if the circuit lets the call through."""
        return await self._guard(lambda: self._client.status(reference))

    async def close(self) -> None:
        """Close the client within."""
        await self._client.close()

    async def _guard(self, call: Callable[[], Awaitable[T]]) -> T:
        if not self.admits(1):
            message = "OPS has failed too often lately: it is left alone for a while"
            raise OpsFailure(FailureKind.CIRCUIT_OPEN, message, retry_after_s=self.opens_in_s)
        era = self._era
        self._is_probing = self._open_until is not None
        try:
            answer = await call()
        except OpsFailure as failure:
            self._note(era, has_failed=failure.retryable)
            raise
        except BaseException:
            # Also when it is cancelled: only running out of time cuts a call off.
            self._note(era, has_failed=True)
            raise
        self._note(era, has_failed=False)
        return answer

    def _note(self, era: int, *, has_failed: bool) -> None:
        if era != self._era:
            return
        if self._open_until is not None:
            self._reopen("the probe failed") if has_failed else self._shut()
            return
        settings, now = self._settings, self._clock()
        self._ended.append((now, has_failed))
        self._failures += has_failed
        while len(self._ended) > MAX_REMEMBERED or self._ended[0][0] < now - settings.window_s:
            self._failures -= self._ended.popleft()[1]
        calls = len(self._ended)
        if calls >= settings.min_calls and self._failures >= settings.failure_share * calls:
            self._reopen(f"{self._failures} of the last {calls} calls failed")

    def _reopen(self, reason: str) -> None:
        pause_s = self._settings.pause_s
        self._begin_era(open_until=self._clock() + pause_s)
        _log.warning("OPS circuit open for %g s: %s", pause_s, reason)

    def _shut(self) -> None:
        self._begin_era(open_until=None)
        _log.warning("OPS circuit closed: OPS answers again")

    def _begin_era(self, *, open_until: float | None) -> None:
        self._era += 1
        self._open_until = open_until
        self._is_probing = False
        self._ended.clear()
        self._failures = 0
