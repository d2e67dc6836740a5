"""GET, HEAD and OPTIONS of /graphql: what a page from elsewhere may have a browser send."""

from typing import Any

import httpx2
import pytest

from tests.app.http.asking import create
from tests.app.http.conftest import Serve

STATUS = "query ($id: ID!) { opsStatus(ticketId: $id) { status errors { code } } }"
LOG = "{ logEntries(filter: {action: [QUERY]}) { totalCount } }"

CROSS_SITE = [
    pytest.param({"Sec-Fetch-Site": "cross-site"}, id="an image"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, id="a sister domain"),
    pytest.param({"Origin": "https://evil.example"}, id="an old browser"),
    pytest.param({"Origin": "null"}, id="a sandboxed frame"),
]


def inquiries(http: httpx2.Client) -> int:
    answer = http.get("/graphql", params={"query": LOG}).json()
    count: int = answer["data"]["logEntries"]["totalCount"]
    return count


def ask_status(http: httpx2.Client, id: str, method: str = "GET", **given: Any) -> httpx2.Response:
    parameters = {"query": STATUS, "variables": f'{{"id": "{id}"}}'}
    return http.request(method, "/graphql", params=parameters, **given)


@pytest.fixture
def sent(http: httpx2.Client) -> str:
    """Return the id of a ticket that OPS has."""
    ticket_id: str = create(http)["id"]
    assert http.post(f"/api/ops/{ticket_id}").status_code < 300
    return ticket_id


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", CROSS_SITE)
def test_a_page_from_elsewhere_cannot_have_ops_asked(
    http: httpx2.Client, sent: str, method: str, headers: dict[str, str]
) -> None:
    before = inquiries(http)
    refused = ask_status(http, sent, method, headers=headers)
    assert refused.status_code == 403
    if method == "GET":
        [error] = refused.json()["errors"]
        assert error["extensions"]["code"] == "FORBIDDEN"
        assert "data" not in refused.json()
    assert inquiries(http) == before


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no browser"),
        pytest.param({"Sec-Fetch-Site": "same-origin"}, id="our own page"),
        pytest.param({"Sec-Fetch-Site": "none"}, id="typed by a person"),
    ],
)
def test_who_comes_from_here_may_ask_ops_by_get(
    http: httpx2.Client, sent: str, headers: dict[str, str]
) -> None:
    before = inquiries(http)
    answer = ask_status(http, sent, headers=headers).json()
    assert answer["data"]["opsStatus"]["errors"] == []
    assert inquiries(http) == before + 1


def test_what_has_no_effect_is_answered_wherever_it_is_asked_from(http: httpx2.Client) -> None:
    """Without CORS headers, the page that asked cannot read it."""
    answered = http.get(
        "/graphql", params={"query": LOG}, headers={"Origin": "https://evil.example"}
    )
    assert answered.status_code == 200
    assert "Access-Control-Allow-Origin" not in answered.headers


def test_only_the_operation_that_is_to_run_counts(http: httpx2.Client, sent: str) -> None:
    document = f"query Log {LOG} query Status {{ opsStatus(ticketId: {sent!r}) {{ status }} }}"
    parameters = {"query": document.replace("'", '"'), "operationName": "Log"}
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert http.get("/graphql", params=parameters, headers=headers).status_code == 200
    parameters["operationName"] = "Status"
    assert http.get("/graphql", params=parameters, headers=headers).status_code == 403


def test_a_fragment_hides_no_effect(http: httpx2.Client, sent: str) -> None:
    document = (
        "query { ...A } fragment A on Query { ...B }"
        f' fragment B on Query {{ ... {{ s: opsStatus(ticketId: "{sent}") {{ status }} }} }}'
    )
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert http.get("/graphql", params={"query": document}, headers=headers).status_code == 403


def test_a_mutation_is_never_run_by_get(http: httpx2.Client) -> None:
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
def test_a_form_can_post_nothing(http: httpx2.Client, content_type: str | None) -> None:
    """What a page may send without asking first is never JSON."""
    headers = {"Content-Type": content_type} if content_type else {}
    refused = http.post("/graphql", content=b'{"query": "{ __typename }"}', headers=headers)
    assert refused.status_code == 415
    [error] = refused.json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_head_answers_as_get_without_the_body(http: httpx2.Client) -> None:
    parameters = {"query": "{ __typename }"}
    got = http.get("/graphql", params=parameters)
    headed = http.head("/graphql", params=parameters)
    assert headed.status_code == 200
    assert headed.content == b""
    for name in ("Content-Type", "Content-Length", "Vary"):
        assert headed.headers[name] == got.headers[name]


def test_options_tells_the_methods(http: httpx2.Client) -> None:
    told = http.options("/graphql")
    assert told.status_code == 204
    assert told.headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    refused = http.put("/graphql", json={})
    assert refused.status_code == 405
    assert set(refused.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


PREFLIGHT = {
    "Origin": "https://desk.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-graphql-cost",
}


def test_a_browser_is_told_nothing_of_other_origins_by_default(http: httpx2.Client) -> None:
    asked = http.options("/graphql", headers=PREFLIGHT)
    assert not [name for name in asked.headers if name.startswith("access-control-")]


def test_an_origin_that_is_named_may_send_and_read(serve: Serve) -> None:
    http = serve(CORS_ORIGINS="https://desk.example").http
    asked = http.options("/graphql", headers=PREFLIGHT)
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == "https://desk.example"
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
