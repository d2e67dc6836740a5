"""GraphQL over HTTP: methods, media types, statuses and error codes."""

from typing import Any

import httpx2
import pytest

from models import Ticket
from tests.api.operations import NEW
from tests.conftest import GraphQL

QUERY = "{ viewer { name } }"
VIEWER = {"data": {"viewer": {"name": None}}}
JSON, GRAPHQL = "application/json", "application/graphql-response+json"


# ------------------------------------------------------------------------------ methods


async def test_a_query_is_accepted_by_post(http: httpx2.AsyncClient) -> None:
    response = await http.post("/graphql", json={"query": QUERY})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.headers["X-Request-Id"]
    assert response.json() == VIEWER


async def test_a_query_is_accepted_by_get_with_variables_and_operation_name(
    http: httpx2.AsyncClient,
) -> None:
    document = """
        query Other { viewer { scopes } }
        query Mine($id: ID!) { ticket(id: $id) { id } }
    """
    parameters = {"query": document, "operationName": "Mine", "variables": '{"id": "T-1"}'}
    response = await http.get("/graphql", params=parameters)
    assert response.status_code == 200
    assert response.json() == {"data": {"ticket": None}}


async def test_a_mutation_is_rejected_by_get(http: httpx2.AsyncClient) -> None:
    document = 'mutation { deleteTicket(input: {id: "T-1"}) { deletedId } }'
    response = await http.get("/graphql", params={"query": document})
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    [error] = response.json()["errors"]
    assert "POST" in error["message"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_other_methods_are_not_allowed(http: httpx2.AsyncClient, method: str) -> None:
    response = await http.request(method, "/graphql", json={"query": QUERY})
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) >= {"GET", "POST"}


async def test_a_subscription_over_plain_json_is_rejected(graphql: GraphQL) -> None:
    answer = await graphql("subscription { ticketEvents { id } }")
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "server-sent events" in error["message"]


# -------------------------------------------------------------------------- media types


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"],
)
async def test_a_json_body_in_utf_8_is_accepted(
    http: httpx2.AsyncClient, content_type: str
) -> None:
    body = b'{"query": "{ viewer { name } }"}'
    response = await http.post("/graphql", content=body, headers={"Content-Type": content_type})
    assert response.json() == VIEWER


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
    ],
)
async def test_another_media_type_of_the_body_is_415(
    http: httpx2.AsyncClient, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    body = b'{"query": "{ viewer { name } }"}'
    response = await http.post("/graphql", content=body, headers=headers)
    assert response.status_code == 415
    [error] = response.json()["errors"]
    assert "application/json" in error["message"]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0.8, {JSON};q=0.9", JSON),
        (f"text/html, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8", GRAPHQL),
        ("text/html, */*;q=0.1", JSON),
    ],
)
async def test_the_response_has_the_preferred_media_type(
    http: httpx2.AsyncClient, accept: str, media_type: str
) -> None:
    response = await http.post("/graphql", json={"query": QUERY}, headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == f"{media_type}; charset=utf-8"
    assert "Accept" in response.headers["Vary"]
    assert response.json() == VIEWER


@pytest.mark.parametrize("accept", ["image/png", "text/plain", f"{JSON};q=0"])
async def test_no_acceptable_media_type_is_406(http: httpx2.AsyncClient, accept: str) -> None:
    response = await http.post("/graphql", json={"query": QUERY}, headers={"Accept": accept})
    assert response.status_code == 406
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "NOT_ACCEPTABLE"}
    assert GRAPHQL in error["message"]


# ------------------------------------------------------------------- statuses and codes

REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a syntax error": ("{", {}, "GRAPHQL_PARSE_FAILED"),
    "an unknown field": ("{ colour }", {}, "GRAPHQL_VALIDATION_FAILED"),
    "a variable that is missing": (
        "query ($id: ID!) { ticket(id: $id) { id } }",
        {},
        "BAD_USER_INPUT",
    ),
    "a variable of the wrong type": (
        "query ($first: Int) { tickets(first: $first) { totalCount } }",
        {"first": "x"},
        "BAD_USER_INPUT",
    ),
    "too many tokens": ("{ " + "__typename " * 2000 + "}", {}, "QUERY_TOO_COMPLEX"),
}


@pytest.mark.parametrize(("document", "variables", "code"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize(("accept", "status"), [(JSON, 200), (GRAPHQL, 400)])
async def test_a_request_error_has_no_data(  # noqa: PLR0917  # a table
    http: httpx2.AsyncClient,
    accept: str,
    status: int,
    document: str,
    variables: dict[str, Any],
    code: str,
) -> None:
    body = {"query": document, "variables": variables}
    response = await http.post("/graphql", json=body, headers={"Accept": accept})
    assert response.status_code == status
    assert list(response.json()) == ["errors"]
    assert {error["extensions"]["code"] for error in response.json()["errors"]} == {code}


@pytest.mark.parametrize("accept", [JSON, GRAPHQL])
async def test_a_field_error_is_returned_with_the_data(
    http: httpx2.AsyncClient, accept: str
) -> None:
    document = '{ viewer { name } ticket(id: "") { id } }'
    response = await http.post("/graphql", json={"query": document}, headers={"Accept": accept})
    assert response.status_code == 200
    assert response.json() == {
        "data": {"viewer": {"name": None}, "ticket": None},
        "errors": [
            {
                "message": "id must not be empty.",
                "locations": [{"line": 1, "column": 19}],
                "path": ["ticket"],
                "extensions": {"code": "BAD_USER_INPUT", "argument": ["id"]},
            }
        ],
    }


@pytest.mark.parametrize("accept", [JSON, GRAPHQL])
async def test_an_error_in_a_non_null_field_nulls_its_parents(
    http: httpx2.AsyncClient, accept: str
) -> None:
    document = "{ viewer { name } tickets(first: 0) { totalCount } }"
    response = await http.post("/graphql", json={"query": document}, headers={"Accept": accept})
    assert response.status_code == 200
    answer = response.json()
    assert answer["data"] is None
    [error] = answer["errors"]
    assert error["path"] == ["tickets"]


ANONYMOUS = "{ viewer { name } }"
A_AND_B = "query A { viewer { name } } query B { __typename }"
MANY = " ".join(f"query Q{number} {{ __typename }}" for number in range(12))


@pytest.mark.parametrize(
    ("document", "name", "message"),
    [
        (
            ANONYMOUS,
            "A",
            (
                "The document has no operation named 'A': its operation has no name. Omit"
                " operationName."
            ),
        ),
        (
            "query A { __typename }",
            "B",
            "The document has no operation named 'B'. Set operationName to one of A.",
        ),
        (
            A_AND_B,
            "C",
            "The document has no operation named 'C'. Set operationName to one of A, B.",
        ),
        (
            A_AND_B,
            None,
            "The document has several operations. Set operationName to one of A, B.",
        ),
        (
            MANY,
            None,
            (
                "The document has several operations. Set operationName to one of Q0, Q1, Q2, Q3,"
                " Q4, Q5, Q6, Q7, Q8, Q9 and 2 more."
            ),
        ),
        (
            ANONYMOUS,
            "N" * 5_000,
            (
                f"The document has no operation named '{'N' * 100}': its operation has no name."
                " Omit operationName."
            ),
        ),
    ],
)
async def test_the_message_says_why_no_operation_is_selected(
    http: httpx2.AsyncClient, document: str, name: str | None, message: str
) -> None:
    body = {"query": document, "operationName": name}
    [error] = (await http.post("/graphql", json=body)).json()["errors"]
    assert error == {"message": message, "extensions": {"code": "BAD_USER_INPUT"}}


@pytest.mark.parametrize("name", [None, ""])
async def test_the_only_operation_needs_no_name(http: httpx2.AsyncClient, name: str | None) -> None:
    for document in (ANONYMOUS, "query A { viewer { name } }"):
        body = {"query": document, "operationName": name}
        assert "errors" not in (await http.post("/graphql", json=body)).json()


async def test_only_one_hash_of_a_document_is_accepted(http: httpx2.AsyncClient) -> None:
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    body = {"documentId": "1" * 64, "extensions": persisted}
    [error] = (await http.post("/graphql", json=body)).json()["errors"]
    assert error["message"] == "Send either documentId or extensions.persistedQuery, not both."


async def test_an_unknown_field_gets_a_suggestion(graphql: GraphQL) -> None:
    [error] = (await graphql("{ ticketz { totalCount } }"))["errors"]
    assert "'tickets'" in error["message"]


async def test_introspection_returns_the_schema(graphql: GraphQL) -> None:
    document = '{ __type(name: "TicketPriority") { enumValues { name description } } }'
    values = (await graphql(document))["data"]["__type"]["enumValues"]
    assert [value["name"] for value in values] == ["LOW", "MEDIUM", "HIGH"]
    assert all(value["description"] for value in values)


async def test_a_mutation_is_committed_before_its_response(http: httpx2.AsyncClient) -> None:
    document = """
        mutation ($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id } } }
    """
    body = {"query": document, "variables": {"input": NEW | {"id": "T-1"}}}
    response = await http.post("/graphql", json=body)
    assert response.json() == {"data": {"createTicket": {"ticket": {"id": "T-1"}}}}
    assert await Ticket.all().count() == 1
