"""Tests of totals, which are estimates from the statistics above a number of rows."""

from typing import Any

import pytest

from engine.execution.fallback import load_connection
from engine.sql import statements
from engine.sql.paging import Window
from engine.sql.queries import Page
from resolvers.context import Context
from resolvers.tables import NEWEST_TICKET_FIRST, TICKETS
from tests.engine.dataset import TICKET_IDS
from tests.engine.execution import execute_projected, prepare
from tests.feed.readers import connected

TOTALS = """
query ($filter: TicketFilter) {
  tickets(filter: $filter) { totalCount totalCountIsEstimate }
}
"""


async def total(context: Context, filter_: dict[str, Any]) -> tuple[int, bool]:
    """Return the total of the tickets that match, and whether it is an estimate."""
    answer = await execute_projected(prepare(TOTALS), {"filter": filter_}, context)
    assert answer.data is not None, answer.errors
    tickets = answer.data["tickets"]
    return tickets["totalCount"], tickets["totalCountIsEstimate"]


@pytest.fixture
async def _statistics(context: Context, database_url: str) -> None:  # noqa: ARG001  # has rows
    async with connected(database_url) as connection:
        await connection.execute("ANALYZE tickets")


@pytest.mark.parametrize("limit", [len(TICKET_IDS), 100_000])
async def test_a_total_up_to_the_limit_is_exact(
    context: Context, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(statements, "MAX_COUNTED", limit)
    assert await total(context, {}) == (len(TICKET_IDS), False)


@pytest.mark.usefixtures("_statistics")
async def test_a_total_above_the_limit_is_the_estimate_of_the_statistics(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "MAX_COUNTED", len(TICKET_IDS) - 1)
    assert await total(context, {}) == (len(TICKET_IDS), True)
    matching, is_estimate = await total(context, {"status": {"eq": "OPEN"}})
    assert matching < len(TICKET_IDS) - 1
    assert not is_estimate


@pytest.mark.usefixtures("_statistics")
async def test_an_estimate_is_above_the_limit(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "MAX_COUNTED", 3)
    assert await total(context, {"subject": {"contains": "missing"}}) == (0, False)
    # PostgreSQL takes a condition that it has no statistics of for rare.
    counted, is_estimate = await total(context, {"subject": {"contains": "Subject"}})
    assert is_estimate
    assert counted > 3


async def test_whether_a_total_is_an_estimate_can_be_selected_alone(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit, expected in ((len(TICKET_IDS), False), (1, True)):
        monkeypatch.setattr(statements, "MAX_COUNTED", limit)
        fresh = prepare(f"{{ tickets {{ a{limit}: totalCountIsEstimate }} }}")
        answer = await execute_projected(fresh, {}, context)
        assert answer.data == {"tickets": {f"a{limit}": expected}}


async def test_each_parent_has_its_own_total(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "{ tickets(first: 100) { nodes { history { totalCount totalCountIsEstimate } } } }"
    exact = await execute_projected(prepare(text), {}, context)
    assert exact.data is not None
    counts = [node["history"]["totalCount"] for node in exact.data["tickets"]["nodes"]]
    assert max(counts) > 1
    monkeypatch.setattr(statements, "MAX_COUNTED", 1)
    # Another document, because the statements of this one are cached.
    limited = await execute_projected(prepare(f"query Limited {text}"), {}, context)
    assert limited.data is not None
    for node, count in zip(limited.data["tickets"]["nodes"], counts, strict=True):
        if count <= 1:
            assert node["history"] == {"totalCount": count, "totalCountIsEstimate": False}
        else:
            assert node["history"]["totalCountIsEstimate"]
            assert node["history"]["totalCount"] > 1


@pytest.mark.usefixtures("_statistics")
async def test_the_fallback_has_the_same_totals(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, is_estimate in ((len(TICKET_IDS), False), (len(TICKET_IDS) - 1, True)):
        monkeypatch.setattr(statements, "MAX_COUNTED", limit)
        connection = await load_connection(Page(TICKETS, NEWEST_TICKET_FIRST, Window(size=1)))
        assert await connection.total_count == len(TICKET_IDS)
        assert await connection.total_count_is_estimate is is_estimate
