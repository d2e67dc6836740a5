"""Times that clients send: RFC 3339 date-times, parsed without loss.

The parser does not use the interpreter's own, whose syntax differs between versions of Python.
"""

import calendar
import re
from datetime import UTC, datetime, timedelta

__all__ = ["FinerDateTime", "parse_date_time"]

# RFC 3339, section 5.6. The section allows a space in place of the T, and lower case.
_SYNTAX = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
# Digits of a fraction that PostgreSQL and Python can store.
_DIGITS = 6
_LEAP_SECOND = 60
# The calendar repeats after these years.
_CYCLE_YEARS = 400
_CYCLE = timedelta(days=146_097)


class FinerDateTime(datetime):
    """A time between two microseconds, with the value of the earlier one.

    No stored time equals it, so comparisons with it are exact if `resolvers.filter_operators`
    compares with the earlier microsecond instead.
    """


def parse_date_time(value: object) -> datetime:
    """Return the time in UTC; raises ValueError, which says what is wrong.

    The leap second 23:59:60 is the first second of the next day, as in PostgreSQL and POSIX. A
    fraction that does not fit into microseconds makes a `FinerDateTime`.
    """
    match = _SYNTAX.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        message = (
            "DateTime must be an RFC 3339 date-time with offset, like 2026-01-31T08:15:00Z or"
            " 2026-01-31T10:15:00.5+02:00."
        )
        raise ValueError(message)
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = match.groups()[6:]
    _check("month", month, 1, 12)
    # Python has no year 0, in which the year 1 of UTC can begin. The result is checked below.
    python_year = year or _CYCLE_YEARS
    _check("day", day, 1, calendar.monthrange(python_year, month)[1])
    _check("hour", hour, 0, 23)
    _check("minute", minute, 0, 59)
    offset = timedelta()
    if sign:
        _check("hour of the offset", int(offset_hours), 0, 23)
        _check("minute of the offset", int(offset_minutes), 0, 59)
        offset = timedelta(hours=int(offset_hours), minutes=int(offset_minutes))
    digits = (fraction or "").ljust(_DIGITS, "0")
    kind = FinerDateTime if digits[_DIGITS:].strip("0") else datetime
    try:
        start = kind(python_year, month, day, hour, minute, tzinfo=UTC)
        start = start + offset if sign == "-" else start - offset
        if year != python_year:
            start -= _CYCLE
        if second >= _LEAP_SECOND:
            _check_leap_second(start, second)
        return start + timedelta(seconds=second, microseconds=int(digits[:_DIGITS]))
    except OverflowError:
        message = "DateTime must be in the years 0001 to 9999, in UTC."
        raise ValueError(message) from None


def _check(part: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        message = f"DateTime has the {part} {value:02}, which must be {lowest:02} to {highest:02}."
        raise ValueError(message)


def _check_leap_second(minute: datetime, second: int) -> None:
    """Raise ValueError unless a month ends in UTC with this minute, as with each leap second."""
    last_day = calendar.monthrange(minute.year, minute.month)[1]
    if second > _LEAP_SECOND or (minute.day, minute.hour, minute.minute) != (last_day, 23, 59):
        message = (
            f"DateTime has the second {second}, which must be 00 to 59; 60 only for a leap second,"
            " at 23:59:60 UTC on the last day of a month."
        )
        raise ValueError(message)
