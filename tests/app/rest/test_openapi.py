"""The OpenAPI document is valid, is served to everyone, and matches the routes and the models."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.rest.openapi.document import openapi_document
from app.rest.routes import REST_ROUTES
from models import Ticket
from resolvers.errors import ErrorCode
from tests.app.http.conftest import Serve
from tests.app.rest.conformance import check_conformance
from tests.app.rest.rest_client import NEW, create, problem

DOCUMENT = openapi_document()
OPERATIONS = {
    operation["operationId"]: operation
    for item in DOCUMENT["paths"].values()
    for operation in item.values()
    if "operationId" in operation
}


def references(value: Any) -> Iterator[str]:
    """Yield every reference inside a value."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def codes_of(operation: dict[str, Any], status: str) -> list[str]:
    """Return the problem codes that an operation documents for a status."""
    response = operation["responses"][status]
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = response["content"]["application/problem+json"]["schema"]
    codes: list[str] = schema["allOf"][1]["properties"]["code"]["enum"]
    return codes


def test_the_document_is_valid_openapi() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_every_route_is_documented_with_its_scope() -> None:
    routes = {
        (resource.template, method.lower(), operation.id, operation.scopes)
        for resource in REST_ROUTES
        for method, operation in resource.operations.items()
    }
    documented = {
        (path, method, operation["operationId"], frozenset(operation["security"][0]["bearer"]))
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if "operationId" in operation
    }
    assert documented == routes


def test_every_component_is_used() -> None:
    used = set(references(DOCUMENT))
    components = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "headers", "parameters", "responses")
        for name in DOCUMENT["components"][kind]
    }
    # No operation has this response; it is the one to other methods.
    assert components - used == {"#/components/responses/MethodNotAllowed"}


def test_every_code_is_described_and_used_by_an_operation() -> None:
    used = {
        code
        for operation in OPERATIONS.values()
        for status in operation["responses"]
        if int(status) >= 400
        for code in codes_of(operation, status)
    }
    assert used | {"METHOD_NOT_ALLOWED"} == DOCUMENT["x-problem-codes"].keys()
    assert {code.name for code in ErrorCode} <= used
    assert all(DOCUMENT["x-problem-codes"].values())


def test_a_ticket_has_the_columns_of_the_model() -> None:
    properties = DOCUMENT["components"]["schemas"]["Ticket"]["properties"]
    assert properties.keys() == Ticket._meta.fields
    assert all(schema.get("description") for schema in properties.values())
    assert properties["subject"]["maxLength"] == 500
    assert properties["priority"]["enum"] == ["low", "medium", "high"]
    assert properties["assigned_to"]["type"] == ["string", "null"]


def test_the_required_fields_are_those_that_the_server_requires(http: httpx2.Client) -> None:
    document = problem(http.post("/tickets", json={}), 422, "REQUIRED")
    pointers = {error["pointer"].removeprefix("#/") for error in document["errors"]}
    assert pointers == set(DOCUMENT["components"]["schemas"]["NewTicket"]["required"])


def test_the_limits_are_those_of_the_server(http: httpx2.Client) -> None:
    for name, schema in DOCUMENT["components"]["schemas"]["NewTicket"]["properties"].items():
        if "maxLength" in schema and "format" not in schema:
            longest = "x" * schema["maxLength"]
            if name != "id":
                assert create(http, **{name: longest})[name] == longest
            response = http.post("/tickets", json=NEW | {name: longest + "x"})
            problem(response, 422, "TOO_LONG")
        if schema.get("minLength") == 1:
            problem(http.post("/tickets", json=NEW | {name: ""}), 422, "REQUIRED")


def test_descriptions_have_the_names_of_rest() -> None:
    text = orjson.dumps(DOCUMENT["components"]["schemas"]).decode()
    assert re.findall(r"`[a-z]+[A-Z]\w*`", text) == []
    assert re.findall(r"\b[A-Z]+_[A-Z]+\b", text) == []


def test_the_document_is_served_without_a_credential_and_cached(serve: Serve) -> None:
    http = serve(AUTH="required").http
    response = http.get("/openapi.json")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "public, max-age=3600"
    assert response.json() == DOCUMENT
    etag = response.headers["ETag"]
    again = http.get("/openapi.json", headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert http.get("/openapi.json", headers={"If-None-Match": '"other"'}).status_code == 200
    assert http.head("/openapi.json").headers["ETag"] == etag
    assert http.post("/openapi.json").status_code == 405


def test_options_has_the_allowed_methods(http: httpx2.Client) -> None:
    response = http.options("/tickets/none")
    assert response.status_code == 204
    assert response.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"
    refused = http.patch("/tickets/none")
    problem(refused, 405, "METHOD_NOT_ALLOWED")
    assert refused.headers["Allow"] == response.headers["Allow"]


TICKET = dict.fromkeys(DOCUMENT["components"]["schemas"]["Ticket"]["properties"], "x")


@pytest.mark.parametrize(
    ("status", "content", "headers"),
    [
        (299, {}, {}),
        (200, TICKET, {"ETag": '"1"'}),
        (200, {}, {"ETag": '"1"'}),
        (204, None, {}),
        (404, {"type": "about:blank", "title": "t", "status": 404, "code": "OTHER"}, {}),
        (404, {"type": "about:blank", "title": "t", "status": 404, "code": "NOT_FOUND"}, {"A": ""}),
    ],
)
def test_a_response_that_is_not_documented_fails_the_test_that_received_it(
    status: int, content: dict[str, Any] | None, headers: dict[str, str]
) -> None:
    """The clients of all REST tests check each response in this way."""
    media_type = "application/json" if status < 400 else "application/problem+json"
    response = httpx2.Response(
        status,
        content=b"" if content is None else orjson.dumps(content),
        headers={"Content-Type": media_type, **headers},
        request=httpx2.Request("GET", "http://127.0.0.1/tickets/a"),
    )
    with pytest.raises(AssertionError):
        check_conformance(response)
