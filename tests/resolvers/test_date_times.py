"""Tests of the times that clients send: RFC 3339, section 5.6."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.date_times import FinerDateTime, parse_date_time


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-01-31T08:15:00Z", "2026-01-31T08:15:00+00:00"),
        ("2026-01-31t08:15:00z", "2026-01-31T08:15:00+00:00"),
        ("2026-01-31 08:15:00.5-00:00", "2026-01-31T08:15:00.500000+00:00"),
        ("2026-01-31T08:15:00+23:59", "2026-01-30T08:16:00+00:00"),
        ("2026-01-31T08:15:00-23:59", "2026-02-01T08:14:00+00:00"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00+00:00"),
        ("2026-01-31T08:15:00.12345600000000000000000Z", "2026-01-31T08:15:00.123456+00:00"),
        # The examples of RFC 3339, section 5.8.
        ("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520000+00:00"),
        ("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57+00:00"),
        ("1990-12-31T23:59:60Z", "1991-01-01T00:00:00+00:00"),
        ("1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00+00:00"),
        ("1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27.870000+00:00"),
        ("2016-12-31T23:59:60.75Z", "2017-01-01T00:00:00.750000+00:00"),
        # The first and the last time, also of other time zones.
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"),
        ("0000-12-31T23:00:00-01:00", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_every_form_of_rfc_3339_is_accepted(text: str, iso: str) -> None:
    moment = parse_date_time(text)
    assert moment.isoformat() == iso
    assert type(moment) is datetime


@pytest.mark.parametrize(
    "text", ["2026-01-31T08:15:00.1234561Z", "2026-01-31T08:15:00.12345600000000000000001Z"]
)
def test_a_finer_fraction_is_kept_as_the_earlier_microsecond(text: str) -> None:
    moment = parse_date_time(text)
    assert isinstance(moment, FinerDateTime)
    assert moment.isoformat() == "2026-01-31T08:15:00.123456+00:00"


def test_a_finer_fraction_does_not_leave_the_last_year() -> None:
    moment = parse_date_time("9999-12-31T23:59:59.9999999Z")
    assert isinstance(moment, FinerDateTime)
    assert moment.isoformat() == "9999-12-31T23:59:59.999999+00:00"


SYNTAX = "DateTime must be an RFC 3339 date-time with offset, like 2026-01-31T08:15:00Z"
LEAP = "60 only for a leap second, at 23:59:60 UTC on the last day of a month."


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("2026-01-31T08:15:00", SYNTAX),
        ("2026-01-31T08:15Z", SYNTAX),
        ("2026-01-31", SYNTAX),
        ("2026-01-31T08:15:00.Z", SYNTAX),
        ("2026-01-31T08:15:00+0200", SYNTAX),
        ("2026-01-31T08:15:00Z\n", SYNTAX),
        ("+2026-01-31T08:15:00Z", SYNTAX),
        ("12026-01-31T08:15:00Z", SYNTAX),
        ("٢٠٢٦-01-31T08:15:00Z", SYNTAX),
        ("2026-W05-6T08:15:00Z", SYNTAX),
        ("", SYNTAX),
        (1769847300, SYNTAX),
        (None, SYNTAX),
        ("2026-00-31T08:15:00Z", "has the month 00, which must be 01 to 12."),
        ("2026-02-29T08:15:00Z", "has the day 29, which must be 01 to 28."),
        ("2026-02-00T08:15:00Z", "has the day 00, which must be 01 to 28."),
        ("2026-01-31T24:00:00Z", "has the hour 24, which must be 00 to 23."),
        ("2026-01-31T08:60:00Z", "has the minute 60, which must be 00 to 59."),
        ("2026-01-31T08:15:61Z", "has the second 61"),
        ("2026-01-31T23:59:61Z", "has the second 61"),
        ("2026-01-31T08:15:60Z", LEAP),
        ("2026-01-30T23:59:60Z", LEAP),
        ("2026-01-31T23:59:60+01:00", LEAP),
        ("2026-01-31T08:15:00+24:00", "has the hour of the offset 24, which must be 00 to 23."),
        ("2026-01-31T08:15:00+14:60", "has the minute of the offset 60, which must be 00 to 59."),
        ("0000-12-31T23:59:59Z", "must be in the years 0001 to 9999, in UTC."),
        ("0001-01-01T00:00:00+00:01", "must be in the years 0001 to 9999, in UTC."),
        ("9999-12-31T23:59:59-00:01", "must be in the years 0001 to 9999, in UTC."),
        ("9999-12-31T23:59:60Z", "must be in the years 0001 to 9999, in UTC."),
    ],
)
def test_the_message_says_what_is_wrong(value: object, message: str) -> None:
    with pytest.raises(ValueError, match="DateTime") as caught:
        parse_date_time(value)
    assert message in str(caught.value)


def test_a_long_fraction_takes_linear_time() -> None:
    text = f"2026-01-31T08:15:00.{'9' * 1_000_000}Z"
    assert parse_date_time(text).microsecond == 999_999


# A day from the ends, so that no offset leaves the range.
EARLIEST = datetime.fromisoformat("0001-01-02")
LATEST = datetime.fromisoformat("9999-12-30")
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)


@given(st.datetimes(EARLIEST, LATEST, timezones=offsets))
def test_every_time_is_parsed_as_it_was_written(moment: datetime) -> None:
    parsed = parse_date_time(moment.isoformat())
    assert parsed == moment
    assert parsed.tzinfo is UTC
