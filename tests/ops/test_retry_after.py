"""Retry-After in all its forms, and in none."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.clients.retry_after import MAX_RETRY_AFTER_S, retry_after_s

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("0000000000000000007", 7.0),
        ("86400", DAY_S),
        ("86401", DAY_S),
        ("9" * 30, DAY_S),
        ("9" * 50_000, DAY_S),
        ("0" * 50_000, 0.0),
        # IMF-fixdate
        ("Thu, 01 Jan 2026 12:01:30 GMT", 90.0),
        ("thu, 01 jan 2026 12:01:30 gmt", 90.0),
        ("Thu, 01 Jan 2026 12:01:30 +0000", 90.0),
        ("Thu, 01 Jan 2026 12:01:30", 90.0),
        ("Thu, 01 Jan 2026 12:00:60 GMT", 59.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("Thu, 01 Jan 0001 00:00:00 GMT", 0.0),
        ("Fri, 02 Jan 2026 12:00:01 GMT", DAY_S),
        ("Fri, 31 Dec 9999 23:59:60 GMT", DAY_S),
        ("Thu, 01 Jan 10000 12:00:00 GMT", DAY_S),
        (f"Thu, 01 Jan {'9' * 9_000} 12:00:00 GMT", DAY_S),
        # RFC 850: a year more than 50 years ahead is that of the century before
        ("Thursday, 01-Jan-26 12:01:30 GMT", 90.0),
        ("Thursday, 01-Jan-76 12:00:00 GMT", DAY_S),
        ("Saturday, 01-Jan-77 12:00:00 GMT", 0.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0),
        # asctime
        ("Thu Jan  1 12:01:30 2026", 90.0),
        ("Fri Jan 02 12:01:30 2026", DAY_S),
        ("Sun Nov  6 08:49:37 1994", 0.0),
        (f"Sun Nov  6 08:49:37 {'9' * 9_000}", DAY_S),
        # invalid
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e3", None),
        ("1.5", None),
        ("7, 8", None),
        ("\u0663", None),
        ("\u00b2", None),
        ("Thu, 32 Jan 2026 12:00:00 GMT", None),
        ("Thu, 00 Jan 2026 12:00:00 GMT", None),
        ("Thu, 01 Foo 2026 12:00:00 GMT", None),
        ("Thu, 01 Jan 2026 24:00:00 GMT", None),
        ("Thu, 01 Jan 2026 12:00:61 GMT", None),
        ("Thu, 01 Jan 0000 12:00:00 GMT", None),
        ("Thu, 01 Jan 2026 12:00:00 CET", None),
        ("2026-01-01T12:01:30Z", None),
    ],
)
def test_the_seconds_of_a_value(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


@given(
    st.one_of(
        st.text(),
        st.integers().map(str),
        st.from_regex(r"\A[A-Z][a-z]{2}, [0-9]{2}[ -][A-Z][a-z]{2}[ -][0-9]{1,12} [0-9:]{8} GMT\Z"),
        st.builds(
            "Thu, {:02} {} {} {:02}:{:02}:{:02} GMT".format,
            st.integers(0, 99),
            st.sampled_from(["Jan", "Feb", "Dec", "Xyz"]),
            st.integers(0, 10**12).map("{:02}".format),
            *[st.integers(0, 99)] * 3,
        ),
    ),
    st.datetimes(timezones=st.just(UTC)),
)
def test_no_value_raises_or_exceeds_a_day(value: str, now: datetime) -> None:
    seconds = retry_after_s(value, now)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_S
