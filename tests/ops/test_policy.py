"""Retry delays: exponential backoff with full jitter, a maximum, and the Retry-After of OPS."""

from hypothesis import example, given
from hypothesis import strategies as st

from ops.clients.retry_after import MAX_RETRY_AFTER_S
from ops.delivery.policy import OpsPolicy

POLICY = OpsPolicy(max_attempts=10, retry_base_ms=500, retry_max_ms=300_000)

policies = st.builds(
    OpsPolicy,
    max_attempts=st.integers(1, 10**6),
    retry_base_ms=st.integers(0, 10**9),
    retry_max_ms=st.integers(0, 10**9),
)
jitters = st.floats(0, 1)
retry_afters = st.none() | st.floats(allow_nan=False)


def test_the_maximum_delay_doubles_from_the_base_to_the_limit() -> None:
    delays = [
        POLICY.retry_delay_s(attempt=attempt, retryable=True, retry_after_s=None, jitter=1.0)
        for attempt in range(1, 13)
    ]
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, None, None, None]
    unlimited = OpsPolicy(max_attempts=10**9, retry_base_ms=500, retry_max_ms=300_000)
    assert [
        unlimited.retry_delay_s(attempt=attempt, retryable=True, retry_after_s=None, jitter=1.0)
        for attempt in (10, 11, 12, 10**6)
    ] == [256.0, 300.0, 300.0, 300.0]


@given(policy=policies, attempt=st.integers(1, 10**7), jitter=jitters, retry_after_s=retry_afters)
@example(policy=POLICY, attempt=1, jitter=1.0, retry_after_s=float("inf"))
def test_a_delay_is_at_least_retry_after_and_at_most_the_limit_longer(
    policy: OpsPolicy, attempt: int, jitter: float, retry_after_s: float | None
) -> None:
    delay_s = policy.retry_delay_s(
        attempt=attempt, retryable=True, retry_after_s=retry_after_s, jitter=jitter
    )
    if attempt >= policy.max_attempts:
        assert delay_s is None
    else:
        assert delay_s is not None
        requested_s = min(max(retry_after_s or 0.0, 0.0), MAX_RETRY_AFTER_S)
        assert requested_s <= delay_s <= requested_s + policy.retry_max_ms / 1_000


@given(policy=policies, attempt=st.integers(1, 10**7), jitter=jitters, retry_after_s=retry_afters)
def test_a_final_rejection_is_not_retried(
    policy: OpsPolicy, attempt: int, jitter: float, retry_after_s: float | None
) -> None:
    delay_s = policy.retry_delay_s(
        attempt=attempt, retryable=False, retry_after_s=retry_after_s, jitter=jitter
    )
    assert delay_s is None


def test_a_timeout_is_retried_after_a_quarter_of_the_timeout_at_the_earliest() -> None:
    policy = OpsPolicy(timeout_ms=8_000, retry_base_ms=500)
    delays = [
        policy.retry_delay_s(
            attempt=1, retryable=True, retry_after_s=retry_after_s, jitter=1.0, is_timeout=True
        )
        for retry_after_s in (None, 1.0, 3.0)
    ]
    assert delays == [2.5, 2.5, 3.5]


@given(low=jitters, high=jitters)
def test_jitter_selects_a_share_of_the_whole_delay(low: float, high: float) -> None:
    delays = [
        POLICY.retry_delay_s(attempt=4, retryable=True, retry_after_s=None, jitter=jitter)
        for jitter in (low, high)
    ]
    assert delays == [low * 4.0, high * 4.0]
