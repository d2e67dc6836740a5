"""Circuit breaker: stop calling OPS while it fails, and detect when it works again.

Closed: every call goes through, and the share of failed calls is measured over a
time window, without failed retries. When the share reaches the limit, the circuit opens.
Open: every call fails at once without reaching OPS. After a pause the circuit is half
open: one call, the probe, goes through. If it succeeds the circuit closes, otherwise it
opens again.
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

# The time window holds at most this many calls.
MAX_REMEMBERED = 1_000

_log = logging.getLogger(__name__)


class CircuitState(StrEnum):
    """Closed admits every call, open admits none, half open admits one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When the circuit opens, and for how long."""

    failure_share: float = 0.5
    # The circuit stays closed while there are fewer calls in the window.
    min_calls: int = 10
    window_s: float = 10.0
    pause_s: float = 5.0


class CircuitBreaker:
    """An OpsClient that wraps another. Only retryable failures count against OPS."""

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
        # For each remembered call: when it ended, and whether it failed.
        self._ended: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._open_until: float | None = None
        self._is_probing = False
        # Incremented at each change of state, to ignore calls that began before it.
        self._generation = 0

    @property
    def state(self) -> CircuitState:
        """The current state."""
        if self._open_until is None:
            return CircuitState.CLOSED
        is_pausing = self._clock() < self._open_until
        return CircuitState.OPEN if is_pausing else CircuitState.HALF_OPEN

    @property
    def half_open_in_s(self) -> float:
        """Seconds until the circuit is half open; 0 if it admits calls now."""
        return 0.0 if self._open_until is None else max(self._open_until - self._clock(), 0.0)

    def admits(self, calls: int) -> int:
        """Return how many of this number of calls may be made now."""
        match self.state:
            case CircuitState.CLOSED:
                return calls
            case CircuitState.HALF_OPEN if not self._is_probing:
                return min(calls, 1)
            case _:
                return 0

    async def submit(self, payload: str, *, key: str, attempt: int) -> Accepted:
        """Send a ticket, if the circuit admits the call."""
        return await self._guard(
            lambda: self._client.submit(payload, key=key, attempt=attempt), is_retry=attempt > 1
        )

    async def status(self, reference: str) -> StatusReport:
        """Return the status of a ticket, if the circuit admits the call."""
        return await self._guard(lambda: self._client.status(reference))

    async def close(self) -> None:
        """Close the wrapped client."""
        await self._client.close()

    async def _guard(self, call: Callable[[], Awaitable[T]], *, is_retry: bool = False) -> T:
        if not self.admits(1):
            message = "OPS is not called for a while because it failed too often"
            raise OpsFailure(FailureKind.CIRCUIT_OPEN, message, retry_after_s=self.half_open_in_s)
        generation = self._generation
        self._is_probing = self._open_until is not None
        try:
            result = await call()
        except OpsFailure as failure:
            self._count(generation, has_failed=failure.retryable, is_retry=is_retry)
            raise
        except BaseException:
            # Cancellation counts too: only a timeout cancels a call.
            self._count(generation, has_failed=True, is_retry=is_retry)
            raise
        self._count(generation, has_failed=False)
        return result

    def _count(self, generation: int, *, has_failed: bool, is_retry: bool = False) -> None:
        """Count a call that has ended, and change the state if that is due."""
        if generation != self._generation:
            return
        if self._open_until is not None:
            self._open_circuit(failed=1, calls=1) if has_failed else self._close_circuit()
            return
        if has_failed and is_retry:
            # It may be the delivery that fails. Otherwise first attempts fail too.
            return
        settings, now = self._settings, self._clock()
        self._ended.append((now, has_failed))
        self._failures += has_failed
        while len(self._ended) > MAX_REMEMBERED or self._ended[0][0] < now - settings.window_s:
            self._failures -= self._ended.popleft()[1]
        calls = len(self._ended)
        if calls >= settings.min_calls and self._failures >= settings.failure_share * calls:
            self._open_circuit(failed=self._failures, calls=calls)

    def _open_circuit(self, *, failed: int, calls: int) -> None:
        pause_s = self._settings.pause_s
        self._change_state(open_until=self._clock() + pause_s)
        fields = {"pause_s": pause_s, "failed_calls": failed, "calls": calls}
        _log.warning("OPS circuit opened", extra={"fields": fields})

    def _close_circuit(self) -> None:
        self._change_state(open_until=None)
        _log.warning("OPS circuit closed")

    def _change_state(self, *, open_until: float | None) -> None:
        self._generation += 1
        self._open_until = open_until
        self._is_probing = False
        self._ended.clear()
        self._failures = 0
