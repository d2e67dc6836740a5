"""Everything that is answered can be sent back, over REST and GraphQL, and changes nothing."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.database.queries import fetch
from tests.api.operations import Ask

JSON_BODY = {"Content-Type": "application/json"}
# Written by another program: the columns accept more than the API does.
INSERT = """
    INSERT INTO tickets (
        id, subject, description, customer_name, customer_email, customer_phone, assigned_to,
        category, metadata
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::jsonb)
"""
VALID: Mapping[str, Any] = {
    "id": "T-1",
    "subject": "Printer on fire",
    "description": "It burns.",
    "customer_name": "Ann",
    "customer_email": "ann@example.com",
    "customer_phone": "+1 555 0100",
    "assigned_to": "carol",
    "category": "hardware",
    "metadata": '{"a": 1}',
}
GRAPHQL_NAMES = {
    "subject": "subject",
    "description": "description",
    "status": "status",
    "priority": "priority",
    "category": "category",
    "customer_name": "customerName",
    "customer_email": "customerEmail",
    "customer_phone": "customerPhone",
    "assigned_to": "assignedTo",
    "metadata": "metadata",
}
FIELDS = " ".join(GRAPHQL_NAMES.values())
GET = f"query ($id: ID!) {{ ticket(id: $id) {{ id {FIELDS} }} }}"
UPDATE = f"""
    mutation ($input: UpdateTicketInput!) {{
      updateTicket(input: $input) {{
        ticket {{ id version {FIELDS} }}
        errors {{ code path message }}
      }}
    }}
"""


def json_object(**members: str) -> str:
    """Return the text of an object whose members are JSON texts."""
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members.items()) + "}"


async def insert(**columns: Any) -> None:
    """Insert a ticket as another program does; ``metadata`` is JSON text."""
    await fetch(INSERT, list((dict(VALID) | columns).values()))


async def put(http: httpx2.AsyncClient, content: Any, **headers: str) -> httpx2.Response:
    """Send a body, as text or as an object, to the ticket T-1."""
    text = content if isinstance(content, str) else json.dumps(content)
    return await http.put("/tickets/T-1", content=text.encode(), headers=JSON_BODY | {**headers})


async def post_graphql(http: httpx2.AsyncClient, query: str, variables: str) -> dict[str, Any]:
    """Execute an operation whose variables are JSON text, and return the text of the answer."""
    body = json_object(query=json.dumps(query), variables=variables)
    response = await http.post("/graphql", content=body.encode(), headers=JSON_BODY)
    answer: dict[str, Any] = response.json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


DEEP = "[" * 100 + "]" * 100
# Values that the columns can store and the API would reject today.
INVALID_TODAY = {
    "an empty subject": {"subject": ""},
    "a blank subject": {"subject": " \n"},
    "texts that are not in NFC": {"subject": "A\u0308", "category": "\uf900"},
    "an empty email address, and text that is not in NFC": {
        "customer_email": "",
        "category": "\uf900",
    },
    "an empty name": {"customer_name": ""},
    "an empty email address": {"customer_email": ""},
    "no email address": {"customer_email": "not an address"},
    "an empty phone number": {"customer_phone": ""},
    "an empty assignee": {"assigned_to": ""},
    "an empty category": {"category": ""},
    "deep metadata": {"metadata": DEEP},
    "a number beyond floats": {"metadata": '{"n": 1e400, "m": -1e4000}'},
    "several": {"subject": "", "customer_email": "", "assigned_to": "", "metadata": DEEP},
}


@pytest.mark.parametrize("columns", INVALID_TODAY.values(), ids=INVALID_TODAY)
async def test_a_put_checks_only_what_changes(
    http: httpx2.AsyncClient, columns: dict[str, str]
) -> None:
    await insert(**columns)
    answered = (await http.get("/tickets/T-1")).text
    unchanged = await put(http, answered)
    assert (unchanged.status_code, unchanged.text) == (200, answered)
    closed = await put(http, answered.replace('"status":"open"', '"status":"closed"'))
    assert closed.status_code == 200
    assert closed.headers["ETag"] == '"2"'
    [event] = await fetch("SELECT changes FROM ticket_events WHERE type = 'updated'", [])
    assert [change["field"] for change in json.loads(event["changes"])] == ["status"]
    assert (await http.get("/tickets/T-1")).text == closed.text


@pytest.mark.parametrize("columns", INVALID_TODAY.values(), ids=INVALID_TODAY)
async def test_update_ticket_checks_only_what_changes(
    http: httpx2.AsyncClient, columns: dict[str, str]
) -> None:
    await insert(**columns)
    body = json.dumps({"query": GET, "variables": {"id": "T-1"}})
    answered = (await http.post("/graphql", content=body, headers=JSON_BODY)).text
    ticket = answered.removeprefix('{"data":{"ticket":').removesuffix("}}")
    updated = (await post_graphql(http, UPDATE, json_object(input=ticket)))["updateTicket"]
    assert updated["errors"] == []
    assert updated["ticket"]["version"] == 1
    closed = ticket.replace('"status":"OPEN"', '"status":"CLOSED"')
    updated = (await post_graphql(http, UPDATE, json_object(input=closed)))["updateTicket"]
    assert updated["errors"] == []
    assert (updated["ticket"]["version"], updated["ticket"]["status"]) == (2, "CLOSED")


async def test_a_change_is_checked_beside_invalid_fields_that_do_not_change(
    http: httpx2.AsyncClient,
) -> None:
    await insert(customer_email="", assigned_to="")
    before = (await http.get("/tickets/T-1")).json()
    refused = await put(http, before | {"assigned_to": " ", "status": "closed"})
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == ["#/assigned_to"]
    refused = await put(http, before | {"customer_email": "still no address"})
    assert refused.status_code == 422
    refused = await put(http, before | {"unknown": 1})
    assert {error["pointer"] for error in refused.json()["errors"]} == {
        "#/customer_email",
        "#/assigned_to",
        "#/unknown",
    }
    assert (await http.get("/tickets/T-1")).json() == before
    corrected = await put(http, before | {"customer_email": "ann@example.com"})
    assert corrected.json()["customer_email"] == "ann@example.com"
    # The address that was corrected is checked again.
    assert (await put(http, before)).status_code == 422


async def test_preconditions_hold_for_a_ticket_with_invalid_fields(
    http: httpx2.AsyncClient,
) -> None:
    await insert(customer_email="")
    before = (await http.get("/tickets/T-1")).json()
    conflict = await put(http, before | {"status": "closed"}, **{"If-Match": '"7"'})
    assert conflict.status_code == 412
    assert conflict.json()["current"] == before
    done = await put(http, before | {"status": "closed"}, **{"If-Match": '"1"'})
    assert done.status_code == 200
    missing = await http.put("/tickets/T-2", json={"customer_email": "", "status": "closed"})
    assert missing.status_code == 422


async def test_concurrent_updates_of_a_ticket_with_invalid_fields_are_all_made(
    http: httpx2.AsyncClient,
) -> None:
    await insert(customer_email="")
    bodies = [{"customer_email": "", "subject": f"S{number}"} for number in range(8)]
    responses = await asyncio.gather(*(put(http, body) for body in bodies))
    assert {response.status_code for response in responses} == {200}
    assert sorted(response.json()["version"] for response in responses) == list(range(2, 10))


async def test_a_json_null_is_no_change(http: httpx2.AsyncClient) -> None:
    await insert(metadata="null")
    answered = (await http.get("/tickets/T-1")).text
    assert '"metadata":null' in answered
    assert (await put(http, answered)).text == answered


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
numbers = st.from_regex(
    r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?", fullmatch=True
)
json_texts = st.recursive(
    st.sampled_from(["null", "true", "false", "1e400", "1.10", "100000000000000000000"])
    | numbers
    | texts.map(json.dumps),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.dictionaries(texts.map(json.dumps), inner, max_size=3).map(
            lambda members: (
                "{" + ",".join(f"{name}: {item}" for name, item in members.items()) + "}"
            )
        )
    ),
    max_leaves=8,
)
rows = st.fixed_dictionaries(
    {
        "subject": texts,
        "description": texts,
        "customer_name": texts,
        "customer_email": texts,
        "customer_phone": st.none() | texts,
        "assigned_to": st.none() | texts,
        "category": texts,
        "metadata": st.none() | json_texts,
    }
)
FILTER = "query ($f: TicketFilter) { tickets(filter: $f) { totalCount edges { cursor } } }"
AFTER = "query ($c: String) { tickets(first: 1, before: $c) { nodes { id } } }"


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(row=rows)
async def test_whatever_is_answered_can_be_sent_back(
    http: httpx2.AsyncClient, ask: Ask, row: dict[str, Any]
) -> None:
    await fetch("DELETE FROM tickets", [])
    await insert(**row)
    answered = (await http.get("/tickets/T-1")).text
    response = await put(http, answered)
    assert (response.status_code, response.text) == (200, answered)

    body = json.dumps({"query": GET, "variables": {"id": "T-1"}})
    text = (await http.post("/graphql", content=body, headers=JSON_BODY)).text
    ticket = text.removeprefix('{"data":{"ticket":').removesuffix("}}")
    updated = (await post_graphql(http, UPDATE, json_object(input=ticket)))["updateTicket"]
    assert updated["errors"] == []
    assert updated["ticket"]["version"] == 1

    # The metadata as text, because the client would read its numbers as floats.
    metadata = ticket.partition('"metadata":')[2].removesuffix("}")
    contains = json_object(contains=metadata) if metadata != "null" else '{"isNull": true}'
    read = (await http.get("/tickets/T-1")).json()
    conditions = {
        "metadata": contains,
        "subject": json.dumps({"eq": read["subject"]}),
        "customerEmail": json.dumps({"in": [read["customer_email"]]}),
        "createdAt": json.dumps({"eq": read["created_at"]}),
        "updatedAt": json.dumps({"gte": read["updated_at"], "lte": read["updated_at"]}),
    }
    variables = json_object(f=json_object(**conditions))
    found = (await post_graphql(http, FILTER, variables))["tickets"]
    assert found["totalCount"] == 1
    [edge] = found["edges"]
    assert await ask(AFTER, c=edge["cursor"]) == {"tickets": {"nodes": []}}


HISTORY = '{ ticket(id: "T-1") { history { nodes { changes { field before after } } } } }'


@pytest.mark.parametrize("history", [HISTORY, HISTORY.replace("history", "all: history", 1)])
async def test_the_history_keeps_all_digits(http: httpx2.AsyncClient, history: str) -> None:
    await insert()
    for metadata in ('{"n": 1e20}', '{"n": 1.50}', "1234567890.12345678901234567890"):
        response = await put(http, json_object(metadata=metadata))
        assert response.status_code == 200
    text = (await http.post("/graphql", json={"query": history})).text
    for change in (
        '"before":{"a":1},"after":{"n":100000000000000000000}',
        '"before":{"n":100000000000000000000},"after":{"n":1.50}',
        '"before":{"n":1.50},"after":1234567890.12345678901234567890',
    ):
        assert change in text.replace(": ", ":")
