"""Moments: answered from the text that PostgreSQL has for them as the encoder would write them."""

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

moments = st.datetimes(timezones=st.just(UTC))


def written(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def answered(text: str) -> bytes:
    """Return what a projection answers for a moment as PostgreSQL writes it."""
    names = {"parse_timestamp": parse_timestamp, "text": text}
    return written(eval(response_expression("text"), names))  # noqa: S307  # as projections do


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(many=st.lists(moments, max_size=50))
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
async def test_a_moment_is_written_by_postgresql_as_it_is_by_us(
    many: list[datetime],
) -> None:
    statement = f"SELECT {as_json('moment::timestamptz')} FROM unnest($1::text[]) AS moment"
    texts = [row[0] for row in await fetch(statement, [[one.isoformat() for one in many]])]
    assert [answered(text) for text in texts] == [written(one) for one in many]
    assert texts == [format_timestamp(one) for one in many]
    assert [parse_timestamp(text) for text in texts] == many
    assert all(is_cursor_timestamp(text[1:-1]) for text in texts)


@pytest.mark.usefixtures("database")
async def test_what_has_no_end_is_the_first_or_the_last_moment() -> None:
    statement = f"SELECT {as_json('moment')} FROM unnest($1::text[]::timestamptz[]) AS moment"
    texts = [row[0] for row in await fetch(statement, [["-infinity", "infinity"]])]
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert [answered(text) for text in texts] == [written(first), written(last)]
    assert all(is_cursor_timestamp(text[1:-1]) for text in texts)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('"2026-01-31T09:15:00.123456+01:00"', b'"2026-01-31T08:15:00.123456Z"'),
        ('"2026-01-31T03:15:00-05:00"', b'"2026-01-31T08:15:00Z"'),
    ],
)
def test_a_moment_in_another_zone_is_answered_in_utc(text: str, answer: bytes) -> None:
    assert answered(text) == answer


@pytest.mark.usefixtures("database")
async def test_the_zone_of_a_connection_is_utc() -> None:
    [row] = await fetch("SHOW TimeZone", [])
    assert row[0] == "UTC"
