"""Tests of read coalescing: concurrent reads share a statement and do not affect each other."""

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
from tests.engine.execution import execute_projected, prepare
from tests.feed.readers import connected

# Limited to this database: other tests run the same statement in databases of the same cluster.
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


async def responses(context: Context, text: str, ids: Sequence[str]) -> list[Any]:
    """Return the data of one query for several ids, requested in one turn of the event loop."""
    document = prepare(text)
    results = await asyncio.gather(
        *(execute_projected(document, {"id": one}, context) for one in ids)
    )
    assert not any(result.errors for result in results)
    return [result.data for result in results]


@pytest.mark.usefixtures("unpaused")
async def test_tickets_requested_at_once_take_one_statement(
    context: Context, statements: list[str]
) -> None:
    ids = [*TICKET_IDS, "missing", TICKET_IDS[0]]
    found = [
        data["ticket"] and data["ticket"]["id"] for data in await responses(context, SUBJECT, ids)
    ]
    assert found == [*TICKET_IDS, None, TICKET_IDS[0]]
    assert len(statements) == 1


async def test_a_single_ticket_takes_a_statement_without_parents(
    context: Context, statements: list[str]
) -> None:
    await responses(context, SUBJECT, TICKET_IDS[:1])
    [statement] = statements
    assert "parents" not in statement


@pytest.mark.usefixtures("unpaused")
async def test_nested_fields_of_tickets_requested_at_once_take_one_statement_each(
    context: Context, statements: list[str]
) -> None:
    each = [(await responses(context, DETAILS, [one]))[0] for one in TICKET_IDS]
    statements.clear()
    assert await responses(context, DETAILS, TICKET_IDS) == each
    assert len(statements) == 4


@pytest.mark.usefixtures("unpaused")
async def test_fields_of_one_query_share_a_statement_if_they_select_the_same_columns(
    context: Context, statements: list[str]
) -> None:
    text = """
    {
      a: ticket(id: "t01") { id }
      b: ticket(id: "t02") { id }
      c: ticket(id: "t03") { id status }
    }
    """
    result = await execute_projected(prepare(text), {}, context)
    assert result.errors is None
    assert [ticket["id"] for ticket in (result.data or {}).values()] == TICKET_IDS[:3]
    assert len(statements) == 2


@pytest.mark.usefixtures("unpaused")
async def test_each_total_has_a_statement_of_its_own(
    context: Context, statements: list[str]
) -> None:
    """Counting can be slow, and no request should wait for the count of another."""
    text = "query ($id: ID!) { ticket(id: $id) { logEntries { totalCount } } }"
    await responses(context, text, TICKET_IDS)
    assert len(statements) == 1 + len(TICKET_IDS)


class Reader:
    """Reads texts through `read_in_batch`, and records the sizes of the batches."""

    def __init__(self, statement: str = "SELECT unnest($1::text[])") -> None:
        self.statement = statement
        # The sizes of the batches, and the values that were read alone.
        self.batch_sizes: list[int] = []
        self.read_singly: list[str | None] = []
        self.has_begun = asyncio.Event()
        self.max_rows = 1

    async def one(self, value: str) -> str:
        """Return a value that the database returned, read together with all concurrent ones."""
        [[answer]] = await read_in_batch(
            self.statement,
            (value,),
            read_many=self._read_many,
            read_alone=self._read_alone,
            max_rows=self.max_rows,
        )
        return str(answer)

    async def _read_many(self, values: Sequence[tuple[str | None, ...]]) -> list[list[Any]]:
        self.batch_sizes.append(len(values))
        self.has_begun.set()
        return [[record] for record in await fetch(self.statement, [[one for (one,) in values]])]

    async def _read_alone(self, values: Sequence[tuple[str | None, ...]]) -> list[list[Any]]:
        [(value,)] = values
        self.read_singly.append(value)
        return [await fetch("SELECT $1::text", [value])]


@pytest.fixture
def reader(database: None) -> Reader:  # noqa: ARG001  # it must be there first
    """Return a reader."""
    return Reader()


async def test_a_caller_cancelled_before_the_read_is_not_in_the_batch(reader: Reader) -> None:
    reads = [asyncio.ensure_future(reader.one(value)) for value in "abc"]
    await asyncio.sleep(0)
    reads[0].cancel()
    assert await asyncio.gather(*reads[1:]) == ["b", "c"]
    assert reader.batch_sizes == [2]


async def test_many_reads_are_split_into_batches(reader: Reader) -> None:
    values = [str(number) for number in range(2 * MAX_ROWS + 5)]
    assert await asyncio.gather(*map(reader.one, values)) == values
    assert reader.batch_sizes == [MAX_ROWS, MAX_ROWS, 5]


async def test_reads_of_several_rows_make_smaller_batches(reader: Reader) -> None:
    reader.max_rows = MAX_ROWS // 3
    assert await asyncio.gather(*map(reader.one, "abcdefgh")) == list("abcdefgh")
    assert reader.batch_sizes == [3, 3, 2]


async def test_a_read_of_more_rows_than_a_batch_is_done_alone(reader: Reader) -> None:
    reader.max_rows = MAX_ROWS + 1
    assert await asyncio.gather(*map(reader.one, "abc")) == ["a", "b", "c"]
    assert (reader.batch_sizes, reader.read_singly) == ([], ["a", "b", "c"])


async def test_the_only_remaining_caller_reads_alone(reader: Reader) -> None:
    reads = [asyncio.ensure_future(reader.one(value)) for value in "ab"]
    await asyncio.sleep(0)
    reads[0].cancel()
    assert await reads[1] == "b"
    assert (reader.batch_sizes, reader.read_singly) == ([], ["b"])


async def test_cancelling_one_caller_does_not_affect_the_others(
    reader: Reader,
) -> None:
    reads = [asyncio.ensure_future(reader.one(value)) for value in "abc"]
    await reader.has_begun.wait()
    reads[0].cancel()
    assert await asyncio.gather(*reads[1:]) == ["b", "c"]
    assert reader.batch_sizes == [3]


async def test_the_statement_is_cancelled_with_the_last_caller(
    reader: Reader, database_url: str
) -> None:
    reader.statement = "SELECT value, pg_sleep(60) FROM unnest($1::text[]) AS value"
    running = f"SELECT count(*) {RUNNING}"
    reads = [asyncio.ensure_future(reader.one(value)) for value in "ab"]
    async with connected(database_url) as looking, asyncio.timeout(20):
        while not await looking.fetchval(running, reader.statement):  # noqa: ASYNC110  # only visible from outside
            await asyncio.sleep(0.01)
        reads[0].cancel()
        await asyncio.sleep(0.1)
        assert await looking.fetchval(running, reader.statement)
        reads[1].cancel()
        while await looking.fetchval(running, reader.statement):  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.01)
    assert all(one.cancelled() for one in reads)


async def test_after_a_failed_batch_each_caller_reads_alone(
    reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="engine.database.batching")
    # PostgreSQL rejects this character in a text.
    a, bad, b = await asyncio.gather(*map(reader.one, ["a", "\0", "b"]), return_exceptions=True)
    assert (a, b) == ("a", "b")
    assert isinstance(bad, asyncpg.CharacterNotInRepertoireError)
    [record] = caplog.records
    assert record.getMessage() == "batched read failed"
    assert record.__dict__["fields"]["reads"] == 3


async def test_a_batch_is_read_again_if_its_backend_is_terminated(
    reader: Reader, database_url: str
) -> None:
    reader.statement = "SELECT value, pg_sleep(60) FROM unnest($1::text[]) AS value"
    end = f"SELECT pg_terminate_backend(pid) {RUNNING}"
    reads = asyncio.gather(*map(reader.one, "abc"))
    async with connected(database_url) as ending, asyncio.timeout(20):
        while not await ending.fetch(end, reader.statement):  # noqa: ASYNC110  # only visible from outside
            await asyncio.sleep(0.01)
        assert await reads == ["a", "b", "c"]


async def test_an_unavailable_database_is_not_tried_again_for_each_caller() -> None:
    async def away(values: Sequence[object]) -> list[list[Any]]:
        calls.append(len(values))
        raise DatabaseUnavailable("no connection")

    calls: list[int] = []
    outcomes = await asyncio.gather(
        *(read_in_batch("?", (one,), read_many=away, read_alone=away, max_rows=1) for one in "abc"),
        return_exceptions=True,
    )
    assert list(map(repr, outcomes)) == ["DatabaseUnavailable('no connection')"] * 3
    assert calls == [3]


async def test_each_caller_reads_alone_if_the_batch_is_cancelled() -> None:
    async def endless(values: Sequence[object]) -> list[list[Any]]:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(60)
        return [[] for _ in values]

    async def alone(values: Sequence[object]) -> list[list[Any]]:
        return [["alone"] for _ in values]

    reads = (
        read_in_batch("?", (one,), read_many=endless, read_alone=alone, max_rows=1) for one in "ab"
    )
    assert await asyncio.gather(*reads) == [["alone"], ["alone"]]
