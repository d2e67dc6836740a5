"""Lists are paged as Relay's connection specification says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import Ticket
from tests.api.operations import Ask
from tests.conftest import GraphQL

PAGE = """
    query ($first: Int, $after: String, $last: Int, $before: String) {
      tickets(
        first: $first, after: $after, last: $last, before: $before
        orderBy: {field: SUBJECT}
      ) {
        edges { cursor node { subject } }
        nodes { subject }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
"""


async def make(*subjects: str, **columns: Any) -> None:
    await Ticket.bulk_create(
        [
            Ticket(
                subject=subject,
                description="D",
                customer_name="N",
                customer_email="n@example.com",
                **columns,
            )
            for subject in subjects
        ]
    )


class Seen:
    """The parts of a page that the tests check."""

    def __init__(self, tickets: dict[str, Any]) -> None:
        self.subjects = [edge["node"]["subject"] for edge in tickets["edges"]]
        self.cursors = [edge["cursor"] for edge in tickets["edges"]]
        info = tickets["pageInfo"]
        self.has_next, self.has_previous = info["hasNextPage"], info["hasPreviousPage"]
        assert [node["subject"] for node in tickets["nodes"]] == self.subjects
        ends = (self.cursors[0], self.cursors[-1]) if self.cursors else (None, None)
        assert (info["startCursor"], info["endCursor"]) == ends


async def page(ask: Ask, **arguments: Any) -> Seen:
    return Seen((await ask(PAGE, **arguments))["tickets"])


async def test_first_and_after_page_forward(ask: Ask) -> None:
    await make(*"abcde")
    first = await page(ask, first=2)
    assert (first.subjects, first.has_previous, first.has_next) == (["a", "b"], False, True)
    second = await page(ask, first=2, after=first.cursors[-1])
    assert (second.subjects, second.has_previous, second.has_next) == (["c", "d"], True, True)
    third = await page(ask, first=2, after=second.cursors[-1])
    assert (third.subjects, third.has_previous, third.has_next) == (["e"], True, False)


async def test_last_and_before_page_backward(ask: Ask) -> None:
    await make(*"abcde")
    last = await page(ask, last=2)
    assert (last.subjects, last.has_previous, last.has_next) == (["d", "e"], True, False)
    middle = await page(ask, last=2, before=last.cursors[0])
    assert (middle.subjects, middle.has_previous, middle.has_next) == (["b", "c"], True, True)
    first = await page(ask, last=2, before=middle.cursors[0])
    assert (first.subjects, first.has_previous, first.has_next) == (["a"], False, True)


async def test_the_last_page_has_no_next_page(ask: Ask) -> None:
    await make(*"ab")
    seen = await page(ask, first=2)
    assert (seen.subjects, seen.has_previous, seen.has_next) == (["a", "b"], False, False)
    seen = await page(ask, last=2)
    assert (seen.subjects, seen.has_previous, seen.has_next) == (["a", "b"], False, False)


async def test_after_and_before_bound_a_page(ask: Ask) -> None:
    await make(*"abcdef")
    a, _, _, _, e, _ = (await page(ask, first=6)).cursors
    assert (await page(ask, after=a, before=e)).subjects == ["b", "c", "d"]
    assert (await page(ask, after=a, before=e, first=2)).subjects == ["b", "c"]
    assert (await page(ask, after=a, before=e, last=2)).subjects == ["c", "d"]
    assert (await page(ask, after=e, before=a)).subjects == []


async def test_before_alone_returns_the_items_directly_before_it(ask: Ask) -> None:
    subjects = [f"{number:03}" for number in range(60)]
    await make(*subjects)
    end = (await page(ask, last=1)).cursors[0]
    seen = await page(ask, before=end)
    assert seen.subjects == subjects[9:59]
    assert (seen.has_previous, seen.has_next) == (True, True)


async def test_the_default_page_size_is_50(ask: Ask) -> None:
    await make(*[f"{number:03}" for number in range(60)])
    seen = await page(ask)
    assert len(seen.subjects) == 50
    assert seen.has_next


async def test_the_maximum_page_size_is_100(ask: Ask, graphql: GraphQL) -> None:
    await make(*[f"{number:03}" for number in range(101)])
    for argument in ("first", "last"):
        seen = await page(ask, **{argument: 100})
        assert len(seen.subjects) == 100
        [error] = (await graphql(PAGE, **{argument: 101}))["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": [argument]}
        assert "1 to 100" in error["message"]


async def test_an_empty_list_has_no_cursors(ask: Ask) -> None:
    seen = await page(ask, first=2)
    assert (seen.subjects, seen.has_previous, seen.has_next) == ([], False, False)


async def test_a_page_after_the_end_has_a_previous_page(ask: Ask) -> None:
    await make(*"ab")
    end = (await page(ask, last=1)).cursors[0]
    seen = await page(ask, first=2, after=end)
    assert (seen.subjects, seen.has_previous, seen.has_next) == ([], True, False)


async def test_the_cursor_of_a_deleted_row_stays_valid(ask: Ask) -> None:
    await make(*"abc")
    first = await page(ask, first=2)
    await Ticket.filter(subject="b").delete()
    seen = await page(ask, first=2, after=first.cursors[-1])
    assert (seen.subjects, seen.has_previous) == (["c"], True)


async def test_the_filter_applies_before_paging(ask: Ask) -> None:
    document = """
        {
          tickets(first: 2, orderBy: {field: SUBJECT}, filter: {subject: {in: ["b", "d", "e"]}}) {
            nodes { subject } totalCount pageInfo { hasNextPage }
          }
        }
    """
    await make(*"abcde")
    assert (await ask(document))["tickets"] == {
        "nodes": [{"subject": "b"}, {"subject": "d"}],
        "totalCount": 3,
        "pageInfo": {"hasNextPage": True},
    }


async def test_the_total_count_is_that_of_the_whole_list(ask: Ask) -> None:
    document = """
        query ($after: String) {
          tickets(first: 1, after: $after) { totalCount pageInfo { endCursor } }
        }
    """
    await make(*"abc")
    first = (await ask(document))["tickets"]
    second = (await ask(document, after=first["pageInfo"]["endCursor"]))["tickets"]
    assert (first["totalCount"], second["totalCount"]) == (3, 3)


async def test_the_default_order_is_newest_first(ask: Ask) -> None:
    document = """
        {
          newest: tickets { nodes { subject } }
          oldest: tickets(orderBy: {field: CREATED_AT}) { nodes { subject } }
          null: tickets(orderBy: null) { nodes { subject } }
        }
    """
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for day, subject in enumerate("abc"):
        await make(subject, created_at=start + timedelta(days=day))
    answer = await ask(document)
    order = {key: [node["subject"] for node in tickets["nodes"]] for key, tickets in answer.items()}
    assert order == {
        "newest": ["c", "b", "a"],
        "oldest": ["a", "b", "c"],
        "null": ["c", "b", "a"],
    }


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("PRIORITY", ["low", "medium", "high"]),
        ("STATUS", ["open", "in_progress", "pending", "resolved", "closed"]),
    ],
)
async def test_enumerations_are_sorted_by_position(ask: Ask, field: str, values: list[str]) -> None:
    document = f"""
        {{
          up: tickets(orderBy: {{field: {field}, direction: ASC}}) {{ nodes {{ subject }} }}
          down: tickets(orderBy: {{field: {field}, direction: DESC}}) {{ nodes {{ subject }} }}
        }}
    """
    for value in sorted(values):
        await make(value, **{field.lower(): value})
    answer = await ask(document)
    assert [node["subject"] for node in answer["up"]["nodes"]] == values
    assert [node["subject"] for node in answer["down"]["nodes"]] == values[::-1]
