"""Random filters match the same tickets in the API as in a model written in Python."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import Ticket
from tests.api.filter_model import ABSENT, PRIORITIES, Row, matches
from tests.api.operations import Ask

STATUSES = ["OPEN", "IN_PROGRESS", "PENDING", "RESOLVED", "CLOSED"]
OPS_STATES = ["NOT_SENT", "PENDING", "DELIVERED", "FAILED", "CANCELLED"]

# Few letters, so that many texts match. Each is special in LIKE, in a regular expression, by
# its case or by its width.
TEXTS = [
    "a",
    "A",
    "ab",
    "aB%",
    "_b",
    "%",
    "b\\",
    "ä",
    "Ä",
    "a\u0308",
    "A\u0308b",
    "ß",
    "SS",
    "ΣΑΣ",
    "σας",
    "İ",
    "\u0131",
    "😀a",
    " ",
    "'",
    "a.*",
]
NEEDLES = [*TEXTS, "", "aa", "B", "\\", "."]
MOMENTS = [
    "2026-01-31T08:14:59.999999+00:00",
    "2026-01-31T08:15:00+00:00",
    "2026-01-31T08:15:00.000001+00:00",
    "2026-06-30T23:59:59+00:00",
]
SAME_MOMENTS = ["2026-01-31T10:15:00+02:00", "2026-01-31T08:14:59.999999Z"]
SCALARS: list[Any] = [None, True, False, 0, 1, 1.5, "a", "b", ""]
KEYS = ["a", "b", ""]


def jsons(max_leaves: int) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.sampled_from(SCALARS),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
        ),
        max_leaves=max_leaves,
    )


# ------------------------------------------------------------------------------- rows

ROWS: list[Row] = [
    {
        "id": f"t{number:02}",
        "subject": TEXTS[number % len(TEXTS)],
        "category": ("a", "A", "b")[number % 3],
        "customerName": TEXTS[(number * 5) % len(TEXTS)],
        "customerEmail": ("a@b", "A@b", "ä@b")[number % 3],
        "assignedTo": ABSENT if number % 3 == 0 else TEXTS[number % 4],
        "status": STATUSES[number % 5],
        "priority": PRIORITIES[number % 3],
        "opsState": OPS_STATES[number % 4],
        "createdAt": MOMENTS[number % 4],
        "updatedAt": MOMENTS[number // 2 % 4],
        "metadata": metadata,
    }
    for number, metadata in enumerate(
        [
            *[ABSENT, ABSENT, None, {}, [], "a", "", 0, True, 1.5],
            *[{"a": 1}, {"a": {"b": 1, "": None}}, {"b": [1, "a", {"a": 0}]}, {"": ""}],
            *[["a"], ["b", 1, None], [["a"]], [{"a": 1}, {"b": 2}], [1.5, True], [[], {}]],
            *[{"a": [], "b": {}}, {"a": None}, {"a": True, "b": False}, [[1, ["a"]], 0]],
        ]
    )
]
EVERYTHING = [row["id"] for row in ROWS]


@pytest.fixture
async def rows(database: None) -> None:  # noqa: ARG001  # the tables must exist
    """Write the rows into the database."""
    await Ticket.bulk_create([_ticket(row) for row in ROWS])


def _ticket(row: Row) -> Ticket:
    return Ticket(
        id=row["id"],
        subject=row["subject"],
        description="D",
        category=row["category"],
        customer_name=row["customerName"],
        customer_email=row["customerEmail"],
        assigned_to=None if row["assignedTo"] is ABSENT else row["assignedTo"],
        status=row["status"].lower(),
        priority=row["priority"].lower(),
        ops_state=row["opsState"].lower(),
        created_at=row["createdAt"],
        updated_at=row["updatedAt"],
        metadata=None if row["metadata"] is ABSENT else json.dumps(row["metadata"]),
    )


# ---------------------------------------------------------------------------- filters


def operators(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return one or more operators of a field."""
    names = st.lists(st.sampled_from(list(values)), min_size=1, max_size=2, unique=True)
    return st.just({}) | names.flatmap(
        lambda chosen: st.fixed_dictionaries({name: values[name] for name in chosen})
    )


def equality(values: list[str]) -> dict[str, st.SearchStrategy[Any]]:
    one, several = st.sampled_from(values), st.lists(st.sampled_from(values), max_size=4)
    return {"eq": one, "neq": one, "in": several, "nin": several}


def text(values: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    needle = st.sampled_from(NEEDLES)
    return operators(
        **equality(values),
        contains=needle,
        containsIgnoreCase=needle,
        startsWith=needle,
        isNull=st.booleans(),
    )


priority = st.sampled_from(PRIORITIES)
moment = st.sampled_from([*MOMENTS, *SAME_MOMENTS])
moments = operators(eq=moment, gt=moment, gte=moment, lt=moment, lte=moment)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "id": operators(**equality([*EVERYTHING, "nobody"])),
    "subject": text(NEEDLES),
    "category": text(["a", "A", "c"]),
    "customerName": text(NEEDLES),
    "customerEmail": text(["a@b", "A@b", "b@b"]),
    "assignedTo": text(NEEDLES),
    "status": operators(**equality(STATUSES)),
    "priority": operators(**equality(PRIORITIES), gte=priority, lte=priority),
    "opsState": operators(**equality(OPS_STATES)),
    "createdAt": moments,
    "updatedAt": moments,
    "metadata": operators(
        contains=jsons(4).filter(lambda value: value is not None),
        hasKey=st.sampled_from([*KEYS, "c"]),
        isNull=st.booleans(),
    ),
}
leaves = st.lists(st.sampled_from(list(FIELDS)), max_size=2, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in names})
)
filters = st.recursive(
    leaves,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "and": st.lists(inner, max_size=3),
            "or": st.lists(inner, max_size=3),
            "not": inner,
        },
    ).flatmap(lambda joined: leaves.map(lambda leaf: leaf | joined)),
    max_leaves=8,
)

FOUND = """
    query ($filter: TicketFilter, $others: TicketFilter) {
      tickets(filter: $filter, first: 100) { totalCount nodes { id } }
      others: tickets(filter: $others, first: 100) { nodes { id } }
      groups: ticketGroups(by: STATUS, filter: $filter) { key count }
    }
"""


@pytest.mark.usefixtures("rows")
@settings(
    max_examples=300,
    deadline=None,
    # Queries do not change the rows.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(filter_=filters)
async def test_filters_match_the_same_rows_as_the_model(ask: Ask, filter_: dict[str, Any]) -> None:
    expected = [row["id"] for row in ROWS if matches(row, filter_)]
    answer = await ask(FOUND, filter=filter_, others={"not": filter_})
    found = sorted(node["id"] for node in answer["tickets"]["nodes"])
    others = sorted(node["id"] for node in answer["others"]["nodes"])
    assert found == expected
    assert answer["tickets"]["totalCount"] == len(expected)
    # The negation matches exactly the other rows.
    assert sorted(found + others) == EVERYTHING
    assert sum(group["count"] for group in answer["groups"]) == len(expected)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    "value", [row["metadata"] for row in ROWS if row["metadata"] not in (ABSENT, None)]
)
async def test_every_value_contains_itself(ask: Ask, value: Any) -> None:
    expected = [row["id"] for row in ROWS if matches(row, {"metadata": {"contains": value}})]
    answer = await ask(FOUND, filter={"metadata": {"contains": value}})
    assert sorted(node["id"] for node in answer["tickets"]["nodes"]) == expected
