"""Request ids, headers, methods and CORS of every path."""

import httpx2
import pytest

from tests.app.http.conftest import Serve
from tests.app.rest.rest_client import create, problem

ANYWHERE = ["/healthz", "/readyz", "/tickets", "/tickets/nobody", "/nowhere", "/graphql"]


# ----------------------------------------------------------------------------- request ids


def test_each_response_has_a_unique_request_id(http: httpx2.Client) -> None:
    ids = {http.get(path).headers["X-Request-Id"] for path in ANYWHERE}
    assert len(ids) == len(ANYWHERE)


@pytest.mark.parametrize("id", ["a", "0190-trace.7:1/2=", "x" * 128])
def test_a_valid_request_id_of_the_client_is_used(http: httpx2.Client, id: str) -> None:
    assert http.get("/healthz", headers={"X-Request-Id": id}).headers["X-Request-Id"] == id


@pytest.mark.parametrize("id", ["", "a b", "x" * 129, "a\tb", "é", '"a"', "ada@example.com"])
def test_an_invalid_request_id_is_replaced(http: httpx2.Client, id: str) -> None:
    headers = {b"X-Request-Id": id.encode("latin-1")}
    answered = http.get("/healthz", headers=headers).headers["X-Request-Id"]
    assert answered != id
    assert len(answered) == 36


def test_a_change_records_the_request_id(http: httpx2.Client) -> None:
    ticket = create(http)
    sent = http.post(f"/api/ops/{ticket['id']}", headers={"X-Request-Id": "trace-1"}).json()
    assert sent["log_entry"]["request_id"] == "trace-1"


# --------------------------------------------------------------------------------- headers


@pytest.mark.parametrize("path", ANYWHERE)
def test_every_response_has_security_headers(http: httpx2.Client, path: str) -> None:
    headers = http.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers


def test_graphiql_has_its_own_content_security_policy(http: httpx2.Client) -> None:
    response = http.get("/graphql", headers={"Accept": "text/html"})
    assert response.headers.get_list("Content-Security-Policy") == [
        response.headers["Content-Security-Policy"]
    ]
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    assert len(response.headers.get_list("X-Content-Type-Options")) == 1


# --------------------------------------------------------------------------------- methods


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/tickets", "GET, HEAD, OPTIONS, POST"),
        ("/tickets/", "GET, HEAD, OPTIONS, POST"),
        ("/tickets/any", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("/api/ops/any", "OPTIONS, POST"),
        ("/api/status/any", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_resource_lists_its_methods_and_rejects_others(
    http: httpx2.Client, path: str, allowed: str
) -> None:
    response = http.options(path)
    assert response.status_code == 204
    assert response.headers["Allow"] == allowed
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "TRACE"} - set(allowed.split(", ")):
        refused = http.request(method, path)
        problem(refused, 405, "METHOD_NOT_ALLOWED")
        assert refused.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/graphql"])
def test_other_paths_reject_unsupported_methods(http: httpx2.Client, path: str) -> None:
    refused = http.delete(path)
    problem(refused, 405, "METHOD_NOT_ALLOWED")
    assert "GET" in refused.headers["Allow"].split(", ")


def test_head_is_get_without_the_body(http: httpx2.Client) -> None:
    for path in ("/tickets", f"/tickets/{create(http)['id']}", "/healthz"):
        got, head = http.get(path), http.head(path)
        assert head.status_code == 200
        assert head.content == b""
        assert head.headers["Content-Length"] == got.headers["Content-Length"]
        assert head.headers.get("ETag") == got.headers.get("ETag")
    assert http.head("/tickets/nobody").status_code == 404


@pytest.mark.parametrize("path", ["/", "/ticket", "/tickets/a/b", "/api", "/api/ops", "/api/ops/"])
def test_unknown_paths_are_404(http: httpx2.Client, path: str) -> None:
    problem(http.get(path), 404, "NOT_FOUND")


def test_a_trailing_slash_is_ignored(http: httpx2.Client) -> None:
    ticket = create(http)
    assert http.get("/tickets/", params={"q": "printer"}).json()
    assert http.get(f"/tickets/{ticket['id']}/").json() == ticket
    assert http.get("/%74ickets/").status_code == 200


# ---------------------------------------------------------------------------- other origins


def test_cross_origin_requests_with_an_effect_are_rejected(http: httpx2.Client) -> None:
    ticket = create(http)
    path = f"/tickets/{ticket['id']}"
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    problem(http.post("/tickets", json={}, headers=elsewhere), 403, "FORBIDDEN")
    problem(http.put(path, json={"subject": "x"}, headers=elsewhere), 403, "FORBIDDEN")
    problem(http.delete(path, headers=elsewhere), 403, "FORBIDDEN")
    problem(http.post(f"/api/ops/{ticket['id']}", headers=elsewhere), 403, "FORBIDDEN")
    # A status check writes a log entry, so that an <img> of another page must not cause it.
    image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    problem(http.get(f"/api/status/{ticket['id']}", headers=image), 403, "FORBIDDEN")
    assert http.get(path).json() == ticket


def test_only_configured_origins_receive_cors_headers(http: httpx2.Client, serve: Serve) -> None:
    origin = "https://desk.example"
    preflight_headers = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    closed = http.options("/tickets/any", headers=preflight_headers)
    assert "Access-Control-Allow-Origin" not in closed.headers
    opened = serve(CORS_ORIGINS=origin)
    preflight = opened.http.options("/tickets/any", headers=preflight_headers)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == origin
    assert preflight.headers["X-Request-Id"]
    there = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    missing = opened.http.delete("/tickets/nobody", headers=there)
    problem(missing, 404, "NOT_FOUND")
    # The page can also read errors.
    assert missing.headers["Access-Control-Allow-Origin"] == origin
    other = opened.http.delete(
        "/tickets/nobody", headers=there | {"Origin": "https://evil.example"}
    )
    problem(other, 403, "FORBIDDEN")
    assert "Access-Control-Allow-Origin" not in other.headers


# ----------------------------------------------------------------------------------- access


def test_required_authentication_rejects_requests_without_a_credential(serve: Serve) -> None:
    http = serve(AUTH="required").http
    for path in ("/tickets", "/tickets/any", "/api/status/any"):
        refused = http.get(path)
        problem(refused, 401, "UNAUTHENTICATED")
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    query = http.post("/graphql", json={"query": "{ __typename }"})
    assert query.status_code == 401
    assert "data" not in query.json()
    assert http.get("/healthz").status_code == http.get("/readyz").status_code == 200
