"""Who asks at once is answered at once, and none is the worse for the others."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from engine.database.batching import MAX_ROWS, read_in_batch
from engine.database.errors import DatabaseUnavailable
from engine.database.queries import fetch
from resolvers.context import Context
from tests.engine.dataset import TICKET_IDS
from tests.engine.execution import prepared, projected
from tests.feed.following import connected

# Other tests run the same statement, in their own databases of the same cluster.
RUNNING = """
    FROM pg_stat_activity
    WHERE datname = current_database() AND query = $1 AND state = 'active'
"""
SUBJECT = "query ($id: ID!) { ticket(id: $id) { id subject } }"
DETAILS = """
query ($id: ID!) {
  ticket(id: $id) {
    id
    delivery { id }
    logEntries(first: 2) { nodes { id } }
    history(first: 2) { nodes { at } }
  }
}
"""


async def answers(context: Context, text: str, ids: Sequence[str]) -> list[Any]:
    """Return the data of one query for several ids, asked in one turn of the loop."""
    document = prepared(text)
    results = await asyncio.gather(*(projected(document, {"id": one}, context) for one in ids))
    assert not any(result.errors for result in results)
    return [result.data for result in results]


async def test_tickets_asked_for_at_once_are_one_statement(
    context: Context, statements: list[str]
) -> None:
    ids = [*TICKET_IDS, "nobody", TICKET_IDS[0]]
    found = [
        data["ticket"] and data["ticket"]["id"] for data in await answers(context, SUBJECT, ids)
    ]
    assert found == [*TICKET_IDS, None, TICKET_IDS[0]]
    assert len(statements) == 1


async def test_a_ticket_asked_for_alone_is_a_statement_for_one(
    context: Context, statements: list[str]
) -> None:
    await answers(context, SUBJECT, TICKET_IDS[:1])
    [statement] = statements
    assert "parents" not in statement


async def test_what_belongs_to_tickets_asked_for_at_once_is_one_statement_each(
    context: Context, statements: list[str]
) -> None:
    each = [(await answers(context, DETAILS, [one]))[0] for one in TICKET_IDS]
    statements.clear()
    assert await answers(context, DETAILS, TICKET_IDS) == each
    assert len(statements) == 4


async def test_fields_of_one_query_are_one_statement_where_they_select_the_same(
    context: Context, statements: list[str]
) -> None:
    text = """
    {
      a: ticket(id: "t01") { id }
      b: ticket(id: "t02") { id }
      c: ticket(id: "t03") { id status }
    }
    """
    result = await projected(prepared(text), {}, context)
    assert result.errors is None
    assert [ticket["id"] for ticket in (result.data or {}).values()] == TICKET_IDS[:3]
    assert len(statements) == 2


async def test_totals_are_counted_by_a_statement_each(
    context: Context, statements: list[str]
) -> None:
    """Nobody has to wait for the counting of others."""
    text = "query ($id: ID!) { ticket(id: $id) { logEntries { totalCount } } }"
    await answers(context, text, TICKET_IDS)
    assert len(statements) == 1 + len(TICKET_IDS)


class Reader:
    """Reads texts out of the database, for all who ask at once."""

    def __init__(self, statement: str = "SELECT unnest($1::text[])") -> None:
        self.statement = statement
        # How many were read at once, and what alone.
        self.together: list[int] = []
        self.alone: list[str | None] = []
        self.has_begun = asyncio.Event()
        self.max_rows = 1

    async def one(self, value: str) -> str:
        """Return a value as the database has it, asked for with all others."""
        [[answer]] = await read_in_batch(
            self.statement,
            (value,),
            read_many=self._read_together,
            read_alone=self._read_alone,
            max_rows=self.max_rows,
        )
        return str(answer)

    async def _read_together(self, values: Sequence[tuple[str | None, ...]]) -> list[list[Any]]:
        self.together.append(len(values))
        self.has_begun.set()
        return [[record] for record in await fetch(self.statement, [[one for (one,) in values]])]

    async def _read_alone(self, values: Sequence[tuple[str | None, ...]]) -> list[list[Any]]:
        [(value,)] = values
        self.alone.append(value)
        return [await fetch("SELECT $1::text", [value])]


@pytest.fixture
def reader(database: None) -> Reader:  # noqa: ARG001  # it must be there first
    """Return a reader."""
    return Reader()


async def test_who_is_cancelled_before_the_reading_is_not_read_for(reader: Reader) -> None:
    asking = [asyncio.ensure_future(reader.one(value)) for value in "abc"]
    await asyncio.sleep(0)
    asking[0].cancel()
    assert await asyncio.gather(*asking[1:]) == ["b", "c"]
    assert reader.together == [2]


async def test_many_are_read_in_parts(reader: Reader) -> None:
    values = [str(number) for number in range(2 * MAX_ROWS + 5)]
    assert await asyncio.gather(*map(reader.one, values)) == values
    assert reader.together == [MAX_ROWS, MAX_ROWS, 5]


async def test_of_many_rows_each_fewer_are_read_together(reader: Reader) -> None:
    reader.max_rows = MAX_ROWS // 3
    assert await asyncio.gather(*map(reader.one, "abcdefgh")) == list("abcdefgh")
    assert reader.together == [3, 3, 2]


async def test_more_rows_than_are_read_together_are_read_alone(reader: Reader) -> None:
    reader.max_rows = MAX_ROWS + 1
    assert await asyncio.gather(*map(reader.one, "abc")) == ["a", "b", "c"]
    assert (reader.together, reader.alone) == ([], ["a", "b", "c"])


async def test_who_is_left_alone_reads_for_himself(reader: Reader) -> None:
    asking = [asyncio.ensure_future(reader.one(value)) for value in "ab"]
    await asyncio.sleep(0)
    asking[0].cancel()
    assert await asking[1] == "b"
    assert (reader.together, reader.alone) == ([], ["b"])


async def test_who_is_cancelled_while_it_is_read_leaves_the_others_their_answers(
    reader: Reader,
) -> None:
    asking = [asyncio.ensure_future(reader.one(value)) for value in "abc"]
    await reader.has_begun.wait()
    asking[0].cancel()
    assert await asyncio.gather(*asking[1:]) == ["b", "c"]
    assert reader.together == [3]


async def test_the_reading_ends_with_the_last_who_waits_for_it(
    reader: Reader, database_url: str
) -> None:
    reader.statement = "SELECT value, pg_sleep(60) FROM unnest($1::text[]) AS value"
    running = f"SELECT count(*) {RUNNING}"
    asking = [asyncio.ensure_future(reader.one(value)) for value in "ab"]
    async with connected(database_url) as looking, asyncio.timeout(20):
        while not await looking.fetchval(running, reader.statement):  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.01)
        asking[0].cancel()
        await asyncio.sleep(0.1)
        assert await looking.fetchval(running, reader.statement)
        asking[1].cancel()
        while await looking.fetchval(running, reader.statement):  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.01)
    assert all(one.cancelled() for one in asking)


async def test_what_one_has_spoilt_the_others_read_for_themselves(
    reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="engine.database.batching")
    # PostgreSQL has no text with this character.
    a, bad, b = await asyncio.gather(*map(reader.one, ["a", "\0", "b"]), return_exceptions=True)
    assert (a, b) == ("a", "b")
    assert isinstance(bad, asyncpg.CharacterNotInRepertoireError)
    [record] = caplog.records
    assert record.getMessage() == "batched read failed"
    assert record.__dict__["fields"]["reads"] == 3


async def test_what_goes_down_with_its_backend_is_read_again(
    reader: Reader, database_url: str
) -> None:
    reader.statement = "SELECT value, pg_sleep(60) FROM unnest($1::text[]) AS value"
    end = f"SELECT pg_terminate_backend(pid) {RUNNING}"
    asking = asyncio.gather(*map(reader.one, "abc"))
    async with connected(database_url) as ending, asyncio.timeout(20):
        while not await ending.fetch(end, reader.statement):  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.01)
        assert await asking == ["a", "b", "c"]


async def test_a_database_that_is_away_is_asked_once_for_all() -> None:
    async def away(values: Sequence[object]) -> list[list[Any]]:
        asked.append(len(values))
        raise DatabaseUnavailable("no connection")

    asked: list[int] = []
    outcomes = await asyncio.gather(
        *(read_in_batch("?", (one,), read_many=away, read_alone=away, max_rows=1) for one in "abc"),
        return_exceptions=True,
    )
    assert list(map(repr, outcomes)) == ["DatabaseUnavailable('no connection')"] * 3
    assert asked == [3]


async def test_the_readers_hear_of_it_when_the_reading_is_ended() -> None:
    async def endless(values: Sequence[object]) -> list[list[Any]]:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(60)
        return [[] for _ in values]

    async def alone(values: Sequence[object]) -> list[list[Any]]:
        return [["alone"] for _ in values]

    asking = (
        read_in_batch("?", (one,), read_many=endless, read_alone=alone, max_rows=1) for one in "ab"
    )
    assert await asyncio.gather(*asking) == [["alone"], ["alone"]]
