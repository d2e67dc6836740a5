"""ticketGroups counts tickets by the values of a field, largest group first."""

from typing import Any

import pytest

from models import OpsState, Ticket, TicketPriority, TicketStatus
from resolvers.tickets import groups
from tests.api.operations import Ask
from tests.feed.readers import connected


async def make(**columns: Any) -> None:
    await Ticket.create(
        subject="S", description="D", customer_name="N", customer_email="n@example.com", **columns
    )


async def test_groups_are_sorted_by_count_then_key(ask: Ask) -> None:
    document = "{ ticketGroups(by: CATEGORY) { key count } }"
    for category in ["b", "a", "c", "c"]:
        await make(category=category)
    assert (await ask(document))["ticketGroups"] == [
        {"key": "c", "count": 2},
        {"key": "a", "count": 1},
        {"key": "b", "count": 1},
    ]


async def test_keys_are_written_as_the_api_writes_them(ask: Ask) -> None:
    document = """
        {
          status: ticketGroups(by: STATUS) { key count }
          priority: ticketGroups(by: PRIORITY) { key count }
          opsState: ticketGroups(by: OPS_STATE) { key count }
        }
    """
    await make(
        status=TicketStatus.IN_PROGRESS,
        priority=TicketPriority.HIGH,
        ops_state=OpsState.DELIVERED,
    )
    assert await ask(document) == {
        "status": [{"key": "IN_PROGRESS", "count": 1}],
        "priority": [{"key": "HIGH", "count": 1}],
        "opsState": [{"key": "DELIVERED", "count": 1}],
    }


async def test_null_is_a_group(ask: Ask) -> None:
    document = "{ ticketGroups(by: ASSIGNED_TO) { key count } }"
    for name in [None, None, "grace"]:
        await make(assigned_to=name)
    assert (await ask(document))["ticketGroups"] == [
        {"key": None, "count": 2},
        {"key": "grace", "count": 1},
    ]


async def test_only_matching_tickets_are_counted(ask: Ask) -> None:
    document = """
        { ticketGroups(by: STATUS, filter: {category: {eq: "a"}}) { __typename key count } }
    """
    for category in ["a", "a", "b"]:
        await make(category=category)
    assert (await ask(document))["ticketGroups"] == [
        {"__typename": "TicketGroup", "key": "OPEN", "count": 2}
    ]


async def test_no_tickets_give_no_groups(ask: Ask) -> None:
    assert await ask("{ ticketGroups(by: PRIORITY) { key count } }") == {"ticketGroups": []}


GROUPS = """
query ($by: TicketGroupField!, $filter: TicketFilter) {
  ticketGroups(by: $by, filter: $filter) { key count countIsEstimate }
}
"""


def group(key: str | None, count: int, *, is_estimate: bool = False) -> dict[str, Any]:
    return {"key": key, "count": count, "countIsEstimate": is_estimate}


async def test_groups_that_are_counted_completely_are_exact(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MAX_COUNTED", 6)
    for name in ["ada", "ada", "ada", "ada", None, "grace"]:
        await make(assigned_to=name)
    expected = [group("ada", 4), group("grace", 1), group(None, 1)]
    assert (await ask(GROUPS, by="ASSIGNED_TO"))["ticketGroups"] == expected


async def test_larger_groups_are_estimated_from_the_statistics(
    ask: Ask, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*["ada"] * 30, *["grace"] * 20, *[None] * 10, "alan"]:
        await make(assigned_to=name)
    async with connected(database_url) as connection:
        await connection.execute("ANALYZE tickets")
    monkeypatch.setattr(groups, "MAX_COUNTED", 20)
    # Each of the four groups has a share of five.
    assert (await ask(GROUPS, by="ASSIGNED_TO"))["ticketGroups"] == [
        group("ada", 30, is_estimate=True),
        group("grace", 20, is_estimate=True),
        group(None, 10, is_estimate=True),
        group("alan", 1),
    ]
    filtered = await ask(GROUPS, by="STATUS", filter={"assignedTo": {"eq": "ada"}})
    assert filtered["ticketGroups"] == [group("OPEN", 30, is_estimate=True)]
    # All tickets are read for this filter.
    read = await ask(GROUPS, by="STATUS", filter={"subject": {"contains": "S"}})
    assert read["ticketGroups"] == [group("OPEN", 61)]


async def test_an_estimate_is_above_what_was_counted(
    ask: Ask, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for category in ["a", "a", "b", "b", "b"]:
        await make(category=category)
    async with connected(database_url) as connection:
        await connection.execute("ANALYZE tickets")
        # The statistics do not have these.
        await connection.execute("UPDATE tickets SET category = 'c' WHERE category = 'b'")
        await connection.execute("DELETE FROM tickets WHERE category = 'a'")
    await make(category="d")
    monkeypatch.setattr(groups, "MAX_COUNTED", 2)
    answer = (await ask(GROUPS, by="CATEGORY"))["ticketGroups"]
    assert answer[1:] == [group("d", 1)]
    assert answer[0]["key"] == "c"
    assert answer[0]["countIsEstimate"]
    assert answer[0]["count"] >= 2


async def test_forms_of_a_text_are_one_group_also_above_the_limit(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MAX_COUNTED", 4)
    for category in ["\u00e4", "a\u0308", "a\u0308", "a\u0308", "b"]:
        await make(category=category)
    found, other = (await ask(GROUPS, by="CATEGORY"))["ticketGroups"]
    assert (found["key"], found["countIsEstimate"]) == ("\u00e4", True)
    assert found["count"] >= 3
    assert other == group("b", 1)


async def test_groups_are_estimated_without_statistics(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MAX_COUNTED", 1)
    for _ in range(3):
        await make()
    [found] = (await ask(GROUPS, by="PRIORITY"))["ticketGroups"]
    assert (found["key"], found["countIsEstimate"]) == ("MEDIUM", True)
    assert found["count"] >= 1
