"""Filters: each operator, combinations, and missing values.

`test_filter_model` compares random filters with a model.
"""

from typing import Any

import pytest

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
