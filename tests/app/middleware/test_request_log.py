"""The log line of each request."""

import socket
import time

import httpx2

from tests.app.http.conftest import Serve
from tests.app.http.serving import Served
from tests.app.rest.rest_client import NEW, create

FIELDS = [
    *("time", "level", "message", "request_id", "method", "path", "operation_name"),
    *("operation_type", "status", "duration_ms", "error_codes", "caller"),
]


def test_a_request_writes_one_line(server: Served) -> None:
    response = server.http.get("/tickets")
    line = server.line_of(response)
    assert list(line) == FIELDS
    assert line["level"] == "info"
    assert line["method"] == "GET"
    assert line["path"] == "/tickets"
    assert line["status"] == 200
    assert line["error_codes"] == []
    assert line["caller"] is None
    assert 0 < line["duration_ms"] < 60_000


def test_the_line_has_the_error_codes(server: Served) -> None:
    line = server.line_of(server.http.get("/tickets/nobody"))
    assert (line["status"], line["error_codes"]) == (404, ["NOT_FOUND"])
    line = server.line_of(server.http.post("/tickets", json=NEW | {"subject": "", "status": "x"}))
    assert (line["status"], line["error_codes"]) == (422, ["INVALID", "REQUIRED"])
    line = server.line_of(server.http.patch("/tickets"))
    assert (line["status"], line["error_codes"]) == (405, ["METHOD_NOT_ALLOWED"])


def test_the_line_has_the_name_and_type_of_the_operation(server: Served) -> None:
    query = {"query": "query Newest { tickets(first: 1) { nodes { id } } }"}
    line = server.line_of(server.http.post("/graphql", json=query))
    assert (line["operation_name"], line["operation_type"]) == ("Newest", "query")
    assert line["error_codes"] == []
    query = {"query": "query Broken { tickets(first: 0) { nodes { id } } }"}
    line = server.line_of(server.http.post("/graphql", json=query))
    assert (line["operation_name"], line["operation_type"]) == ("Broken", "query")
    assert line["error_codes"] == ["BAD_USER_INPUT"]


def test_the_log_contains_no_personal_data_and_no_secrets(serve: Serve) -> None:
    credentials = {"OPS_TOKEN": "ops-s3cret", "JWT_SECRET": "jwt-s3cret" * 5}
    server = serve(LOG_LEVEL="debug", **credentials)
    secret = {
        "Authorization": "Bearer s3cret-token",
        "Cookie": "session=s3cret-cookie",
        "Idempotency-Key": "s3cret-key",
    }
    ticket = create(
        server.http,
        subject="Subject-of-the-customer",
        description="Description-of-the-customer",
        customer_name="Customer-Name",
        customer_email="customer.mail@example.com",
        customer_phone="0123-phone",
        metadata={"note": "Metadata-of-the-customer"},
    )
    path = f"/tickets/{ticket['id']}"
    server.http.get("/tickets", params={"q": "Customer-Name"}, headers=secret)
    server.http.get("/tickets", params={"password": "s3cret-parameter"})
    server.http.put(path, json={"customer_email": "customer.mail@"}, headers=secret)
    server.http.post("/tickets", json=NEW | {"id": ticket["id"], "customer_name": "Customer-Name"})
    server.http.post("/tickets", content=b'{"customer_name": "Customer-Name"', headers=secret)
    server.http.post(f"/api/ops/{ticket['id']}", headers=secret)
    server.http.get(f"/api/status/{ticket['id']}", headers=secret)
    variables = {"input": {"id": ticket["id"], "customerName": "Customer-Name"}}
    mutation = (
        "mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { id } } }"
    )
    server.http.post("/graphql", json={"query": mutation, "variables": variables}, headers=secret)
    response = server.http.get(
        "/graphql", params={"query": '{ ticket(id: "Customer-Name") { id } }'}
    )
    server.line_of(response)
    text = server.log_text()
    assert path in text
    for word in ("s3cret", "Customer", "customer.mail", "0123-phone", "of-the-customer", "q="):
        assert word not in text


def test_a_client_cannot_inject_lines(server: Served, serve: Serve) -> None:
    evil = "/tickets/%0A%7B%22level%22%3A%22error%22%7D%1b%5b31m"
    line = server.line_of(server.http.get(evil))
    assert line["path"] == evil
    pretty = serve(LOG_FORMAT="pretty")
    pretty.http.get(evil)
    pretty.wait_for_text(f"GET {evil} -> 404")


def test_a_long_path_is_truncated(server: Served) -> None:
    line = server.line_of(server.http.get("/" + "x" * 1_000))
    assert len(line["path"]) == 256


def test_the_pretty_format(serve: Serve) -> None:
    server = serve(LOG_FORMAT="pretty")
    response = server.http.get("/tickets/nobody")
    server.wait_for_text("GET /tickets/nobody -> 404 in ")
    text = server.log_text()
    assert "errors=NOT_FOUND" in text
    assert f"request_id={response.headers['X-Request-Id']}" in text
    # The log file is not a terminal, so there are no colours.
    assert "\x1b" not in text


def test_a_refused_request_is_a_warning(serve: Serve) -> None:
    server = serve(OPS_SIM_FAILURE_RATE="1", OPS_MAX_ATTEMPTS="1")
    response = server.http.post(f"/api/ops/{create(server.http)['id']}")
    assert response.status_code == 503
    assert server.line_of(response)["level"] == "warning"


def test_the_log_level_applies_to_requests(serve: Serve) -> None:
    server = serve(LOG_LEVEL="warning")
    server.http.get("/tickets")
    assert server.log_text() == ""


def test_a_disconnect_is_logged_and_does_not_affect_others(server: Served) -> None:
    address = httpx2.URL(server.url)
    with socket.create_connection((address.host, address.port or 80)) as connection:
        connection.sendall(
            b"POST /tickets HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: gone-1\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        time.sleep(0.2)
    server.wait_for_text('"request_id":"gone-1"')
    [line] = [event for event in server.log() if event.get("request_id") == "gone-1"]
    assert line["status"] is None
    assert line["error_codes"] == ["CLIENT_GONE"]
    assert server.http.get("/healthz").status_code == 200
