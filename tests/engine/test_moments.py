"""Moments: answered from the text that PostgreSQL has for them as the encoder would write them."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.database import fetch
from engine.moments import as_json, in_answer, in_cursor, is_in_cursor

moments = st.datetimes(timezones=st.just(UTC))


def written(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


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
async def test_a_moment_is_the_same_in_an_answer_and_a_cursor_whoever_wrote_it(
    many: list[datetime],
) -> None:
    statement = f"SELECT {as_json('moment::timestamptz')} FROM unnest($1::text[]) AS moment"
    texts = [row[0] for row in await fetch(statement, [[one.isoformat() for one in many]])]
    assert [written(in_answer(text)) for text in texts] == [written(one) for one in many]
    cursors = [in_cursor(text) for text in texts]
    assert cursors == [in_cursor(one) for one in many]
    assert all(map(is_in_cursor, cursors))
    assert [datetime.fromisoformat(one) for one in cursors] == many


@pytest.mark.usefixtures("database")
async def test_what_has_no_end_is_the_first_or_the_last_moment() -> None:
    statement = f"SELECT {as_json('moment')} FROM unnest($1::text[]::timestamptz[]) AS moment"
    answers = [in_answer(row[0]) for row in await fetch(statement, [["-infinity", "infinity"]])]
    assert answers == [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('"2026-01-31T09:15:00.123456+01:00"', b'"2026-01-31T08:15:00.123456Z"'),
        ('"2026-01-31T03:15:00-05:00"', b'"2026-01-31T08:15:00Z"'),
    ],
)
def test_a_moment_in_another_zone_is_answered_in_utc(text: str, answer: bytes) -> None:
    assert written(in_answer(text)) == answer


@pytest.mark.usefixtures("database")
async def test_the_zone_of_a_connection_is_utc() -> None:
    [row] = await fetch("SHOW TimeZone", [])
    assert row[0] == "UTC"
