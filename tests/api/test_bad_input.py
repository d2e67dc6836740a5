"""Invalid input gets a typed error and changes nothing.

An error names the argument and says what is allowed. Errors of fields are data (`errors` of a
payload); errors of the request are top-level errors with a code.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from engine.database.queries import fetch
from tests.api.bad_input import (
    BODIES,
    CHANGED_FIELDS,
    CREATE,
    DOCUMENTS,
    FIELDS,
    MIB,
    NEW_FIELDS,
    NUL,
    REQUESTS,
    UPDATE,
    Bad,
    Case,
    page,
)
from tests.api.operations import NEW, Ask, create
from tests.conftest import TABLES, GraphQL


async def everything() -> dict[str, list[Any]]:
    """Return all rows of all tables."""
    return {
        table: [tuple(row) for row in await fetch(f"SELECT * FROM {table} ORDER BY id", [])]
        for table in TABLES.split(", ")
    }


@pytest.fixture(autouse=True)
async def _nothing_changes(ask: Ask) -> AsyncIterator[None]:
    await create(ask, id="T-1", metadata={"a": 1})
    before = await everything()
    yield
    assert await everything() == before


# ------------------------------------------------------- errors in the payload of a mutation


def named(cases: list[Case]) -> list[Any]:
    """Return the cases with readable names."""
    return [pytest.param(*case, id=f"{case[0]}={ascii(case[1])[:30]}") for case in cases]


@pytest.mark.parametrize(("field", "value", "code", "allowed"), named(FIELDS + NEW_FIELDS))
async def test_create_with_an_invalid_field_creates_no_ticket(
    ask: Ask, field: str, value: object, code: str, allowed: str
) -> None:
    payload = (await ask(CREATE, input=NEW | {field: value}))["createTicket"]
    _expect(payload, field, code, allowed)


@pytest.mark.parametrize(("field", "value", "code", "allowed"), named(FIELDS + CHANGED_FIELDS))
async def test_update_with_an_invalid_field_changes_nothing(
    ask: Ask, field: str, value: object, code: str, allowed: str
) -> None:
    # The valid change beside it must not be made either.
    change = {"id": "T-1", "priority": "HIGH"} | {field: value}
    payload = (await ask(UPDATE, input=change))["updateTicket"]
    _expect(payload, field, code, allowed)


def _expect(payload: dict[str, Any], field: str, code: str, allowed: str) -> None:
    assert payload["ticket"] is None
    [error] = payload["errors"]
    assert (error["code"], error["path"]) == (code, ["input", field])
    assert allowed in error["message"]
    assert len(error["message"]) < 200


@pytest.mark.parametrize(
    ("fields", "argument"),
    [
        ({"metadata": {}, "metadataPatch": {}}, "metadataPatch"),
        ({"metadata": None, "metadataPatch": {"a": None}}, "metadataPatch"),
    ],
)
async def test_metadata_and_metadata_patch_exclude_each_other(
    ask: Ask, fields: dict[str, Any], argument: str
) -> None:
    payload = (await ask(UPDATE, input={"id": "T-1"} | fields))["updateTicket"]
    _expect(payload, argument, "INVALID", "not both")


@pytest.mark.parametrize("value", ["", "x" * 65, NUL, "nobody"])
@pytest.mark.parametrize(
    ("mutation", "argument"),
    [
        ("deleteTicket", "id"),
        ("sendToOps", "ticketId"),
        ("retryDelivery", "deliveryId"),
        ("cancelDelivery", "deliveryId"),
    ],
)
async def test_an_invalid_id_is_rejected(
    ask: Ask, mutation: str, argument: str, value: str
) -> None:
    input_type = mutation[0].upper() + mutation[1:] + "Input"
    document = f"""
        mutation ($input: {input_type}!) {{
          {mutation}(input: $input) {{ errors {{ code path message }} }}
        }}
    """
    [error] = (await ask(document, input={argument: value}))[mutation]["errors"]
    codes = {"": "REQUIRED", NUL: "INVALID", "nobody": "NOT_FOUND"}
    assert error["code"] == codes.get(value, "TOO_LONG")
    assert error["path"] == ["input", argument]


@pytest.mark.parametrize("value", ["", "x" * 65, NUL, "nobody", "T-1"])
async def test_ops_status_rejects_an_invalid_id(ask: Ask, value: str) -> None:
    document = """
        query ($id: ID!) {
          opsStatus(ticketId: $id) { logEntry { id } errors { code path message } }
        }
    """
    payload = (await ask(document, id=value))["opsStatus"]
    [error] = payload["errors"]
    codes = {"": "REQUIRED", NUL: "INVALID", "nobody": "NOT_FOUND", "T-1": "NOT_SENT"}
    assert error["code"] == codes.get(value, "TOO_LONG")
    assert error["path"] == ["ticketId"]
    assert payload["logEntry"] is None


# --------------------------------------------------------- errors of the request


@pytest.mark.parametrize("bad", REQUESTS.values(), ids=REQUESTS)
async def test_invalid_variables_are_rejected(graphql: GraphQL, bad: Bad) -> None:
    answer = await graphql(bad.document, **dict(bad.variables))
    [error] = answer["errors"]
    assert error["extensions"]["code"] == bad.code
    named = error["extensions"].get("argument") or error["message"]
    assert bad.argument in named
    assert bad.allowed in error["message"]


@pytest.mark.parametrize(("document", "code", "expected"), DOCUMENTS.values(), ids=DOCUMENTS)
async def test_an_invalid_document_is_rejected(
    graphql: GraphQL, document: str, code: str, expected: str
) -> None:
    answer = await graphql(document)
    assert "data" not in answer
    [error] = answer["errors"]
    assert error["extensions"]["code"] == code
    assert expected in error["message"]


@pytest.mark.parametrize(
    ("literal", "allowed"),
    [
        ("9" * 310, "beyond the range of 64-bit floats"),
        ("1e999", "beyond the range of 64-bit floats"),
        ("1e-20000", "16,383 after the decimal point"),
        ('{a: ["\\u0000"]}', "NUL"),
        ("[" * 65 + "]" * 65, "64 levels"),
    ],
)
async def test_metadata_in_the_document_is_checked_like_a_variable(
    ask: Ask, literal: str, allowed: str
) -> None:
    document = f"""
        mutation {{
          updateTicket(input: {{id: "T-1", metadata: {literal}}}) {{
            ticket {{ id }} errors {{ code path message }}
          }}
        }}
    """
    payload = (await ask(document))["updateTicket"]
    _expect(payload, "metadata", "INVALID", allowed)


# ------------------------------------------------------------------ unreadable bodies


@pytest.mark.parametrize(("body", "status", "expected"), BODIES.values(), ids=BODIES)
async def test_an_unreadable_body_is_rejected(
    http: httpx2.AsyncClient, body: bytes, status: int, expected: str
) -> None:
    headers = {"Content-Type": "application/json"}
    response = await http.post("/graphql", content=body, headers=headers)
    assert response.status_code == status
    answer = response.json()
    assert "data" not in answer
    [error] = answer["errors"]
    assert error["extensions"] == {
        "code": "PAYLOAD_TOO_LARGE" if status == 413 else "BAD_USER_INPUT"
    }
    assert expected in error["message"]


async def test_a_body_of_exactly_1_mib_is_accepted(http: httpx2.AsyncClient) -> None:
    start, end = b'{"query": "{ viewer { name } }", "padding": "', b'"}'
    body = start + b"x" * (MIB - len(start) - len(end)) + end
    headers = {"Content-Type": "application/json"}
    response = await http.post("/graphql", content=body, headers=headers)
    assert response.json() == {"data": {"viewer": {"name": None}}}


async def test_a_cursor_of_another_list_or_order_is_rejected(ask: Ask, graphql: GraphQL) -> None:
    foreign = """
        {
          byTime: tickets(orderBy: {field: CREATED_AT}) { pageInfo { endCursor } }
          bySubject: tickets(orderBy: {field: SUBJECT, direction: DESC}) { pageInfo { endCursor } }
          ticket(id: "T-1") { history { pageInfo { endCursor } } }
        }
    """
    answer = await ask(foreign)
    pages = [answer["byTime"], answer["bySubject"], answer["ticket"]["history"]]
    for cursor in [one["pageInfo"]["endCursor"] for one in pages]:
        document, _ = page()
        [error] = (await graphql(document, after=cursor))["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["after"]}
        assert "another" in error["message"]


# ------------------------------------------------------------------ words of the interpreter


@pytest.mark.parametrize(
    ("declared", "field", "value", "message"),
    [
        (
            "Int",
            "tickets(first: $v) { totalCount }",
            "[null, true]",
            (
                "Variable '$v' has invalid value: Int cannot represent non-integer value:"
                " [null, true]"
            ),
        ),
        (
            "Int!",
            "tickets(first: $v) { totalCount }",
            "null",
            (
                "Variable '$v' has invalid value: Expected value of non-null type 'Int!' not to be"
                " null."
            ),
        ),
        (
            "String",
            "tickets(after: $v) { totalCount }",
            '{"None": "True", "a": null}',
            (
                "Variable '$v' has invalid value: String cannot represent a non string value:"
                " {'None': 'True', 'a': null}"
            ),
        ),
        (
            "Int",
            "tickets(first: $v) { totalCount }",
            "100000000000000000000",
            (
                "Variable '$v' has invalid value: Int cannot represent non 32-bit signed integer"
                " value: 100000000000000000000"
            ),
        ),
        (
            "Int",
            "tickets(first: $v) { totalCount }",
            "1e400",
            "Variable '$v' has invalid value: Int cannot represent non-integer value: 1e400",
        ),
        (
            "ID!",
            "ticket(id: $v) { id }",
            "1.50",
            "Variable '$v' has invalid value: ID cannot represent value: 1.50",
        ),
    ],
)
async def test_values_in_messages_are_written_as_in_json(
    http: httpx2.AsyncClient, declared: str, field: str, value: str, message: str
) -> None:
    query = json.dumps(f"query ($v: {declared}) {{ {field} }}")
    body = f'{{"query": {query}, "variables": {{"v": {value}}}}}'
    headers = {"Content-Type": "application/json"}
    [error] = (await http.post("/graphql", content=body, headers=headers)).json()["errors"]
    assert error["message"] == message


@pytest.mark.parametrize("declared", ["Int", "ID", "String", "Boolean", "DateTime", "TicketStatus"])
async def test_an_integer_longer_than_python_converts_is_rejected_in_plain_words(
    http: httpx2.AsyncClient, declared: str
) -> None:
    fields = {
        "Int": "tickets(first: $v) { totalCount }",
        "ID": "tickets(filter: {id: {eq: $v}}) { totalCount }",
        "String": "tickets(after: $v) { totalCount }",
        "Boolean": "tickets(filter: {subject: {isNull: $v}}) { totalCount }",
        "DateTime": "tickets(filter: {createdAt: {eq: $v}}) { totalCount }",
        "TicketStatus": "tickets(filter: {status: {eq: $v}}) { totalCount }",
    }
    digits = "9" * 4_301
    query = json.dumps(f"query ($v: {declared}) {{ {fields[declared]} }}")
    for body in (
        f'{{"query": {query}, "variables": {{"v": {digits}}}}}',
        f'{{"query": {query}, "variables": {{"v": [[{digits}]]}}}}',
    ):
        headers = {"Content-Type": "application/json"}
        answer = (await http.post("/graphql", content=body, headers=headers)).json()
        for error in answer.get("errors", ()):
            assert error["extensions"]["code"] == "BAD_USER_INPUT"
            assert "limit" not in error["message"]
            assert "sys" not in error["message"]
        # An ID can be an integer of any length, as a text.
        assert "errors" in answer or declared == "ID"
