"""GET, HEAD and OPTIONS of /graphql, which a browser sends for pages of other origins."""

from typing import Any

import httpx2
import pytest

from tests.app.http.conftest import Serve
from tests.app.rest.rest_client import create

STATUS = "query ($id: ID!) { opsStatus(ticketId: $id) { status errors { code } } }"
LOG = "{ logEntries(filter: {action: [QUERY]}) { totalCount } }"

CROSS_SITE = [
    pytest.param({"Sec-Fetch-Site": "cross-site"}, id="an image"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, id="a sister domain"),
    pytest.param({"Origin": "https://evil.example"}, id="an old browser"),
    pytest.param({"Origin": "null"}, id="a sandboxed frame"),
]


def status_checks(http: httpx2.Client) -> int:
    answer = http.get("/graphql", params={"query": LOG}).json()
    count: int = answer["data"]["logEntries"]["totalCount"]
    return count


def ask_status(
    http: httpx2.Client, id: str, method: str = "GET", **options: Any
) -> httpx2.Response:
    parameters = {"query": STATUS, "variables": f'{{"id": "{id}"}}'}
    return http.request(method, "/graphql", params=parameters, **options)


@pytest.fixture
def sent(http: httpx2.Client) -> str:
    """Return the id of a ticket that was delivered to OPS."""
    ticket_id: str = create(http)["id"]
    assert http.post(f"/api/ops/{ticket_id}").status_code < 300
    return ticket_id


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", CROSS_SITE)
def test_a_page_of_another_origin_cannot_cause_a_status_check(
    http: httpx2.Client, sent: str, method: str, headers: dict[str, str]
) -> None:
    before = status_checks(http)
    refused = ask_status(http, sent, method, headers=headers)
    assert refused.status_code == 403
    if method == "GET":
        [error] = refused.json()["errors"]
        assert error["extensions"]["code"] == "FORBIDDEN"
        assert "data" not in refused.json()
    assert status_checks(http) == before


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no browser"),
        pytest.param({"Sec-Fetch-Site": "same-origin"}, id="our own page"),
        pytest.param({"Sec-Fetch-Site": "none"}, id="typed by a person"),
    ],
)
def test_a_page_of_this_origin_can_check_the_status_by_get(
    http: httpx2.Client, sent: str, headers: dict[str, str]
) -> None:
    before = status_checks(http)
    answer = ask_status(http, sent, headers=headers).json()
    assert answer["data"]["opsStatus"]["errors"] == []
    assert status_checks(http) == before + 1


def test_a_query_without_effect_is_allowed_from_every_origin(http: httpx2.Client) -> None:
    """The page cannot read the response without CORS headers."""
    answered = http.get(
        "/graphql", params={"query": LOG}, headers={"Origin": "https://evil.example"}
    )
    assert answered.status_code == 200
    assert "Access-Control-Allow-Origin" not in answered.headers


def test_only_the_selected_operation_is_checked(http: httpx2.Client, sent: str) -> None:
    document = f"query Log {LOG} query Status {{ opsStatus(ticketId: {sent!r}) {{ status }} }}"
    parameters = {"query": document.replace("'", '"'), "operationName": "Log"}
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert http.get("/graphql", params=parameters, headers=headers).status_code == 200
    parameters["operationName"] = "Status"
    assert http.get("/graphql", params=parameters, headers=headers).status_code == 403


def test_effects_inside_fragments_are_found(http: httpx2.Client, sent: str) -> None:
    document = (
        "query { ...A } fragment A on Query { ...B }"
        f' fragment B on Query {{ ... {{ s: opsStatus(ticketId: "{sent}") {{ status }} }} }}'
    )
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert http.get("/graphql", params={"query": document}, headers=headers).status_code == 403


def test_a_mutation_by_get_is_rejected(http: httpx2.Client) -> None:
    document = 'mutation { deleteTicket(input: {id: "none"}) { deletedId } }'
    for method in ("GET", "HEAD"):
        refused = http.request(method, "/graphql", params={"query": document})
        assert refused.status_code == 405
        assert refused.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
    ],
)
def test_content_types_of_forms_are_rejected(http: httpx2.Client, content_type: str | None) -> None:
    """Without a CORS preflight a page can send only other types than JSON."""
    headers = {"Content-Type": content_type} if content_type else {}
    refused = http.post("/graphql", content=b'{"query": "{ __typename }"}', headers=headers)
    assert refused.status_code == 415
    [error] = refused.json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_head_is_get_without_the_body(http: httpx2.Client) -> None:
    parameters = {"query": "{ __typename }"}
    got = http.get("/graphql", params=parameters)
    headed = http.head("/graphql", params=parameters)
    assert headed.status_code == 200
    assert headed.content == b""
    for name in ("Content-Type", "Content-Length", "Vary"):
        assert headed.headers[name] == got.headers[name]


def test_options_lists_the_methods(http: httpx2.Client) -> None:
    response = http.options("/graphql")
    assert response.status_code == 204
    assert response.headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    refused = http.put("/graphql", json={})
    assert refused.status_code == 405
    assert set(refused.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


PREFLIGHT = {
    "Origin": "https://desk.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-graphql-cost",
}


def test_there_are_no_cors_headers_by_default(http: httpx2.Client) -> None:
    response = http.options("/graphql", headers=PREFLIGHT)
    assert not [name for name in response.headers if name.startswith("access-control-")]


def test_a_configured_origin_can_send_and_read(serve: Serve) -> None:
    http = serve(CORS_ORIGINS="https://desk.example").http
    response = http.options("/graphql", headers=PREFLIGHT)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "https://desk.example"
    answered = http.post(
        "/graphql",
        json={"query": "{ __typename }"},
        headers={"Origin": "https://desk.example", "Sec-Fetch-Site": "cross-site"},
    )
    assert answered.headers["Access-Control-Allow-Origin"] == "https://desk.example"
    assert {"Accept", "Origin"} <= set(answered.headers["Vary"].split(", "))
    ticket_id = create(http)["id"]
    named = {"Origin": "https://desk.example", "Sec-Fetch-Site": "cross-site"}
    assert "data" in ask_status(http, ticket_id, headers=named).json()
    stranger = http.options("/graphql", headers=PREFLIGHT | {"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in stranger.headers
