"""Retry-After (RFC 9110, section 10.2.3): a number of seconds, or a date in one of three forms."""

import re
from datetime import UTC, datetime

__all__ = ["MAX_RETRY_AFTER_S", "http_date", "retry_after_s"]

# A longer time is shortened to one day.
MAX_RETRY_AFTER_S = 86_400.0

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
# RFC 9110, section 5.6.7: IMF-fixdate, and the obsolete forms of RFC 850 and of asctime, which a
# recipient must accept. The time zone is always GMT, and services forget it.
_DATE = re.compile(
    r"[a-z]{3,9}, (?P<day>[0-9]{2})[ -](?P<month>[a-z]{3})[ -](?P<year>[0-9]{2,}) "
    rf"{_TIME}(?: (?:gmt|utc|[+-]0000))?",
    re.ASCII | re.IGNORECASE,
)
_ASCTIME = re.compile(
    rf"[a-z]{{3}} (?P<month>[a-z]{{3}}) (?P<day>[ 0-9][0-9]) {_TIME} (?P<year>[0-9]{{4,}})",
    re.ASCII | re.IGNORECASE,
)
# A year of two digits is at most this many years ahead.
_MAX_YEARS_AHEAD = 50
_MAX_YEAR_DIGITS = 4
_LAST_SECOND = 59


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Return the seconds of a Retry-After, at most a day; None if it is absent or invalid."""
    value = (value or "").strip()
    if re.fullmatch(r"[0-9]+", value, re.ASCII):
        # The digits are limited because `int` refuses thousands of them.
        return min(float(value.lstrip("0")[:10] or 0), MAX_RETRY_AFTER_S)
    found = _DATE.fullmatch(value) or _ASCTIME.fullmatch(value)
    if found is None:
        return None
    if len(found["year"].lstrip("0")) > _MAX_YEAR_DIGITS:
        return MAX_RETRY_AFTER_S
    try:
        retry_at = _date_of(found, now)
    except ValueError:
        return None
    return min(max((retry_at - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def http_date(value: str) -> datetime | None:
    """Return the time of a Date header in the form of RFC 9110; None if it has another."""
    found = _DATE.fullmatch(value.strip())
    if found is None or len(found["year"]) != _MAX_YEAR_DIGITS:
        return None
    try:
        return _date_of(found, datetime.min.replace(tzinfo=UTC))
    except ValueError:
        return None


def _date_of(found: re.Match[str], now: datetime) -> datetime:
    """Return the time of a match; raises ValueError if this day or time does not exist."""
    year = int(found["year"])
    if len(found["year"]) == len("94"):
        year += now.year // 100 * 100
        if year > now.year + _MAX_YEARS_AHEAD:
            year -= 100
    # `datetime` does not have the leap second, 60.
    second = int(found["second"])
    return datetime(
        year,
        _MONTHS.index(found["month"].lower()) + 1,
        int(found["day"]),
        int(found["hour"]),
        int(found["minute"]),
        _LAST_SECOND if second == _LAST_SECOND + 1 else second,
        tzinfo=UTC,
    )
