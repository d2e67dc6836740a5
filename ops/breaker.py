"""The circuit breaker: spares an OPS that is down, and whoever would wait for it."""

from enum import StrEnum

__all__ = ["CircuitState"]


class CircuitState(StrEnum):
    """Closed lets calls through, open none, half open one to try whether OPS is back."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
