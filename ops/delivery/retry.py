"""Whether and when a failed attempt is made again: a pure decision, apart from who acts on it."""

from dataclasses import dataclass

__all__ = ["MAX_RETRY_AFTER_S", "RetryPolicy", "retry_delay_s"]

# OPS may ask for patience, but not for forgetting: a day.
MAX_RETRY_AFTER_S = 86_400.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how far apart: the delay doubles from ``base_s`` up to ``max_s``."""

    max_attempts: int
    base_s: float
    max_s: float


def retry_delay_s(
    policy: RetryPolicy,
    *,
    attempt: int,
    retryable: bool,
    retry_after_s: float | None,
    chance: float,
    settle_s: float = 0.0,
) -> float | None:
    """Return how long to wait after the failed attempt (from 1), or None to give up.

    Exponential backoff with full jitter: anywhere, by ``chance`` from 0 to 1, up
    to the doubled delay, so that many that failed together do not come back
    together. What OPS asked for by Retry-After is waited for first, or ``settle_s``,
    if that is longer.
    """
    if not retryable or attempt >= policy.max_attempts:
        return None
    # Beyond 64 doublings the power has long passed any maximum, and would overflow.
    ceiling_s = min(policy.max_s, policy.base_s * 2.0 ** min(attempt - 1, 64))
    asked_for_s = min(max(retry_after_s or 0.0, 0.0), MAX_RETRY_AFTER_S)
    return max(asked_for_s, settle_s) + chance * ceiling_s
