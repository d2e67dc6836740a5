"""Delivery policy: timeouts, leases, and when a failed attempt is retried."""

from dataclasses import dataclass
from datetime import timedelta

from ops.clients.retry_after import MAX_RETRY_AFTER_S

__all__ = ["MAX_LEASE", "OpsPolicy"]

# The call must end within this share of the lease; the rest is for recording the outcome.
CALL_SHARE_OF_LEASE = 0.8
MIN_LEASE_S = 5.0
# The longest lease of any process, whatever its OPS_TIMEOUT_MS.
MAX_LEASE = timedelta(seconds=150)
# Beyond 64 doublings the delay exceeds any maximum, and the power would overflow.
MAX_DOUBLINGS = 64


@dataclass(frozen=True, slots=True)
class OpsPolicy:
    """Timeout of a call, and number and spacing of attempts: the OPS_* settings."""

    timeout_ms: int = 2_000
    max_attempts: int = 10
    retry_base_ms: int = 500
    retry_max_ms: int = 300_000

    @property
    def timeout_s(self) -> float:
        """Timeout of one call."""
        return self.timeout_ms / 1_000

    @property
    def settle_s(self) -> float:
        """Minimum delay after a timeout, in which OPS can notice that the connection is closed.

        Without it OPS could work on two calls of one delivery at the same time.
        """
        return self.timeout_s / 4

    @property
    def lease(self) -> timedelta:
        """Duration of a lease: enough to start the call late, make it, and record its outcome."""
        return timedelta(seconds=max(2 * self.timeout_s / CALL_SHARE_OF_LEASE, MIN_LEASE_S))

    @property
    def max_backoff(self) -> timedelta:
        """The longest delay between two attempts without a Retry-After of OPS."""
        return timedelta(seconds=self.settle_s + self.retry_max_ms / 1_000)

    @property
    def call_window_s(self) -> float:
        """Time after the claim within which the call must end."""
        return CALL_SHARE_OF_LEASE * self.lease.total_seconds()

    def retry_delay_s(
        self,
        *,
        attempt: int,
        retryable: bool,
        retry_after_s: float | None,
        jitter: float,
        is_timeout: bool = False,
    ) -> float | None:
        """Return the delay before the attempt that follows this one, or None to give up.

        ``attempt`` counts from 1. The delay is exponential backoff with full jitter: it
        doubles with each attempt from the base to the maximum, and ``jitter`` from 0 to
        1 selects a share of it, so that deliveries that failed together are not retried
        together. The Retry-After of OPS is added to the delay.
        """
        if not retryable or attempt >= self.max_attempts:
            return None
        doublings = min(attempt - 1, MAX_DOUBLINGS)
        backoff_s = min(self.retry_max_ms, self.retry_base_ms * 2.0**doublings) / 1_000
        requested_s = min(max(retry_after_s or 0.0, 0.0), MAX_RETRY_AFTER_S)
        settle_s = self.settle_s if is_timeout else 0.0
        return max(requested_s, settle_s) + jitter * backoff_s
