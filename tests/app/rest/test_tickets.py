"""/tickets and /tickets/{id}: the former service's endpoints."""

from urllib.parse import quote
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from tests.app.rest.rest_client import NEW, create, problem

# The fields that the clients of the former service know, in their order; later ones follow.
FIELDS = [
    *("id", "subject", "description", "status", "created_at", "customer_name", "customer_email"),
    *("customer_phone", "assigned_to", "priority", "category", "metadata"),
    *("updated_at", "version", "ops_state"),
]


# ------------------------------------------------------------------------------ creating


def test_a_created_ticket_has_location_and_etag(http: httpx2.Client) -> None:
    response = http.post("/tickets", json=NEW)
    assert response.status_code == 201
    ticket = response.json()
    assert list(ticket)[: len(FIELDS)] == FIELDS
    assert NEW.items() <= ticket.items()
    assert ticket["status"] == "open"
    assert ticket["priority"] == "medium"
    assert ticket["category"] == "general"
    assert ticket["ops_state"] == "not_sent"
    assert ticket["version"] == 1
    assert response.headers["Location"] == f"/tickets/{ticket['id']}"
    assert response.headers["ETag"] == '"1"'
    assert http.get(response.headers["Location"]).json() == ticket


def test_every_writable_field_is_stored(http: httpx2.Client) -> None:
    fields = {
        "id": f"T-{uuid4()}",
        "status": "in_progress",
        "priority": "high",
        "category": "hardware",
        "customer_phone": "+44 20 7946 0000",
        "assigned_to": "grace",
        "metadata": {"floor": 3, "tags": ["hot", "♨"], "ratio": 0.5, "empty": None},
    }
    ticket = create(http, **fields)
    assert (NEW | fields).items() <= ticket.items()


def test_every_invalid_field_is_reported_at_once(http: httpx2.Client) -> None:
    fields = {
        "subject": "",
        "customer_email": "nobody",
        "status": "solved",
        "priority": 3,
        "category": "x" * 101,
        "metadata": None,
        "colour": "red",
        "a/b~c": 1,
    }
    document = problem(http.post("/tickets", json=fields), 422, "INVALID")
    wrong = {(error["pointer"], error["code"]) for error in document["errors"]}
    assert wrong == {
        ("#/subject", "REQUIRED"),
        ("#/description", "REQUIRED"),
        ("#/customer_name", "REQUIRED"),
        ("#/customer_email", "INVALID"),
        ("#/status", "INVALID"),
        ("#/priority", "INVALID"),
        ("#/category", "TOO_LONG"),
        ("#/colour", "INVALID"),
        ("#/a~1b~0c", "INVALID"),
    }
    assert all(error["detail"] for error in document["errors"])


def test_an_id_that_is_taken_is_a_conflict(http: httpx2.Client) -> None:
    ticket = create(http, id=f"T-{uuid4()}")
    response = http.post("/tickets", json=NEW | {"id": ticket["id"], "subject": "Another"})
    document = problem(response, 409, "ALREADY_EXISTS")
    assert document["errors"][0]["pointer"] == "#/id"
    assert http.get(f"/tickets/{ticket['id']}").json() == ticket


def test_one_idempotency_key_creates_one_ticket(http: httpx2.Client) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first = http.post("/tickets", json=NEW, headers=key)
    again = http.post("/tickets", json=NEW, headers=key)
    assert again.status_code == first.status_code == 201
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    quoted = http.post("/tickets", json=NEW, headers={k: f'"{v}"' for k, v in key.items()})
    assert quoted.json() == first.json()
    other = http.post("/tickets", json=NEW | {"subject": "Other"}, headers=key)
    document = problem(other, 422, "IDEMPOTENCY_KEY_REUSED")
    assert other.links["describedby"]["url"] == "/openapi.json"
    assert document["errors"][0]["header"] == "Idempotency-Key"


@pytest.mark.parametrize(
    "keys",
    [[""], ['""'], ["x" * 256], ["é"], ['"a'], ['"a" b'], ['"a\\b"'], ["a", "b"], ['"a"', '"a"']],
)
def test_an_invalid_idempotency_key_is_rejected(http: httpx2.Client, keys: list[str]) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1")) for key in keys]
    response = http.post("/tickets", json=NEW, headers=headers)
    document = problem(response, 400, "INVALID")
    assert document["errors"][0]["header"] == "Idempotency-Key"
    assert response.links["describedby"]["url"] == "/openapi.json"


def test_a_quoted_key_is_a_structured_string(http: httpx2.Client) -> None:
    key = str(uuid4())
    ids = {
        http.post("/tickets", json=NEW, headers={"Idempotency-Key": value}).json()["id"]
        for value in (f'{key}"\\', f'"{key}\\"\\\\"', f'"{key}\\"\\\\" ;a;b=1; c="x"')
    }
    assert len(ids) == 1


# ------------------------------------------------------------------- reading and deleting


def test_a_ticket_is_read_with_its_version_as_the_etag(http: httpx2.Client) -> None:
    ticket = create(http)
    response = http.get(f"/tickets/{ticket['id']}")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["ETag"] == '"1"'
    assert response.json() == ticket


@pytest.mark.parametrize(
    "id",
    [
        "a/b",
        "/",
        "a b",
        "...",
        ".a",
        "a.",
        "a;b",
        "%2e",
        "é",
        "e\u0301",
        "a/../b",
        "./",
        "ümläut",
        "100%",
        "a?b#c",
        "x" * 64,
        "🎫" * 64,
        "tail/",
        "%2F",
        "\t",
        '"',
    ],
)
def test_an_id_may_be_any_text(http: httpx2.Client, id: str) -> None:
    path = f"/tickets/{quote(id, safe='')}"
    http.delete(path)
    response = http.post("/tickets", json=NEW | {"id": id})
    assert response.status_code == 201
    assert response.headers["Location"] == path
    assert http.get(path).json()["id"] == id
    assert http.get(path + "/").json()["id"] == id
    assert http.put(path, json={"subject": "Changed"}).json()["subject"] == "Changed"
    assert http.post(f"/api/ops/{quote(id, safe='')}").status_code == 200
    assert http.get(f"/api/status/{quote(id, safe='')}").status_code == 200
    assert http.delete(path).status_code == 204


@pytest.mark.parametrize("id", [".", ".."])
async def test_an_id_that_urls_cannot_contain_is_rejected(
    http: httpx2.Client, database_url: str, id: str
) -> None:
    document = problem(http.post("/tickets", json=NEW | {"id": id}), 422, "INVALID")
    [error] = document["errors"]
    assert error["pointer"] == "#/id"
    assert 'must not be "." or ".."' in error["detail"]
    creation = (
        'mutation($id: ID!) { createTicket(input: {id: $id, subject: "a", description: "b",'
        ' customerName: "c", customerEmail: "d@e.example"}) { errors { code message } } }'
    )
    refused = http.post("/graphql", json={"query": creation, "variables": {"id": id}}).json()
    assert refused["data"]["createTicket"]["errors"] == [
        {"code": "INVALID", "message": error["detail"]}
    ]
    mutation = "mutation($id: ID!) { deleteTicket(input: {id: $id}) { deletedId } }"
    variables = {"id": id}
    # A ticket of the former service can have such an id.
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            "INSERT INTO tickets (id, subject, description, customer_name, customer_email)"
            " VALUES ($1, 'a', 'b', 'c', 'd@e.f')",
            id,
        )
    finally:
        await connection.close()
    query = {"query": "query($id: ID!) { ticket(id: $id) { id } }", "variables": variables}
    assert http.post("/graphql", json=query).json() == {"data": {"ticket": {"id": id}}}
    deleted = http.post("/graphql", json={"query": mutation, "variables": variables}).json()
    assert deleted["data"]["deleteTicket"]["deletedId"] == id


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("id", ["nobody", "x" * 65, "%00", "%ff", "%ed%a0%80", "a%2Fb", "%2F"])
def test_an_unknown_id_is_not_found(http: httpx2.Client, method: str, id: str) -> None:
    body = {"subject": "Changed"} if method == "PUT" else None
    problem(http.request(method, f"/tickets/{id}", json=body), 404, "NOT_FOUND")


def test_a_deleted_ticket_is_not_found(http: httpx2.Client) -> None:
    ticket = create(http)
    response = http.delete(f"/tickets/{ticket['id']}")
    assert response.status_code == 204
    assert response.content == b""
    problem(http.get(f"/tickets/{ticket['id']}"), 404, "NOT_FOUND")
    problem(http.delete(f"/tickets/{ticket['id']}"), 404, "NOT_FOUND")


# ------------------------------------------------------------------------------- changing


def test_only_the_given_fields_change(http: httpx2.Client) -> None:
    ticket = create(http, assigned_to="grace")
    response = http.put(f"/tickets/{ticket['id']}", json={"status": "RESOLVED"})
    assert response.status_code == 200
    assert response.headers["ETag"] == '"2"'
    changed = response.json()
    assert changed["status"] == "resolved"
    assert changed["version"] == 2
    assert changed["updated_at"] > ticket["updated_at"]
    same = FIELDS[:3] + FIELDS[4:12]
    assert {name: changed[name] for name in same} == {name: ticket[name] for name in same}


def test_null_clears_a_nullable_field(http: httpx2.Client) -> None:
    ticket = create(http, assigned_to="grace", metadata=[1])
    changed = http.put(f"/tickets/{ticket['id']}", json={"assigned_to": None, "metadata": None})
    assert changed.json()["assigned_to"] is None
    assert changed.json()["metadata"] is None
    refused = http.put(f"/tickets/{ticket['id']}", json={"subject": None})
    document = problem(refused, 422, "REQUIRED")
    assert document["errors"][0]["pointer"] == "#/subject"


def test_a_client_may_send_back_the_whole_ticket_it_has_read(http: httpx2.Client) -> None:
    ticket = create(http)
    http.post(f"/api/ops/{ticket['id']}")
    response = http.put(f"/tickets/{ticket['id']}", json=ticket | {"subject": "Changed"})
    assert response.status_code == 200
    changed = response.json()
    assert changed["subject"] == "Changed"
    assert changed["ops_state"] == "delivered"
    assert changed["created_at"] == ticket["created_at"]


def test_the_id_of_a_ticket_never_changes(http: httpx2.Client) -> None:
    ticket = create(http)
    response = http.put(f"/tickets/{ticket['id']}", json={"id": "another"})
    document = problem(response, 422, "INVALID")
    assert document["errors"][0]["pointer"] == "#/id"


def test_an_empty_change_changes_nothing(http: httpx2.Client) -> None:
    ticket = create(http)
    assert http.put(f"/tickets/{ticket['id']}", json={}).json() == ticket


def test_if_match_prevents_overwriting_an_unseen_version(http: httpx2.Client) -> None:
    ticket = create(http)
    path = f"/tickets/{ticket['id']}"
    seen = {"If-Match": '"1"'}
    assert http.put(path, json={"subject": "Mine"}, headers=seen).status_code == 200
    response = http.put(path, json={"subject": "Yours"}, headers=seen)
    document = problem(response, 412, "VERSION_CONFLICT")
    assert response.headers["ETag"] == '"2"'
    assert document["current"] == http.get(path).json()
    assert document["current"]["subject"] == "Mine"
    assert document["errors"][0]["header"] == "If-Match"
    problem(http.delete(path, headers=seen), 412, "VERSION_CONFLICT")
    assert http.put(path, json={"subject": "Yours"}, headers={"If-Match": "*"}).is_success
    assert http.delete(path, headers={"If-Match": '"2", "3"'}).status_code == 204


@pytest.mark.parametrize(
    "tag", ['W/"1"', '"abc"', '"0"', '"7", "8"', '"2147483648"', '"9999999999"']
)
def test_another_tag_does_not_match(http: httpx2.Client, tag: str) -> None:
    ticket = create(http)
    response = http.put(
        f"/tickets/{ticket['id']}", json={"subject": "Changed"}, headers={"If-Match": tag}
    )
    problem(response, 412, "VERSION_CONFLICT")


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_unreadable_precondition_is_a_bad_request(
    http: httpx2.Client, method: str, name: str
) -> None:
    path = f"/tickets/{create(http)['id']}"
    body: dict[str, str] | None = {} if method == "PUT" else None
    for value in ("1", "", '"1'):
        response = http.request(method, path, json=body, headers={name: value})
        assert problem(response, 400, "INVALID")["errors"][0]["header"] == name


@pytest.mark.parametrize(
    ("preconditions", "read", "changed"),
    [
        ([("If-None-Match", '"2"')], 304, 412),
        ([("If-None-Match", 'W/"2"')], 304, 412),
        ([("If-None-Match", "*")], 304, 412),
        ([("If-None-Match", '"1"'), ("If-None-Match", '"2"')], 304, 412),
        ([("If-None-Match", '"1", "3"')], 200, 200),
        ([("If-None-Match", '"foreign"')], 200, 200),
        ([("If-Match", '"2"')], 200, 200),
        ([("If-Match", "*")], 200, 200),
        ([("If-Match", '"1"'), ("If-Match", '"2"')], 200, 200),
        ([("If-Match", '"1"')], 412, 412),
        ([("If-Match", 'W/"2"')], 412, 412),
        ([("If-Match", '"1"'), ("If-Match", '"3"')], 412, 412),
        # If-Match is evaluated first (RFC 9110, section 13.2.2).
        ([("If-Match", '"1"'), ("If-None-Match", '"2"')], 412, 412),
        ([("If-Match", '"2"'), ("If-None-Match", '"2"')], 304, 412),
        ([("If-Match", '"2"'), ("If-None-Match", '"1"')], 200, 200),
        # Ignored, because responses have no Last-Modified.
        ([("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT")], 200, 200),
    ],
)
def test_preconditions_are_evaluated(
    http: httpx2.Client, preconditions: list[tuple[str, str]], read: int, changed: int
) -> None:
    path = f"/tickets/{create(http)['id']}"
    ticket = http.put(path, json={"status": "closed"}).json()
    for method in ("GET", "HEAD"):
        response = http.request(method, path, headers=preconditions)
        assert response.status_code == read
        assert response.headers["ETag"] == '"2"'
        assert bool(response.content) is (method == "GET" and read != 304)
    response = http.put(path, json={"status": "open"}, headers=preconditions)
    assert response.status_code == changed
    if changed == 412:
        document = problem(response, 412, "VERSION_CONFLICT")
        assert document["current"] == http.get(path).json() == ticket
        assert document["errors"][0]["header"] in dict(preconditions)
        assert response.headers["ETag"] == '"2"'
        problem(http.delete(path, headers=preconditions), 412, "VERSION_CONFLICT")
        assert http.get(path).status_code == 200
    else:
        path = f"/tickets/{create(http)['id']}"
        http.put(path, json={"status": "closed"})
        assert http.delete(path, headers=preconditions).status_code == 204


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_preconditions_of_a_missing_ticket_are_ignored(
    http: httpx2.Client, method: str, name: str
) -> None:
    body: dict[str, str] | None = {} if method == "PUT" else None
    for value in ("*", '"1"', '"1", "2"'):
        response = http.request(method, "/tickets/missing", json=body, headers={name: value})
        problem(response, 404, "NOT_FOUND")
