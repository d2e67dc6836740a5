"""A walk through the pages of a list returns each row once, in every order and direction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import LogEntry, OpsDelivery, OpsState, Ticket, TicketEvent
from models import TicketPriority as Priority
from models import TicketStatus as Status
from tests.api.operations import Ask

START = datetime(2026, 1, 1, tzinfo=UTC)
ORDERS = [
    (field, direction)
    for field in ("CREATED_AT", "UPDATED_AT", "PRIORITY", "STATUS", "SUBJECT")
    for direction in ("ASC", "DESC")
]
WAYS = ("forward", "backward")
quick = settings(
    max_examples=12,
    deadline=None,
    # Each example empties the table itself.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True)
class Row:
    """Values that tickets are sorted by; there are few, so that most rows are tied."""

    key: str
    value: int

    def in_order(self) -> tuple[int, str]:
        """Return the sort key, which is the same in all orders."""
        return (self.value, self.key)

    def ticket(self) -> Ticket:
        """Return a ticket with the same position in every order."""
        moment = START + timedelta(microseconds=self.value)
        return Ticket(
            id=self.key,
            subject="abc"[self.value],
            description="D",
            customer_name="N",
            customer_email="n@example.com",
            created_at=moment,
            updated_at=moment,
            priority=list(Priority)[self.value],
            status=list(Status)[self.value],
        )


letters = st.text("abcdefghij0123456789", min_size=1, max_size=4)
row_sets = st.lists(
    st.builds(Row, letters, st.integers(0, 2)), unique_by=lambda row: row.key, max_size=25
)
sizes = st.lists(st.integers(1, 7), min_size=1, max_size=5)

PAGE = """
    query ($order: TicketOrder, $first: Int, $after: String, $last: Int, $before: String) {
      tickets(orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
        nodes { id }
        totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
"""


class Walk:
    """A walk through the pages of tickets, forward or backward."""

    def __init__(self, ask: Ask, order: tuple[str, str], way: str) -> None:
        self._ask = ask
        self._order = dict(zip(("field", "direction"), order, strict=True))
        self._forward = way == "forward"
        self._cursor: str | None = None
        self.seen: list[str] = []
        self.pages = 0
        self.is_at_end = False

    async def step(self, size: int) -> dict[str, Any]:
        """Read the next page and return it."""
        names = ("first", "after") if self._forward else ("last", "before")
        window = dict(zip(names, (size, self._cursor), strict=True))
        page: dict[str, Any] = (await self._ask(PAGE, order=self._order, **window))["tickets"]
        keys = [node["id"] for node in page["nodes"]]
        info = page["pageInfo"]
        self.pages += 1
        self.seen = [*self.seen, *keys] if self._forward else [*keys, *self.seen]
        self._cursor = info["endCursor" if self._forward else "startCursor"]
        self.is_at_end = not info["hasNextPage" if self._forward else "hasPreviousPage"]
        return page


async def refill(rows: Sequence[Row]) -> None:
    await Ticket.all().delete()
    await Ticket.bulk_create([row.ticket() for row in rows])


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("way", WAYS)
@quick
@given(rows=row_sets, page_sizes=sizes)
async def test_a_walk_returns_each_row_once_in_order(
    ask: Ask, order: tuple[str, str], way: str, rows: list[Row], page_sizes: list[int]
) -> None:
    await refill(rows)
    ordered = sorted(rows, key=Row.in_order, reverse=order[1] == "DESC")
    forward = way == "forward"
    walk = Walk(ask, order, way)
    while not walk.is_at_end:
        before = len(walk.seen)
        size = page_sizes[walk.pages % len(page_sizes)]
        page = await walk.step(size)
        assert page["totalCount"] == len(rows)
        # One end is where the walk started, the other where it continues.
        came = page["pageInfo"]["hasPreviousPage" if forward else "hasNextPage"]
        goes = page["pageInfo"]["hasNextPage" if forward else "hasPreviousPage"]
        assert came == (before > 0)
        assert goes == (len(walk.seen) < len(rows))
        assert len(page["nodes"]) == min(size, len(rows) - before)
    assert walk.seen == [row.key for row in ordered]


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@quick
@given(
    rows=row_sets,
    way=st.sampled_from(WAYS),
    page_sizes=sizes,
    arrivals=st.lists(row_sets, max_size=6),
    departures=st.lists(st.integers(0, 24), max_size=6),
)
async def test_inserts_and_deletes_during_a_walk_do_not_affect_other_rows(  # noqa: PLR0917  # drawn values
    ask: Ask,
    order: tuple[str, str],
    rows: list[Row],
    way: str,
    page_sizes: list[int],
    arrivals: list[list[Row]],
    departures: list[int],
) -> None:
    await refill(rows)
    value_of = {row.key: row.value for row in rows}
    stayed = {row.key for row in rows}
    walk = Walk(ask, order, way)
    while not walk.is_at_end:
        await walk.step(page_sizes[walk.pages % len(page_sizes)])
        if walk.pages <= len(arrivals):
            new = [row for row in arrivals[walk.pages - 1] if row.key not in value_of]
            value_of |= {row.key: row.value for row in new}
            await Ticket.bulk_create([row.ticket() for row in new])
        if rows and walk.pages <= len(departures):
            gone = rows[departures[walk.pages - 1] % len(rows)].key
            stayed.discard(gone)
            await Ticket.filter(id=gone).delete()
    assert len(set(walk.seen)) == len(walk.seen)
    assert stayed <= set(walk.seen)
    # Rows inserted meanwhile appear at their position or not at all.
    places = [(value_of[key], key) for key in walk.seen]
    assert places == sorted(places, reverse=order[1] == "DESC")


@pytest.mark.parametrize("way", WAYS)
async def test_a_walk_continues_during_concurrent_writes(ask: Ask, way: str) -> None:
    rows = [Row(f"old{number:03}", number % 3) for number in range(150)]
    await refill(rows)
    is_done = asyncio.Event()

    async def write() -> None:
        number = 0
        while not is_done.is_set():
            await Row(f"new{number:03}", number % 3).ticket().save(force_create=True)
            number += 1

    walk = Walk(ask, ("PRIORITY", "DESC"), way)
    writing = asyncio.create_task(write())
    try:
        # A page size with which the walk ends despite the writes.
        while not walk.is_at_end and walk.pages < 100:
            await walk.step(10)
    finally:
        is_done.set()
        await writing
    assert len(set(walk.seen)) == len(walk.seen)
    assert {row.key for row in rows} <= set(walk.seen)


# ------------------------------------------------------------------------ other lists

LISTS = {
    "logEntries": "logEntries(first: $first, after: $after, last: $last, before: $before)",
    "opsDeliveries": "opsDeliveries(first: $first, after: $after, last: $last, before: $before)",
    "ticket logEntries": (
        'ticket(id: "t") { list: logEntries('
        "first: $first, after: $after, last: $last, before: $before) %s }"
    ),
    "ticket history": (
        'ticket(id: "t") { list: history('
        "first: $first, after: $after, last: $last, before: $before) %s }"
    ),
    "delivery logEntries": (
        'node(id: "d") { ... on OpsDelivery { list: logEntries('
        "first: $first, after: $after, last: $last, before: $before) %s } }"
    ),
}
SELECTION = """
    { nodes { id } edges { cursor } totalCount pageInfo { hasNextPage hasPreviousPage } }
"""


async def fill_lists() -> list[str]:
    """Insert twelve rows into each list, most of them tied; return the ids, newest first."""
    await Ticket.bulk_create([Row("t", 0).ticket()])
    await OpsDelivery.create(
        id="d", ticket_id="other", payload="{}", state=OpsState.FAILED, created_at=START
    )
    keys = [f"k{number:02}" for number in range(12)]
    moments = [START + timedelta(seconds=1 + number // 5) for number in range(12)]
    for number, (key, moment) in enumerate(zip(keys, moments, strict=True)):
        await LogEntry.create(
            id=f"log-{key}",
            ticket_id="t",
            delivery_id="d",
            action="send",
            status="failed",
            timestamp=moment,
        )
        await OpsDelivery.create(
            id=f"delivery-{key}",
            ticket_id=f"of-{key}",
            payload="{}",
            state=OpsState.FAILED,
            created_at=moment,
        )
        await TicketEvent.create(
            id=f"event-{key}",
            ticket_id="t",
            type="updated",
            changes="[]",
            transaction=number // 5,
            sequence=number,
        )
    return keys[::-1]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [1, 5, 12, 13])
async def test_each_list_can_be_walked(ask: Ask, name: str, way: str, size: int) -> None:
    keys = await fill_lists()
    field = LISTS[name]
    selection = field % SELECTION if "%s" in field else f"list: {field} {SELECTION}"
    document = f"query ($first: Int, $after: String, $last: Int, $before: String) {{ {selection} }}"
    forward = way == "forward"
    seen: list[str] = []
    cursor = None
    is_at_end = False
    while not is_at_end:
        window = {"first": size, "after": cursor} if forward else {"last": size, "before": cursor}
        answer = await ask(document, **window)
        page = answer["list"] if "list" in answer else next(iter(answer.values()))["list"]
        found = [node["id"] for node in page["nodes"]]
        seen = [*seen, *found] if forward else [*found, *seen]
        cursor = page["edges"][-1 if forward else 0]["cursor"]
        is_at_end = not page["pageInfo"]["hasNextPage" if forward else "hasPreviousPage"]
        assert page["totalCount"] == len(keys) + (name == "opsDeliveries")
    expected = [key.partition("-")[2] or key for key in seen]
    assert expected == keys + (["d"] if name == "opsDeliveries" else [])
