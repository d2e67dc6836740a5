"""ticketGroups counts tickets by the values of a field, largest group first."""

from typing import Any

from models import OpsState, Ticket, TicketPriority, TicketStatus
from tests.api.operations import Ask


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
