"""What an inverted index finds is looked for among the nearest rows first, and is all the same."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pytest

from engine import statements
from engine.paging import Window
from engine.queries import Page
from engine.sql import render
from engine.statements import page_statement
from resolvers.context import Context
from resolvers.filters import TicketFilter, ticket_condition
from resolvers.tables import NEWEST_TICKET_FIRST, TICKETS
from tests.engine import dataset
from tests.engine.comparison import written
from tests.engine.execution import plain, prepared, projected
from tests.engine.reference import Rows
from tests.feed.following import connected

PAGE = """
query ($filter: TicketFilter, $order: TicketOrder, $first: Int, $last: Int,
       $after: String, $before: String) {
  tickets(
    filter: $filter, orderBy: $order, first: $first, last: $last, after: $after, before: $before
  ) {
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
  }
}
"""
FILTERS: list[dict[str, Any]] = [
    {"search": "subject"},
    {"search": "1"},
    {"search": "1 -line", "status": {"neq": "OPEN"}},
    {"search": "nobody"},
    {"metadata": {"contains": {}}},
    {"or": [{"search": "2"}, {"metadata": {"contains": []}}]},
    {"not": {"search": "1"}},
]
CURSORS = {
    order: cursors for order, cursors in dataset.cursors().items() if order.startswith("tickets.")
}
# The newest first; all of them are common, and one in each thousand is rare.
MANY_TICKETS = """
INSERT INTO tickets (id, subject, description, customer_name, customer_email, metadata, created_at)
SELECT
    number::text, 'common' || CASE number % 1000 WHEN 999 THEN ' rare' ELSE '' END,
    repeat('long ', 200), 'N', 'n@example.com', jsonb_build_object('thousand', number / 1000),
    TIMESTAMPTZ '2026-01-01Z' - number * INTERVAL '1 minute'
FROM generate_series(0, $1 - 1) AS number
"""
# Of fewer PostgreSQL takes another index.
MANY = 10_000


def windows(cursors: Sequence[str]) -> list[dict[str, Any]]:
    """Return pages from both ends, from places in the middle, and between two of these."""
    here, there = cursors[4], cursors[-5]
    return [
        {"first": 2},
        {"last": 2},
        {"first": 3, "after": here},
        {"last": 3, "before": there},
        {"first": 2, "after": here, "before": there},
        {"last": 2, "after": there, "before": here},
        {"first": 100},
    ]


@pytest.mark.parametrize("order", CURSORS)
@pytest.mark.parametrize("nearest", [1, 3, 2_000])
async def test_a_page_is_the_same_however_many_are_looked_through(
    context: Context, rows: Rows, monkeypatch: pytest.MonkeyPatch, nearest: int, order: str
) -> None:
    monkeypatch.setattr(statements, "NEAREST", nearest)
    document = prepared(PAGE)
    _, field, direction = order.upper().split(".")
    found = 0
    for filter_ in FILTERS:
        for window in windows(CURSORS[order]):
            variables = {
                "filter": filter_,
                "order": {"field": field, "direction": direction},
                **window,
            }
            answer = await projected(document, variables, context)
            expected = await plain(document, variables, context, rows)
            assert written(answer) == written(expected), variables
            assert answer.data is not None
            found += len(answer.data["tickets"]["edges"])
    assert found


@pytest.mark.usefixtures("database")
async def test_the_index_is_asked_only_for_what_is_not_among_the_nearest(database_url: str) -> None:
    async with connected(database_url) as connection:
        await connection.execute(MANY_TICKETS, MANY)
        await connection.execute("ANALYZE tickets")

        async def scans(filter_: TicketFilter, index: str) -> int:
            page = Page(TICKETS, NEWEST_TICKET_FIRST, Window(size=20), ticket_condition(filter_))
            text, values = render(page_statement(page, "id"))
            plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", *values)
            return _scans(orjson.loads(plan)[0]["Plan"], index)

        assert await scans({"search": "common"}, "tickets_search") == 0
        assert await scans({"search": "rare"}, "tickets_search") == 1
        assert await scans({"search": "nobody"}, "tickets_search") == 1
        assert await scans({"metadata": {"contains": {"thousand": 0}}}, "tickets_metadata") == 0
        assert await scans({"metadata": {"contains": {"thousand": 9}}}, "tickets_metadata") == 1


def _scans(plan: dict[str, Any], index: str) -> int:
    """Return how often an index was scanned; it must be part of the plan."""
    [scan] = [node for node in _nodes(plan) if node.get("Index Name") == index]
    loops: int = scan["Actual Loops"]
    return loops


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
