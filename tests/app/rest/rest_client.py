"""Requests and checks that the REST tests share."""

from typing import Any

import httpx2

NEW = {
    "subject": "Printer on fire",
    "description": "It started this morning.",
    "customer_name": "Ada Lovelace",
    "customer_email": "ada@example.com",
}


def create(http: httpx2.Client, **fields: Any) -> dict[str, Any]:
    response = http.post("/tickets", json=NEW | fields)
    assert response.status_code == 201, response.text
    ticket: dict[str, Any] = response.json()
    return ticket


def problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Check that a response is a problem document, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"] == "about:blank"
    assert document["title"]
    assert document["detail"]
    assert document["instance"] == response.request.url.raw_path.decode().partition("?")[0]
    assert document["request_id"] == response.headers["X-Request-Id"]
    return document
