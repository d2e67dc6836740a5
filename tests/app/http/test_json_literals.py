"""Variables inside JSON literals, with the engine's coercion and with graphql-core's."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.app.http.serving import Served, served

CREATE = """
    mutation (%s) {
      createTicket(input: {
        subject: "S", description: "D", customerName: "N", customerEmail: "n@example.com",
        metadata: %s
      }) { ticket { id metadata } errors { message } }
    }
"""
# Declaration of the variables, literal, values of the variables, and the value that is stored.
CASES: dict[str, tuple[str, str, dict[str, Any], Any]] = {
    "absent in an object": ("$v: Int", "{a: $v, b: 1}", {}, {"b": 1}),
    "absent in a list": ("$v: Int", "[1, $v]", {}, [1, None]),
    "absent at any depth": (
        "$v: Int",
        "{a: [{b: $v, c: [[$v]]}], d: {e: {f: $v}}}",
        {},
        {"a": [{"c": [[None]]}], "d": {"e": {}}},
    ),
    "absent as the whole value": ("$v: JSON", "$v", {}, None),
    "null": ("$v: Int", "{a: $v, b: [$v]}", {"v": None}, {"a": None, "b": [None]}),
    "a default": ("$v: Int = 7", "{a: $v, b: [$v]}", {}, {"a": 7, "b": [7]}),
    "null in place of a default": ("$v: Int = 7", "{a: $v}", {"v": None}, {"a": None}),
    "an enumeration": ("$v: TicketPriority", "{a: $v}", {"v": "LOW"}, {"a": "LOW"}),
    "the default of an enumeration": ("$v: OpsState = NOT_SENT", "[$v]", {}, ["NOT_SENT"]),
    "a list of an enumeration": (
        "$v: [TicketStatus!]",
        "{a: $v}",
        {"v": ["IN_PROGRESS"]},
        {"a": ["IN_PROGRESS"]},
    ),
    "a single item as a list": ("$v: [Int!]", "{a: $v}", {"v": 5}, {"a": [5]}),
    "the default of a list": ("$v: [TicketStatus!] = OPEN", "{a: $v}", {}, {"a": ["OPEN"]}),
    "a time as it was sent": (
        "$v: DateTime",
        "{a: $v}",
        {"v": "2026-01-31 08:15:00.1234567+02:00"},
        {"a": "2026-01-31 08:15:00.1234567+02:00"},
    ),
    "an id is a text": ("$v: ID, $w: ID", "[$v, $w]", {"v": "5", "w": 5}, ["5", "5"]),
    "the default of an id": ("$v: ID = 5", "[$v]", {}, ["5"]),
    "an integer": ("$v: Int", "[$v]", {"v": 1.0}, [1]),
    "a truth value": ("$v: Boolean!", "{a: $v}", {"v": True}, {"a": True}),
    "a text of digits": ("$v: String", "{a: $v}", {"v": "5"}, {"a": "5"}),
    "an input object": (
        "$v: TicketFilter",
        "{a: $v}",
        {"v": {"and": {"priority": {"in": "LOW"}}, "id": {"eq": 5}, "createdAt": None}},
        {"a": {"and": [{"priority": {"in": ["LOW"]}}], "id": {"eq": "5"}, "createdAt": None}},
    ),
    "the default of an input object": (
        "$v: TicketOrder = {field: SUBJECT}",
        "{a: $v}",
        {},
        {"a": {"field": "SUBJECT"}},
    ),
    "JSON in JSON": (
        "$v: JSON",
        '{a: $v, b: "x"}',
        {"v": {"b": [1.5, None, "x"], "n": 2**70}},
        {"a": {"b": [1.5, None, "x"], "n": 2**70}, "b": "x"},
    ),
    "literals": (
        "$v: Int",
        "{a: [1, -2.5, true, null, NAME], v: $v}",
        {"v": 1},
        {"a": [1, -2.5, True, None, "NAME"], "v": 1},
    ),
}


@pytest.fixture(scope="module")
def servers(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, Served]]:
    """Return a server with shortcuts and one without, on the same database."""
    folder = tmp_path_factory.mktemp("logs")
    with (
        served(folder / "with.log", database_url) as with_shortcuts,
        served(folder / "without.log", database_url, GRAPHQL_SHORTCUTS="false") as without,
    ):
        yield with_shortcuts, without


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_variable_has_the_json_value_that_was_sent(
    servers: tuple[Served, Served], case: tuple[str, str, dict[str, Any], Any]
) -> None:
    declared, literal, variables, expected = case
    for server in servers:
        answer = server.http.post(
            "/graphql", json={"query": CREATE % (declared, literal), "variables": variables}
        ).json()
        assert answer["data"]["createTicket"]["errors"] == []
        assert answer["data"]["createTicket"]["ticket"]["metadata"] == expected


COUNT = """
    query ($floor: Int, $priority: TicketPriority = HIGH, $id: ID!) { ...Found }
    fragment Found on Query {
      tickets(
        first: 1
        filter: {and: [{metadata: {contains: {floor: $floor, p: [$priority]}}}, {id: {eq: $id}}]}
      ) { totalCount }
    }
"""


def ask(server: Served, query: str, **variables: Any) -> dict[str, Any]:
    """Return the answer to a valid operation, with its cost."""
    body = {"query": query, "variables": variables}
    answer: dict[str, Any] = server.http.post(
        "/graphql", json=body, headers={"X-GraphQL-Cost": "1"}
    ).json()
    assert "errors" not in answer
    return answer


def test_a_filter_contains_variables_in_a_fragment(servers: tuple[Served, Served]) -> None:
    text = CREATE.replace("(%s)", "") % '{floor: 3, p: ["LOW", "HIGH"]}'
    ticket_id = ask(servers[0], text)["data"]["createTicket"]["ticket"]["id"]
    cases: list[tuple[dict[str, Any], int]] = [
        ({}, 1),
        ({"floor": 3}, 1),
        ({"floor": None}, 0),
        ({"floor": 4}, 0),
        ({"priority": "LOW"}, 1),
        ({"priority": "MEDIUM"}, 0),
    ]
    for server in servers:
        for variables, count in cases:
            answer = ask(server, COUNT, id=ticket_id, **variables)
            assert answer["data"]["tickets"]["totalCount"] == count
        # Each value in the JSON of a filter costs something.
        without, with_floor = (
            ask(server, COUNT, id=ticket_id, **variables)["extensions"]["cost"]["cost"]
            for variables, _ in cases[:2]
        )
        assert without < with_floor
