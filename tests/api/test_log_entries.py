"""Log entries are listed, filtered, and found from their ticket."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import LogEntry, Ticket
from tests.api.operations import Ask

START = datetime(2026, 1, 1, tzinfo=UTC)


async def make() -> None:
    """Create four entries, a minute apart."""
    rows: list[dict[str, Any]] = [
        {"ticket_id": "t0", "delivery_id": "d0", "action": "send", "status": "failed"},
        {"ticket_id": "t0", "delivery_id": "d0", "action": "retry", "status": "success"},
        {"ticket_id": "t0", "delivery_id": "d0", "action": "query", "status": "success"},
        {"ticket_id": "t1", "delivery_id": None, "action": "send", "status": "success"},
    ]
    for number, row in enumerate(rows):
        moment = START + timedelta(minutes=number)
        await LogEntry.create(id=f"l{number}", timestamp=moment, **row)


async def test_entries_are_listed_newest_first_in_pages(ask: Ask) -> None:
    document = """
        query ($before: String, $after: String, $first: Int, $last: Int) {
          logEntries(first: $first, after: $after, last: $last, before: $before) {
            totalCount nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
          }
        }
    """
    await make()
    first = (await ask(document, first=3))["logEntries"]
    assert first["totalCount"] == 4
    assert [node["id"] for node in first["nodes"]] == ["l3", "l2", "l1"]
    second = (await ask(document, first=3, after=first["pageInfo"]["endCursor"]))["logEntries"]
    assert [node["id"] for node in second["nodes"]] == ["l0"]
    back = (await ask(document, last=2, before=second["pageInfo"]["startCursor"]))["logEntries"]
    assert [node["id"] for node in back["nodes"]] == ["l2", "l1"]
    assert back["pageInfo"]["hasNextPage"]
    assert back["pageInfo"]["hasPreviousPage"]


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"ticketId": {"eq": "t0"}}, ["l2", "l1", "l0"]),
        ({"ticketId": {"nin": ["t0"]}}, ["l3"]),
        ({"deliveryId": {"eq": "d0"}}, ["l2", "l1", "l0"]),
        ({"deliveryId": {"neq": "d0"}}, ["l3"]),
        ({"deliveryId": {"in": ["d0", "d1"]}}, ["l2", "l1", "l0"]),
        ({"action": ["SEND"]}, ["l3", "l0"]),
        ({"action": ["RETRY", "QUERY"]}, ["l2", "l1"]),
        ({"action": []}, []),
        ({"status": ["FAILED"]}, ["l0"]),
        ({"status": []}, []),
        ({"timestamp": {"gt": "2026-01-01T00:01:00Z"}}, ["l3", "l2"]),
        (
            {"timestamp": {"gte": "2026-01-01T00:01:00Z", "lt": "2026-01-01T00:03:00Z"}},
            ["l2", "l1"],
        ),
        ({"action": ["SEND"], "status": ["SUCCESS"]}, ["l3"]),
        ({"action": None, "status": None, "ticketId": None}, ["l3", "l2", "l1", "l0"]),
        ({}, ["l3", "l2", "l1", "l0"]),
    ],
)
async def test_entries_are_filtered(ask: Ask, filter_: dict[str, Any], expected: list[str]) -> None:
    document = """
        query ($filter: LogEntryFilter) {
          logEntries(filter: $filter) { totalCount nodes { id } }
        }
    """
    await make()
    entries = (await ask(document, filter=filter_))["logEntries"]
    assert [node["id"] for node in entries["nodes"]] == expected
    assert entries["totalCount"] == len(expected)


async def test_a_ticket_lists_only_its_own_entries(ask: Ask) -> None:
    document = """
        {
          ticket(id: "t0") {
            all: logEntries { totalCount nodes { id } }
            good: logEntries(filter: {status: [SUCCESS]}, first: 1) {
              totalCount nodes { id ticket { id } } pageInfo { hasNextPage }
            }
            others: logEntries(filter: {ticketId: {eq: "t1"}}) { totalCount }
          }
        }
    """
    await Ticket.create(
        id="t0", subject="S", description="D", customer_name="N", customer_email="n@example.com"
    )
    await make()
    assert (await ask(document))["ticket"] == {
        "all": {"totalCount": 3, "nodes": [{"id": "l2"}, {"id": "l1"}, {"id": "l0"}]},
        "good": {
            "totalCount": 2,
            "nodes": [{"id": "l2", "ticket": {"id": "t0"}}],
            "pageInfo": {"hasNextPage": True},
        },
        "others": {"totalCount": 0},
    }


async def test_fields_that_the_former_service_did_not_write_are_null(ask: Ask) -> None:
    document = """
        {
          logEntries {
            nodes {
              id ticketId ticket { id } deliveryId action status timestamp response
              attempt durationMs actor requestId
            }
          }
        }
    """
    await LogEntry.create(
        id="1",
        ticket_id="gone",
        action="send",
        status="success",
        timestamp=START,
        response='{"ok": true}',
    )
    assert (await ask(document))["logEntries"]["nodes"] == [
        {
            "id": "1",
            "ticketId": "gone",
            "ticket": None,
            "deliveryId": None,
            "action": "SEND",
            "status": "SUCCESS",
            "timestamp": "2026-01-01T00:00:00Z",
            "response": {"ok": True},
            "attempt": None,
            "durationMs": None,
            "actor": None,
            "requestId": None,
        }
    ]
