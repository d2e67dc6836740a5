"""How deliveries are made: the OPS_* settings, as this floor uses them."""

from dataclasses import dataclass
from datetime import timedelta

from ops.delivery.retry import RetryPolicy

__all__ = ["OpsPolicy"]

# A call must be over within this share of its lease: the rest is for recording it.
CALL_SHARE_OF_LEASE = 0.8
MIN_LEASE_S = 5.0


@dataclass(frozen=True, slots=True)
class OpsPolicy:
    """How long one call may take, and how often and how far apart attempts are made."""

    timeout_ms: int = 2_000
    max_attempts: int = 10
    retry_base_ms: int = 500
    retry_max_ms: int = 300_000

    @property
    def timeout_s(self) -> float:
        """How long one call may take."""
        return self.timeout_ms / 1_000

    @property
    def settle_s(self) -> float:
        """How long OPS is given to notice that we have hung up on a call that took too long."""
        return self.timeout_s / 4

    @property
    def lease(self) -> timedelta:
        """How long a claim is held: time to begin the call late, to make it, and to record it."""
        return timedelta(seconds=max(2 * self.timeout_s / CALL_SHARE_OF_LEASE, MIN_LEASE_S))

    @property
    def call_window_s(self) -> float:
        """Within what time of its claim the call must be over."""
        return CALL_SHARE_OF_LEASE * self.lease.total_seconds()

    @property
    def retry(self) -> RetryPolicy:
        """What the retry decision goes by."""
        return RetryPolicy(
            max_attempts=self.max_attempts,
            base_s=self.retry_base_ms / 1_000,
            max_s=self.retry_max_ms / 1_000,
        )
