"""Filters: each operator, combinations, and missing values.

`test_filter_model` compares random filters with a model.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.database.queries import fetch
from models import OpsState, Ticket, TicketPriority, TicketStatus
from tests.api.operations import Ask

FILTERED = """
    query ($filter: TicketFilter) {
      tickets(filter: $filter, orderBy: {field: SUBJECT}) { totalCount nodes { subject } }
    }
"""


async def make(subject: str, **columns: Any) -> None:
    columns = {"customer_name": "N", "customer_email": "n@example.com"} | columns
    await Ticket.create(subject=subject, description="D", **columns)


async def found(ask: Ask, **filter: Any) -> list[str]:
    """Return the subjects of the matching tickets."""
    tickets = (await ask(FILTERED, filter=filter))["tickets"]
    subjects = [node["subject"] for node in tickets["nodes"]]
    assert tickets["totalCount"] == len(subjects)
    return subjects


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ({"eq": "Ab"}, ["Ab"]),
        ({"eq": "ab"}, []),
        ({"neq": "Ab"}, ["100%", "A_b", "abc"]),
        ({"in": ["Ab", "abc", "abc", "nobody"]}, ["Ab", "abc"]),
        ({"in": []}, []),
        ({"nin": ["Ab", "abc"]}, ["100%", "A_b"]),
        ({"nin": []}, ["100%", "A_b", "Ab", "abc"]),
        ({"contains": "b"}, ["A_b", "Ab", "abc"]),
        ({"contains": "_"}, ["A_b"]),
        ({"contains": "%"}, ["100%"]),
        ({"contains": ""}, ["100%", "A_b", "Ab", "abc"]),
        ({"contains": "B"}, []),
        ({"containsIgnoreCase": "AB"}, ["Ab", "abc"]),
        ({"startsWith": "A"}, ["A_b", "Ab"]),
        ({"startsWith": "A_"}, ["A_b"]),
        ({"isNull": True}, []),
        ({"isNull": False}, ["100%", "A_b", "Ab", "abc"]),
        ({}, ["100%", "A_b", "Ab", "abc"]),
        ({"startsWith": "A", "contains": "_", "neq": "x"}, ["A_b"]),
    ],
)
async def test_text_is_compared_case_sensitively(
    ask: Ask, operators: dict[str, Any], expected: list[str]
) -> None:
    for subject in ["100%", "A_b", "Ab", "abc"]:
        await make(subject)
    assert sorted(await found(ask, subject=operators)) == sorted(expected)


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ({"eq": "grace"}, ["grace's"]),
        ({"neq": "grace"}, ["ada's", "nobody's"]),
        ({"in": ["grace"]}, ["grace's"]),
        ({"nin": ["grace"]}, ["ada's", "nobody's"]),
        ({"contains": "a"}, ["ada's", "grace's"]),
        ({"isNull": True}, ["nobody's"]),
        ({"isNull": False}, ["ada's", "grace's"]),
    ],
)
async def test_null_differs_from_every_value(
    ask: Ask, operators: dict[str, Any], expected: list[str]
) -> None:
    await make("ada's", assigned_to="ada")
    await make("grace's", assigned_to="grace")
    await make("nobody's")
    assert await found(ask, assignedTo=operators) == expected


async def test_not_matches_exactly_the_other_rows(ask: Ask) -> None:
    await make("ada's", assigned_to="ada")
    await make("nobody's")
    for operators in ({"eq": "ada"}, {"contains": "a"}, {"in": ["ada"]}, {"startsWith": "x"}):
        inside = await found(ask, assignedTo=operators)
        outside = await found(ask, **{"not": {"assignedTo": operators}})
        assert sorted(inside + outside) == ["ada's", "nobody's"]


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ({"eq": "HIGH"}, ["high"]),
        ({"neq": "HIGH"}, ["low", "medium"]),
        ({"in": ["LOW", "HIGH"]}, ["high", "low"]),
        ({"in": []}, []),
        ({"nin": ["LOW"]}, ["high", "medium"]),
        ({"gte": "MEDIUM"}, ["high", "medium"]),
        ({"lte": "MEDIUM"}, ["low", "medium"]),
        ({"gte": "MEDIUM", "lte": "MEDIUM"}, ["medium"]),
        ({"gte": "HIGH", "lte": "LOW"}, []),
    ],
)
async def test_priorities_are_ordered(
    ask: Ask, operators: dict[str, Any], expected: list[str]
) -> None:
    for priority in TicketPriority:
        await make(priority.value, priority=priority)
    assert await found(ask, priority=operators) == expected


async def test_status_and_ops_state_are_compared(ask: Ask) -> None:
    await make("a", status=TicketStatus.OPEN, ops_state=OpsState.FAILED)
    await make("b", status=TicketStatus.IN_PROGRESS)
    assert await found(ask, status={"eq": "IN_PROGRESS"}) == ["b"]
    assert await found(ask, status={"nin": ["IN_PROGRESS", "CLOSED"]}) == ["a"]
    assert await found(ask, opsState={"in": ["FAILED", "PENDING"]}) == ["a"]
    assert await found(ask, opsState={"neq": "FAILED"}) == ["b"]


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ({"eq": "2026-01-31T08:15:00Z"}, ["second"]),
        ({"eq": "2026-01-31T10:15:00.000+02:00"}, ["second"]),
        ({"gt": "2026-01-31T08:15:00Z"}, ["third"]),
        ({"gte": "2026-01-31T08:15:00Z"}, ["second", "third"]),
        ({"lt": "2026-01-31T08:15:00Z"}, ["first"]),
        ({"lte": "2026-01-31T08:15:00Z"}, ["first", "second"]),
        (
            {"gt": "2026-01-31T08:14:59.999998Z", "lt": "2026-01-31T08:15:00.000001Z"},
            ["first", "second"],
        ),
        (
            {"gt": "0001-01-01T00:00:00Z", "lt": "9999-12-31T23:59:59.999999Z"},
            ["first", "second", "third"],
        ),
    ],
)
async def test_timestamps_are_compared_to_the_microsecond_in_any_offset(
    ask: Ask, operators: dict[str, Any], expected: list[str]
) -> None:
    for subject, moment in [
        ("first", "2026-01-31T08:14:59.999999Z"),
        ("second", "2026-01-31T08:15:00Z"),
        ("third", "2026-01-31T08:15:00.000001Z"),
    ]:
        await make(subject, created_at=moment, updated_at=moment)
    assert await found(ask, createdAt=operators) == expected
    assert await found(ask, updatedAt=operators) == expected


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ({"contains": {"a": 1}}, ["object"]),
        ({"contains": {}}, ["object"]),
        ({"contains": {"b": {"c": None}}}, ["object"]),
        ({"contains": {"b": {"c": 1}}}, []),
        ({"contains": ["x"]}, ["list"]),
        ({"contains": "x"}, ["list"]),
        ({"contains": 1}, ["list"]),
        ({"contains": "text"}, ["string"]),
        ({"hasKey": "a"}, ["object"]),
        ({"hasKey": "c"}, []),
        ({"hasKey": "x"}, ["list"]),
        ({"isNull": True}, ["JSON null", "nothing"]),
        ({"isNull": False}, ["list", "object", "string"]),
        ({"hasKey": "a", "contains": {"a": 2}}, []),
    ],
)
async def test_metadata_is_compared_by_content(
    ask: Ask, operators: dict[str, Any], expected: list[str]
) -> None:
    await make("object", metadata='{"a": 1, "b": {"c": null, "d": []}}')
    await make("list", metadata='["x", 1]')
    await make("string", metadata='"text"')
    await make("JSON null", metadata="null")
    await make("nothing")
    assert sorted(await found(ask, metadata=operators)) == sorted(expected)
    everything = ["JSON null", "list", "nothing", "object", "string"]
    others = await found(ask, **{"not": {"metadata": operators}})
    assert sorted(expected + others) == sorted(everything)


async def test_fields_of_one_filter_are_joined_by_and(ask: Ask) -> None:
    await make("a", category="x", customer_name="Ada")
    await make("b", category="x", customer_name="Grace")
    assert await found(ask, category={"eq": "x"}, customerName={"eq": "Ada"}) == ["a"]


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({}, ["a", "b", "c"]),
        ({"and": []}, []),
        ({"or": []}, []),
        ({"and": [{}]}, ["a", "b", "c"]),
        ({"or": [{}]}, ["a", "b", "c"]),
        ({"not": {}}, []),
        ({"not": {"or": []}}, ["a", "b", "c"]),
        ({"or": [{"subject": {"eq": "a"}}, {"subject": {"eq": "b"}}]}, ["a", "b"]),
        ({"and": [{"subject": {"neq": "a"}}, {"subject": {"neq": "b"}}]}, ["c"]),
        ({"or": [{"subject": {"eq": "a"}}], "subject": {"neq": "a"}}, []),
        ({"not": {"not": {"subject": {"eq": "a"}}}}, ["a"]),
        (
            {"not": {"and": [{"subject": {"eq": "a"}}, {"category": {"eq": "nobody"}}]}},
            ["a", "b", "c"],
        ),
        (
            {"or": [{"and": [{"not": {"subject": {"in": ["a", "b"]}}}]}, {"subject": {"eq": "a"}}]},
            ["a", "c"],
        ),
        ({"and": None, "or": None, "not": None, "search": None, "subject": None}, ["a", "b", "c"]),
    ],
)
async def test_and_or_and_not_nest(ask: Ask, filter_: dict[str, Any], expected: list[str]) -> None:
    for subject in "abc":
        await make(subject)
    assert await found(ask, **filter_) == expected


async def test_an_absent_or_null_filter_matches_everything(ask: Ask) -> None:
    await make("a")
    assert (await ask(FILTERED))["tickets"]["totalCount"] == 1
    assert (await ask(FILTERED, filter=None))["tickets"]["totalCount"] == 1


async def test_a_filter_literal_can_contain_variables(ask: Ask) -> None:
    document = """
        query ($name: String!, $least: TicketPriority) {
          tickets(filter: {
            priority: {gte: $least}
            or: [{subject: {eq: $name}}, {metadata: {contains: {tags: [$name]}}}]
          }) { nodes { subject } }
        }
    """
    await make("a", priority=TicketPriority.HIGH)
    await make("b", priority=TicketPriority.HIGH, metadata='{"tags": ["a", "z"]}')
    await make("c", priority=TicketPriority.LOW, metadata='{"tags": ["a"]}')
    nodes = (await ask(document, name="a", least="HIGH"))["tickets"]["nodes"]
    assert sorted(node["subject"] for node in nodes) == ["a", "b"]
    # An absent variable omits its operator.
    nodes = (await ask(document, name="a"))["tickets"]["nodes"]
    assert sorted(node["subject"] for node in nodes) == ["a", "b", "c"]


STORED = datetime(2026, 1, 31, 8, 15, 0, 978_439, tzinfo=UTC)


@pytest.mark.parametrize(
    ("operator", "fraction", "count"),
    [
        ("eq", "978439", 1),
        ("eq", "97843900000000000000", 1),
        ("eq", "9784390000001", 0),
        ("lt", "978439", 0),
        ("lt", "978439000", 0),
        ("lt", "978439000000001", 1),
        ("lt", "9784385", 0),
        ("lte", "9784389", 0),
        ("lte", "978439", 1),
        ("lte", "9784395", 1),
        ("gt", "9784389", 1),
        ("gt", "978439", 0),
        ("gt", "978439001", 0),
        ("gte", "9784385", 1),
        ("gte", "978439", 1),
        ("gte", "9784390001", 0),
    ],
)
async def test_times_are_compared_with_all_digits_of_the_fraction(
    ask: Ask, operator: str, fraction: str, count: int
) -> None:
    await make("one", created_at=STORED)
    time = f"2026-01-31T10:15:00.{fraction}+02:00"
    assert await found(ask, createdAt={operator: time}) == ["one"] * count
    others = await found(ask, **{"not": {"createdAt": {operator: time}}})
    assert others == ["one"] * (1 - count)


@pytest.mark.parametrize(
    ("time", "just_before", "just_after"),
    [
        ("0001-01-01T00:00:00Z", None, "0001-01-01T00:00:00.0000001Z"),
        (
            "9999-12-31T23:59:59.999999Z",
            "9999-12-31T23:59:59.9999989Z",
            "9999-12-31T23:59:59.9999999Z",
        ),
    ],
)
async def test_the_first_and_the_last_time_are_compared_like_all_others(
    ask: Ask, time: str, just_before: str | None, just_after: str
) -> None:
    await make("one", created_at=STORED)
    await fetch("UPDATE tickets SET created_at = CAST($1 AS text)::timestamptz", [time])
    for operator, count in {"eq": 1, "gte": 1, "lte": 1, "gt": 0, "lt": 0}.items():
        assert await found(ask, createdAt={operator: time}) == ["one"] * count
    assert await found(ask, createdAt={"lt": just_after}) == ["one"]
    assert await found(ask, createdAt={"gt": just_after}) == []
    if just_before is not None:
        assert await found(ask, createdAt={"gt": just_before}) == ["one"]
        assert await found(ask, createdAt={"lte": just_before}) == []
