"""A field and a type that are added by the documentation alone work, in few files."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import orjson

from tests.app.service import Service, running
from tests.docs.markdown import ROOT, Page
from tests.docs.tree import PRODUCT, Tree, changed_copy
from tests.models.dump import schema_of

FIELD = Page(ROOT / "docs/contributing/add-a-field.md")
TYPE = Page(ROOT / "docs/contributing/add-a-type.md")
# The steps of the field page for types that its example does not have.
OTHER_TYPES = Page(ROOT / "tests/docs/other_types.md")
CUSTOMER = {
    "description": "D",
    "customerName": "C",
    "customerEmail": "c@example.com",
}


@contextmanager
def serving(tree: Tree, database_url: str) -> Iterator[Service]:
    """Run the server of a changed copy."""
    settings = {"DATABASE_URL": database_url, "OPS_SIM_LATENCY_MS": "0", **tree.settings}
    with running(cwd=tree.folder, **settings) as service:
        yield service


def ask(service: Service, document: str, **variables: Any) -> Any:
    answer = service.graphql(document, **variables)
    assert "errors" not in answer, answer
    return answer["data"]


def check_lint(tree: Tree) -> None:
    """Check that the code of a page is formatted and passes the linter."""
    for arguments in (("check", "--quiet"), ("format", "--check", "--quiet")):
        command = [sys.executable, "-m", "ruff", *arguments, "."]
        done = subprocess.run(command, cwd=tree.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def rows_of_the_table(page: Page) -> int:
    """Return the number of product files that the table of a page lists."""
    rows = tuple(f"| `{package}/" for package in PRODUCT)
    return sum(line.startswith(rows) for line in page.text.splitlines())


CREATE = """
    mutation ($input: CreateTicketInput!) {
      createTicket(input: $input) { ticket { id region } errors { message path } }
    }
"""
UPDATE = """
    mutation ($input: UpdateTicketInput!) {
      updateTicket(input: $input) { ticket { version region } errors { message path } }
    }
"""
HISTORY = """
    query ($id: ID!) {
      ticket(id: $id) { history { nodes { changes { field before after } } } }
    }
"""


async def test_a_field_is_added_in_at_most_six_product_files(
    tmp_path: Path, empty_database_url: str
) -> None:
    tree = changed_copy(tmp_path, empty_database_url, FIELD)
    changed = tree.changed_product_files()
    assert len(changed) == rows_of_the_table(FIELD) <= 6, sorted(changed)
    check_lint(tree)

    with serving(tree, empty_database_url) as service:
        ids = over_graphql(service)
        over_rest(service, ids)
    await sent_to_ops(empty_database_url, ids["north"])
    schema = await schema_of(empty_database_url)
    assert "CONSTRAINT tickets_region_check CHECK ((char_length(region) <= 100))" in schema
    assert "CREATE INDEX tickets_by_region ON public.tickets USING btree (region, id)" in schema


def test_the_steps_work_after_another_field_and_type_have_been_added(
    tmp_path: Path, empty_database_url: str
) -> None:
    tree = changed_copy(tmp_path, empty_database_url, OTHER_TYPES, TYPE, FIELD)
    check_lint(tree)
    with serving(tree, empty_database_url) as service:
        over_graphql(service)


def over_graphql(service: Service) -> dict[str, str]:
    """Write, filter, sort and audit the field; return the ids of two tickets by their region."""
    ids = {}
    for region in ("south", "north"):
        input_ = {"subject": region, "region": region, **CUSTOMER}
        created = ask(service, CREATE, input=input_)["createTicket"]
        assert created["errors"] == []
        assert created["ticket"]["region"] == region
        ids[region] = created["ticket"]["id"]
    default = ask(service, CREATE, input={"subject": "S", **CUSTOMER})["createTicket"]
    assert default["ticket"]["region"] == "global"
    too_long = ask(service, CREATE, input={"subject": "S", "region": "x" * 101, **CUSTOMER})
    assert too_long["createTicket"]["errors"][0]["path"] == ["input", "region"]

    moved = {"id": ids["south"], "region": "west"}
    updated = ask(service, UPDATE, input=moved)["updateTicket"]
    assert updated == {"ticket": {"version": 2, "region": "west"}, "errors": []}

    found = ask(service, '{ tickets(filter: {region: {eq: "west"}}) { nodes { id } } }')
    assert found["tickets"]["nodes"] == [{"id": ids["south"]}]
    regions: list[str] = []
    cursor = None
    for _ in range(3):
        page = ask(
            service,
            """
            query ($after: String) {
              tickets(orderBy: {field: REGION}, first: 1, after: $after) {
                edges { cursor node { region } }
              }
            }
            """,
            after=cursor,
        )["tickets"]
        [edge] = page["edges"]
        cursor = edge["cursor"]
        regions.append(edge["node"]["region"])
    assert regions == ["global", "north", "west"]

    events = ask(service, HISTORY, id=ids["south"])["ticket"]["history"]["nodes"]
    assert events[0]["changes"] == [{"field": "region", "before": "south", "after": "west"}]
    assert {"field": "region", "before": None, "after": "south"} in events[1]["changes"]
    send = "mutation ($id: ID!) { sendToOps(input: {ticketId: $id}) { delivery { state } } }"
    assert ask(service, send, id=ids["north"])["sendToOps"] == {"delivery": {"state": "DELIVERED"}}
    return ids


def over_rest(service: Service, ids: dict[str, str]) -> None:
    """Read, write and filter the field over REST."""
    with httpx2.Client(base_url=service.url) as http:
        assert http.get(f"/tickets/{ids['south']}").json()["region"] == "west"
        changed = http.put(f"/tickets/{ids['south']}", json={"region": "east"})
        assert (changed.status_code, changed.json()["region"]) == (200, "east")
        found = http.get("/tickets", params={"region": "east"}).json()
        assert [ticket["id"] for ticket in found] == [ids["south"]]
        refused = http.put(f"/tickets/{ids['south']}", json={"region": ""})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/region")


async def sent_to_ops(database_url: str, ticket_id: str) -> None:
    """Check that the payload of the delivery has the field."""
    connection = await asyncpg.connect(database_url)
    payload = await connection.fetchval(
        "SELECT payload FROM ops_deliveries WHERE ticket_id = $1", ticket_id
    )
    await connection.close()
    assert orjson.loads(payload)["region"] == "north"


ADD = """
    mutation ($input: AddTicketNoteInput!) {
      addTicketNote(input: $input) {
        note { id text author createdAt }
        errors { __typename code path }
      }
    }
"""
NOTES = """
    query ($id: ID!) {
      ticket(id: $id) {
        notes(first: 1) { totalCount edges { cursor node { text } } pageInfo { hasNextPage } }
      }
    }
"""


async def test_a_type_with_a_mutation_is_added_in_at_most_eight_product_files(
    tmp_path: Path, empty_database_url: str
) -> None:
    tree = changed_copy(tmp_path, empty_database_url, TYPE)
    changed = tree.changed_product_files()
    assert len(changed) == rows_of_the_table(TYPE) <= 8, sorted(changed)
    check_lint(tree)

    with serving(tree, empty_database_url) as service:
        create = CREATE.replace("region", "")
        ticket = ask(service, create, input={"subject": "S", **CUSTOMER})["createTicket"]["ticket"]
        notes = [
            ask(service, ADD, input={"ticketId": ticket["id"], "text": text})["addTicketNote"]
            for text in ("first", "second")
        ]
        assert [note["errors"] for note in notes] == [[], []]
        listed = ask(service, NOTES, id=ticket["id"])["ticket"]["notes"]
        assert listed["totalCount"] == 2
        assert listed["edges"][0]["node"] == {"text": "second"}
        assert listed["pageInfo"] == {"hasNextPage": True}
        node = "query ($id: ID!) { node(id: $id) { __typename ... on TicketNote { text } } }"
        first = ask(service, node, id=notes[0]["note"]["id"])["node"]
        assert first == {"__typename": "TicketNote", "text": "first"}

        for input_, error, path in (
            ({"ticketId": "none", "text": "T"}, ("NotFoundError", "NOT_FOUND"), "ticketId"),
            ({"ticketId": ticket["id"], "text": " "}, ("InvalidInputError", "REQUIRED"), "text"),
        ):
            refused = ask(service, ADD, input=input_)["addTicketNote"]
            assert refused["note"] is None
            [shown] = refused["errors"]
            assert (shown["__typename"], shown["code"]) == error
            assert shown["path"] == ["input", path]
        both = ask(service, ADD, input={"ticketId": "", "text": ""})["addTicketNote"]["errors"]
        assert [error["path"] for error in both] == [["input", "ticketId"], ["input", "text"]]

        delete = "mutation ($id: ID!) { deleteTicket(input: {id: $id}) { deletedId } }"
        ask(service, delete, id=ticket["id"])
        assert ask(service, node, id=notes[0]["note"]["id"]) == {"node": None}


def test_integer_and_boolean_fields_are_added_by_the_same_steps(
    tmp_path: Path, empty_database_url: str
) -> None:
    tree = changed_copy(tmp_path, empty_database_url, OTHER_TYPES)
    assert len(tree.changed_product_files()) <= 6
    check_lint(tree)

    with serving(tree, empty_database_url) as service:
        create = CREATE.replace("region", "rating escalated")
        tickets = [
            ask(service, create, input={"subject": "S", **CUSTOMER, **values})["createTicket"]
            for values in ({}, {"rating": 5, "escalated": True}, {"rating": 1, "escalated": False})
        ]
        assert [(one["ticket"]["rating"], one["ticket"]["escalated"]) for one in tickets] == [
            (3, None),
            (5, True),
            (1, False),
        ]
        [default, high, low] = [one["ticket"]["id"] for one in tickets]
        refused = ask(service, create, input={"subject": "S", "rating": 6, **CUSTOMER})
        assert refused["createTicket"]["errors"][0]["path"] == ["input", "rating"]

        update = UPDATE.replace("region", "rating escalated")
        changed = ask(service, update, input={"id": default, "rating": 4, "escalated": True})
        assert changed["updateTicket"]["ticket"] == {"version": 2, "rating": 4, "escalated": True}
        events = ask(service, HISTORY, id=default)["ticket"]["history"]["nodes"]
        assert events[0]["changes"] == [
            {"field": "rating", "before": 3, "after": 4},
            {"field": "escalated", "before": None, "after": True},
        ]

        for condition, expected in {
            "rating: {eq: 5}": {high},
            "rating: {neq: 5}": {default, low},
            "rating: {in: [1, 4]}": {default, low},
            "rating: {nin: [1, 4]}": {high},
            "rating: {gt: 1, lte: 4}": {default},
            "rating: {gte: 4}": {default, high},
            "rating: {lt: 4}": {low},
            "rating: {isNull: true}": set(),
            "escalated: {eq: true}": {default, high},
            "escalated: {neq: true}": {low},
            "escalated: {isNull: false}": {default, high, low},
        }.items():
            found = ask(service, f"{{ tickets(filter: {{{condition}}}) {{ nodes {{ id }} }} }}")
            assert {node["id"] for node in found["tickets"]["nodes"]} == expected, condition

        order = "orderBy: {field: RATING, direction: DESC}"
        page = "{ tickets(%s, first: 1 %s) { nodes { rating } pageInfo { endCursor } } }"
        ratings: list[int] = []
        after = ""
        for _ in range(3):
            listed = ask(service, page % (order, after))["tickets"]
            ratings += [node["rating"] for node in listed["nodes"]]
            after = f', after: "{listed["pageInfo"]["endCursor"]}"'
        assert ratings == [5, 4, 1]

        with httpx2.Client(base_url=service.url) as http:
            one = http.get(f"/tickets/{high}").json()
            assert (one["rating"], one["escalated"]) == (5, True)
            for query, ids in {"rating=5": [high], "escalated=false": [low]}.items():
                assert [ticket["id"] for ticket in http.get(f"/tickets?{query}").json()] == ids
            for query in ("rating=6", "rating=x", "escalated=maybe"):
                assert http.get(f"/tickets?{query}").status_code == 400
            for value in (6, "5", True, None):
                assert http.put(f"/tickets/{high}", json={"rating": value}).status_code == 422
            columns = http.get("/openapi.json").json()["components"]["schemas"]["Ticket"]
            assert columns["properties"]["rating"]["maximum"] == 5
