"""Tests of timestamps: converted from PostgreSQL's text exactly as the encoder writes datetimes."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.database.queries import fetch
from engine.sql.timestamps import (
    as_json,
    format_timestamp,
    is_cursor_timestamp,
    parse_timestamp,
    response_expression,
)

timestamps = st.datetimes(timezones=st.just(UTC))


def encoded(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def converted(text: str) -> bytes:
    """Return the response of a projection for a timestamp that PostgreSQL wrote."""
    names = {"parse_timestamp": parse_timestamp, "text": text}
    return encoded(eval(response_expression("text"), names))  # noqa: S307  # as projections do


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(many=st.lists(timestamps, max_size=50))
@example(
    many=[
        datetime.min.replace(tzinfo=UTC),
        datetime(2026, 1, 31, 8, 15, tzinfo=UTC),
        datetime(2026, 1, 31, 8, 15, 0, 100_000, tzinfo=UTC),
        datetime(2026, 1, 31, 8, 15, 0, 123_456, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ]
)
@pytest.mark.usefixtures("database")
async def test_postgresql_and_the_encoder_write_the_same_timestamps(
    many: list[datetime],
) -> None:
    statement = f"SELECT {as_json('value::timestamptz')} FROM unnest($1::text[]) AS value"
    texts = [row[0] for row in await fetch(statement, [[value.isoformat() for value in many]])]
    assert [converted(text) for text in texts] == [encoded(value) for value in many]
    assert texts == [format_timestamp(value) for value in many]
    assert [parse_timestamp(text) for text in texts] == many
    assert all(is_cursor_timestamp(text[1:-1]) for text in texts)


@pytest.mark.usefixtures("database")
async def test_infinity_is_converted_to_the_first_or_last_datetime() -> None:
    statement = f"SELECT {as_json('value')} FROM unnest($1::text[]::timestamptz[]) AS value"
    texts = [row[0] for row in await fetch(statement, [["-infinity", "infinity"]])]
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert [converted(text) for text in texts] == [encoded(first), encoded(last)]
    assert all(is_cursor_timestamp(text[1:-1]) for text in texts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"2026-01-31T09:15:00.123456+01:00"', b'"2026-01-31T08:15:00.123456Z"'),
        ('"2026-01-31T03:15:00-05:00"', b'"2026-01-31T08:15:00Z"'),
    ],
)
def test_a_timestamp_in_another_zone_is_converted_to_utc(text: str, expected: bytes) -> None:
    assert converted(text) == expected


@pytest.mark.usefixtures("database")
async def test_the_time_zone_of_a_connection_is_utc() -> None:
    [row] = await fetch("SHOW TimeZone", [])
    assert row[0] == "UTC"
