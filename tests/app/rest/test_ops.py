"""/api/ops/{id} and /api/status/{id}: send a ticket to OPS, and get its status."""

from uuid import uuid4

import httpx2

from tests.app.http.conftest import Serve
from tests.app.rest.rest_client import create, problem


def test_a_ticket_that_ops_accepts_is_200(http: httpx2.Client) -> None:
    ticket = create(http)
    response = http.post(f"/api/ops/{ticket['id']}")
    assert response.status_code == 200
    answer = response.json()
    assert answer["ticket_id"] == ticket["id"]
    assert answer["ops_state"] == "delivered"
    assert answer["delivery"]["state"] == "delivered"
    assert answer["delivery"]["attempts"] == 1
    assert answer["delivery"]["reference"]
    assert answer["log_entry"]["action"] == "send"
    assert answer["log_entry"]["status"] == "success"
    assert answer["log_entry"]["request_id"] == response.headers["X-Request-Id"]
    assert answer["log_entry"]["delivery_id"] == answer["delivery"]["id"]
    assert http.get(f"/tickets/{ticket['id']}").json()["ops_state"] == "delivered"


def test_an_empty_object_is_accepted_as_the_body(http: httpx2.Client) -> None:
    path = f"/api/ops/{create(http)['id']}"
    assert http.post(path, json={}).status_code == 200
    problem(http.post(path, json={"colour": "red"}), 422, "INVALID")
    problem(http.post(path, content="a=b"), 415, "UNSUPPORTED_MEDIA_TYPE")


def test_the_status_of_a_sent_ticket_comes_from_ops(http: httpx2.Client) -> None:
    ticket = create(http)
    sent = http.post(f"/api/ops/{ticket['id']}").json()
    response = http.get(f"/api/status/{ticket['id']}")
    assert response.status_code == 200
    answer = response.json()
    assert answer["ticket_id"] == ticket["id"]
    assert answer["status"] == "received"
    assert answer["reference"] == sent["delivery"]["reference"]
    assert answer["checked_at"] == answer["log_entry"]["timestamp"]
    assert answer["log_entry"]["action"] == "query"


def test_a_ticket_that_was_never_sent_has_no_status(http: httpx2.Client) -> None:
    document = problem(http.get(f"/api/status/{create(http)['id']}"), 409, "NOT_SENT")
    assert document["retryable"] is False


def test_an_unknown_ticket_is_not_found(http: httpx2.Client) -> None:
    problem(http.post("/api/ops/nobody"), 404, "NOT_FOUND")
    problem(http.get("/api/status/nobody"), 404, "NOT_FOUND")


def test_one_idempotency_key_creates_one_delivery(http: httpx2.Client) -> None:
    path = f"/api/ops/{create(http)['id']}"
    key = {"Idempotency-Key": str(uuid4())}
    first = http.post(path, headers=key)
    again = http.post(path, headers=key)
    assert again.status_code == 200
    assert again.json()["delivery"] == first.json()["delivery"]
    other = http.post(f"/api/ops/{create(http)['id']}", headers=key)
    problem(other, 422, "IDEMPOTENCY_KEY_REUSED")


def test_while_ops_is_unavailable_the_delivery_is_pending_with_the_problem(serve: Serve) -> None:
    http = serve(OPS_SIM_FAILURE_RATE="1").http
    ticket = create(http)
    response = http.post(f"/api/ops/{ticket['id']}")
    assert response.status_code == 202
    assert int(response.headers["Retry-After"]) >= 1
    answer = response.json()
    assert answer["ops_state"] == "pending"
    assert answer["delivery"]["state"] == "pending"
    assert answer["problem"]["code"] == "OPS_UNAVAILABLE"
    assert answer["problem"]["retryable"] is True
    assert answer["log_entry"]["status"] == "failed"
    # A second request returns the pending delivery, without a further attempt.
    again = http.post(f"/api/ops/{ticket['id']}")
    assert again.status_code == 202
    assert again.json()["delivery"]["id"] == answer["delivery"]["id"]
    document = problem(http.get(f"/api/status/{ticket['id']}"), 409, "NOT_SENT")
    assert document["retryable"] is True


def test_a_delivery_without_attempts_left_is_503(serve: Serve) -> None:
    http = serve(OPS_SIM_FAILURE_RATE="1", OPS_MAX_ATTEMPTS="1").http
    path = f"/api/ops/{create(http)['id']}"
    key = {"Idempotency-Key": str(uuid4())}
    response = http.post(path, headers=key)
    document = problem(response, 503, "OPS_UNAVAILABLE")
    assert response.headers["Retry-After"]
    assert document["retryable"] is False
    assert document["delivery"]["state"] == "failed"
    assert document["log_entry"]["status"] == "failed"
    document = problem(http.post(path, headers=key), 409, "INVALID_STATE")
    assert document["delivery"]["state"] == "failed"


def test_a_rejection_of_ops_is_422(serve: Serve) -> None:
    http = serve(OPS_SIM_REJECT_RATE="1").http
    response = http.post(f"/api/ops/{create(http)['id']}")
    document = problem(response, 422, "OPS_REJECTED")
    assert document["ops_state"] == "failed"
    assert document["log_entry"]["response"]


def test_a_failed_status_check_is_503(http: httpx2.Client, serve: Serve) -> None:
    ticket = create(http)
    http.post(f"/api/ops/{ticket['id']}")
    response = serve(OPS_SIM_FAILURE_RATE="1").http.get(f"/api/status/{ticket['id']}")
    document = problem(response, 503, "OPS_UNAVAILABLE")
    assert response.headers["Retry-After"]
    assert document["log_entry"]["action"] == "query"
    assert document["log_entry"]["status"] == "failed"
