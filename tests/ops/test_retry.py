"""The retry decision: exponential, with full jitter, bounded, and as patient as OPS asks."""

from hypothesis import example, given
from hypothesis import strategies as st

from ops.delivery.retry import MAX_RETRY_AFTER_S, RetryPolicy, retry_delay_s

POLICY = RetryPolicy(max_attempts=10, base_s=0.5, max_s=300.0)

policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 10**6),
    base_s=st.floats(0, 10**6),
    max_s=st.floats(0, 10**6),
)
chances = st.floats(0, 1)
retry_afters = st.none() | st.floats(allow_nan=False)


def test_the_longest_delay_doubles_from_the_base_up_to_the_maximum() -> None:
    delays = [
        retry_delay_s(POLICY, attempt=attempt, retryable=True, retry_after_s=None, chance=1.0)
        for attempt in range(1, 13)
    ]
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, None, None, None]
    patient = RetryPolicy(max_attempts=10**9, base_s=0.5, max_s=300.0)
    assert [
        retry_delay_s(patient, attempt=attempt, retryable=True, retry_after_s=None, chance=1.0)
        for attempt in (10, 11, 12, 10**6)
    ] == [256.0, 300.0, 300.0, 300.0]


@given(policy=policies, attempt=st.integers(1, 10**7), chance=chances, retry_after_s=retry_afters)
@example(policy=POLICY, attempt=1, chance=1.0, retry_after_s=float("inf"))
def test_a_delay_is_never_shorter_than_asked_nor_longer_than_allowed(
    policy: RetryPolicy, attempt: int, chance: float, retry_after_s: float | None
) -> None:
    delay_s = retry_delay_s(
        policy, attempt=attempt, retryable=True, retry_after_s=retry_after_s, chance=chance
    )
    if attempt >= policy.max_attempts:
        assert delay_s is None
    else:
        assert delay_s is not None
        asked_for_s = min(max(retry_after_s or 0.0, 0.0), MAX_RETRY_AFTER_S)
        assert asked_for_s <= delay_s <= asked_for_s + policy.max_s


@given(policy=policies, attempt=st.integers(1, 10**7), chance=chances, retry_after_s=retry_afters)
def test_what_is_refused_for_good_is_not_tried_again(
    policy: RetryPolicy, attempt: int, chance: float, retry_after_s: float | None
) -> None:
    assert (
        retry_delay_s(
            policy, attempt=attempt, retryable=False, retry_after_s=retry_after_s, chance=chance
        )
        is None
    )


def test_a_call_that_took_too_long_is_given_time_to_settle() -> None:
    delays = [
        retry_delay_s(
            POLICY,
            attempt=1,
            retryable=True,
            retry_after_s=retry_after_s,
            chance=1.0,
            settle_s=2.0,
        )
        for retry_after_s in (None, 1.0, 3.0)
    ]
    assert delays == [2.5, 2.5, 3.5]


@given(low=chances, high=chances)
def test_jitter_spreads_over_the_whole_delay(low: float, high: float) -> None:
    """Full jitter: the delay is the chance's share of the ceiling, down to none at all."""
    low, high = sorted((low, high))
    delays = [
        retry_delay_s(POLICY, attempt=4, retryable=True, retry_after_s=None, chance=chance)
        for chance in (low, high)
    ]
    assert delays == [low * 4.0, high * 4.0]
