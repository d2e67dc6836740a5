"""Every root field of the schema with every combination of scopes."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations
from typing import TypeAlias

import asyncpg
import httpx2
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputType,
    GraphQLObjectType,
    get_named_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from schema.access import SCOPES, required_scopes
from schema.build import graphql_schema
from tests.app.http.serving import Served, served
from tests.app.http.test_authentication import AUDIENCE, ISSUER, OTHER_SECRET, SECRET, signed
from tests.app.rest.rest_client import NEW
from tests.conftest import TABLES

Rows: TypeAlias = Callable[[], Awaitable[list[int]]]

SCHEMA = graphql_schema()
NEEDS = required_scopes(SCHEMA)
ROOTS = {"Query": "query", "Mutation": "mutation", "Subscription": "subscription"}
FIELDS = [(root, name) for root in ROOTS for name in SCHEMA.type_map[root].fields]  # type: ignore[attr-defined]  # an object type
REST = [
    ("GET", "/tickets", {"read"}),
    ("HEAD", "/tickets", {"read"}),
    ("POST", "/tickets", {"write", "read"}),
    ("GET", "/tickets/none", {"read"}),
    ("HEAD", "/tickets/none", {"read"}),
    ("PUT", "/tickets/none", {"write", "read"}),
    ("DELETE", "/tickets/none", {"write"}),
    ("POST", "/api/ops/none", {"ops", "read"}),
    ("GET", "/api/status/none", {"ops", "read"}),
    ("HEAD", "/api/status/none", {"ops", "read"}),
]
# Every set of scopes.
CALLERS = [
    *chain.from_iterable(combinations(sorted(SCOPES), size) for size in range(len(SCOPES) + 1))
]


def literal(input_type: GraphQLInputType) -> str:
    """Return a minimal literal of a type."""
    if is_non_null_type(input_type):
        return literal(input_type.of_type)
    if is_list_type(input_type):
        return "[]"
    named = get_named_type(input_type)
    if is_input_object_type(named):
        fields = (
            f"{name}: {literal(field.type)}"
            for name, field in named.fields.items()
            if is_required_input_field(field)
        )
        return f"{{{', '.join(fields)}}}"
    if isinstance(named, GraphQLEnumType):
        return str(next(iter(named.values)))
    return (
        "1" if named.name in {"Int", "Float"} else "true" if named.name == "Boolean" else '"none"'
    )


def document(root: str, name: str) -> str:
    """Return a minimal operation with a root field."""
    parent = SCHEMA.type_map[root]
    assert isinstance(parent, GraphQLObjectType)
    field = parent.fields[name]
    arguments = [
        f"{a}: {literal(arg.type)}" for a, arg in field.args.items() if is_required_argument(arg)
    ]
    argument_list = f"({', '.join(arguments)})" if arguments else ""
    return f"{ROOTS[root]} {{ {name}{argument_list} {{ __typename }} }}"


@pytest.fixture(scope="module")
def closed(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run a server that requires authentication."""
    log_file = tmp_path_factory.mktemp("log") / "server.log"
    environ = {"AUTH": "required", "JWT_SECRET": SECRET}
    environ |= {"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE}
    with served(log_file, database_url, **environ) as running:
        yield running


@pytest.fixture
async def rows(database_url: str) -> AsyncIterator[Rows]:
    """Return a function that counts the rows of all tables."""
    connection = await asyncpg.connect(database_url)

    async def written() -> list[int]:
        counts = [f"(SELECT count(*) FROM {table})" for table in TABLES.split(", ")]
        row = await connection.fetchrow(f"SELECT {', '.join(counts)}")
        assert row is not None
        return list(row)

    yield written
    await connection.close()


def execute(served: Served, text: str, token: str | None, *, accept: str) -> tuple[int, str]:
    """Return status and text of a response; for an endless stream only the status."""
    headers = {"Accept": accept}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    with served.http.stream("POST", "/graphql", json={"query": text}, headers=headers) as response:
        if response.status_code == 200 and "event-stream" in response.headers["Content-Type"]:
            return 200, ""
        response.read()
        return response.status_code, response.text


JSON = "application/graphql-response+json"
EVENTS = "text/event-stream"


@pytest.mark.parametrize(("root", "name"), FIELDS)
async def test_a_root_field_requires_its_scope(
    closed: Served, rows: Rows, root: str, name: str
) -> None:
    needed = NEEDS[f"{root}.{name}"]
    accept = EVENTS if root == "Subscription" else JSON
    before = await rows()
    allowed = []
    for scopes in CALLERS:
        if needed is None or needed in scopes:
            allowed.append(scopes)
            continue
        token = signed(scope=" ".join(scopes))
        status, text = execute(closed, document(root, name), token, accept=accept)
        assert status == 403, (scopes, text)
        assert '"code":"FORBIDDEN"' in text
        assert '"data"' not in text
    assert await rows() == before
    assert allowed
    for scopes in allowed:
        token = signed(scope=" ".join(scopes))
        status, text = execute(closed, document(root, name), token, accept=accept)
        assert status == 200, (scopes, text)
        assert "FORBIDDEN" not in text


def invalid_credentials() -> dict[str, str | None]:
    scope = " ".join(SCOPES)
    past = datetime.now(UTC) - timedelta(minutes=5)
    return {
        "none": None,
        "a word": "x",
        "expired": signed(scope=scope, exp=past),
        "a foreign issuer": signed(scope=scope, iss="https://other.example"),
        "a foreign audience": signed(scope=scope, aud="other"),
        "another key": signed(OTHER_SECRET, scope=scope),
        "alg none": signed(None, "none", scope=scope),
        "truncated": signed(scope=scope)[:-5],
        "an unknown token": "ticketops_" + "x" * 43,
    }


@pytest.mark.parametrize("credential", invalid_credentials().values(), ids=invalid_credentials())
def test_an_invalid_credential_allows_nothing(closed: Served, credential: str | None) -> None:
    for root, name in FIELDS:
        for accept in (JSON, EVENTS, "application/json"):
            status, text = execute(closed, document(root, name), credential, accept=accept)
            assert status == 401
            assert '"code":"UNAUTHENTICATED"' in text
            assert name not in text
    headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
    for method, path, _ in REST:
        response = closed.http.request(method, path, headers=headers)
        assert response.status_code == 401
        assert method == "HEAD" or response.json()["code"] == "UNAUTHENTICATED"
    for text in ("{ __schema { types { name } } }", "{ nonsense }", "{"):
        answer: httpx2.Response = closed.http.get(
            "/graphql", params={"query": text}, headers=headers
        )
        assert answer.status_code == 401
        assert "nonsense" not in answer.text
    # Authentication precedes reading the body.
    for body in (b"{", b"x" * 2_000_000):
        answer = closed.http.post("/graphql", content=body, headers=headers)
        assert answer.status_code == 401
    assert close_code(closed, credential) == 4401


@pytest.mark.parametrize(("method", "path", "needed"), REST)
def test_a_rest_resource_requires_its_scope(
    closed: Served, method: str, path: str, needed: set[str]
) -> None:
    for scopes in CALLERS:
        headers = {"Authorization": f"Bearer {signed(scope=' '.join(scopes))}"}
        response = closed.http.request(method, path, headers=headers)
        assert (response.status_code == 403) == (not needed.issubset(scopes))
        if response.status_code == 403:
            challenge = response.headers["WWW-Authenticate"]
            assert challenge.endswith(f'scope="{" ".join(sorted(needed))}"')


def bearer(scopes: Iterable[str]) -> dict[str, str]:
    """Return the header of a caller with these scopes."""
    return {"Authorization": f"Bearer {signed(scope=' '.join(scopes))}"}


def new_secret(served: Served) -> str:
    """Create a ticket as a caller with every scope, and return its id."""
    response = served.http.post(
        "/tickets", json=NEW | {"subject": "Secret"}, headers=bearer(SCOPES)
    )
    assert response.status_code == 201
    ticket_id: str = response.json()["id"]
    return ticket_id


# Requests on an existing ticket, whose id replaces ID, with every status of the operation.
ANSWERS = [
    ("GET", "/tickets", None, {}, 200),
    ("POST", "/tickets", NEW, {}, 201),
    ("POST", "/tickets", NEW | {"id": "ID"}, {}, 409),
    ("POST", "/tickets", {}, {}, 422),
    ("POST", "/tickets", NEW, {"Idempotency-Key": "secret"}, 201),
    ("POST", "/tickets", NEW | {"subject": "Other"}, {"Idempotency-Key": "secret"}, 422),
    ("GET", "/tickets/ID", None, {}, 200),
    ("HEAD", "/tickets/ID", None, {}, 200),
    ("GET", "/tickets/ID", None, {"If-None-Match": '"1"'}, 304),
    ("GET", "/tickets/ID", None, {"If-None-Match": '"99"'}, 200),
    ("GET", "/tickets/ID", None, {"If-Match": '"99"'}, 412),
    ("GET", "/tickets/none", None, {}, 404),
    ("PUT", "/tickets/ID", {}, {}, 200),
    ("PUT", "/tickets/ID", {"subject": "Secret too"}, {}, 200),
    ("PUT", "/tickets/ID", {"subject": "Secret"}, {"If-Match": '"99"'}, 412),
    ("PUT", "/tickets/ID", {"subject": "Secret"}, {"If-Match": '"98", "99"'}, 412),
    ("PUT", "/tickets/ID", {"subject": "Secret"}, {"If-None-Match": "*"}, 412),
    ("PUT", "/tickets/ID", {"subject": "Secret"}, {"If-Match": "Secret"}, 400),
    ("PUT", "/tickets/ID", {"status": "none"}, {}, 422),
    ("PUT", "/tickets/ID", {"customer_email": "", "subject": "Secret"}, {}, 422),
    ("DELETE", "/tickets/ID", None, {"If-Match": '"99"'}, 412),
    ("DELETE", "/tickets/ID", None, {"If-Match": '"98", "99"'}, 412),
    ("DELETE", "/tickets/ID", None, {"If-None-Match": "*"}, 412),
    ("DELETE", "/tickets/none", None, {}, 404),
    ("GET", "/api/status/ID", None, {}, 409),
    ("POST", "/api/ops/none", None, {}, 404),
    ("POST", "/api/ops/ID", None, {}, 200),
    ("GET", "/api/status/ID", None, {}, 200),
    ("DELETE", "/tickets/ID", None, {}, 204),
]


def test_only_callers_with_the_scope_read_are_shown_a_ticket_by_rest(closed: Served) -> None:
    """In the order of the requests, so that those of the callers that may do them succeed."""
    statuses = set()
    for scopes in CALLERS:
        ticket_id = new_secret(closed)
        credential = bearer(scopes)
        for method, path, body, headers, status in ANSWERS:
            content = None if body is None else json.dumps(body).replace("ID", ticket_id)
            response = closed.http.request(
                method,
                path.replace("ID", ticket_id),
                content=content,
                headers=credential | headers | {"Content-Type": "application/json"},
            )
            may_read = "read" in scopes
            if not may_read:
                assert "Secret" not in response.text
                assert NEW["customer_email"] not in response.text
                assert "ETag" not in response.headers
            if response.status_code == 412:
                assert ("current" in response.json()) == may_read
                assert ("ETag" in response.headers) == may_read
            if set(scopes) >= {"read", "write", "ops"}:
                assert response.status_code == status, (method, path, response.text)
            statuses.add(response.status_code)
    assert statuses == {200, 201, 204, 304, 400, 403, 404, 409, 412, 422}


# Mutations of an existing ticket. The errors of each are ConflictError, if there are some.
CHANGES = [
    (
        'createTicket(input: {id: "ID", subject: "S", description: "", customerName: "N",'
        ' customerEmail: "n@example.com"})'
    ),
    'updateTicket(input: {id: "ID", priority: LOW})',
    'updateTicket(input: {id: "ID", subject: "S", expectedVersion: 99})',
    'deleteTicket(input: {id: "ID", expectedVersion: 99})',
    'sendToOps(input: {ticketId: "ID"})',
]
ERRORS = "errors { __typename code message path }"
CURRENT = "errors { ... on ConflictError { current { subject customerEmail } } }"
ROW = {
    "createTicket": "ticket { subject customerEmail }",
    "updateTicket": "ticket { subject customerEmail }",
    "deleteTicket": CURRENT,
    "sendToOps": "ticket { subject customerEmail }",
}


@pytest.mark.parametrize("change", CHANGES)
def test_only_callers_with_the_scope_read_are_shown_a_ticket_by_graphql(
    closed: Served, change: str
) -> None:
    name = change.partition("(")[0]
    for scopes in CALLERS:
        for selection in (ERRORS, CURRENT, f"{ERRORS} {ROW[name]}"):
            text = f"mutation {{ {change} {{ {selection} }} }}".replace("ID", new_secret(closed))
            response = closed.http.post(
                "/graphql", json={"query": text}, headers=bearer(scopes) | {"Accept": JSON}
            )
            needed = {"ops" if name == "sendToOps" else "write"}
            if selection != ERRORS:
                needed.add("read")
            is_allowed = needed.issubset(scopes)
            assert (response.status_code == 200) == is_allowed, (scopes, selection, response.text)
            if "read" not in scopes:
                assert "Secret" not in response.text
                assert NEW["customer_email"] not in response.text


def test_a_websocket_requires_any_scope(closed: Served) -> None:
    assert close_code(closed, signed(scope="")) == 4403
    assert close_code(closed, signed(scope="of another service")) == 4403
    for scope in SCOPES:
        assert close_code(closed, signed(scope=scope)) is None


def close_code(served: Served, credential: str | None) -> int | None:
    """Return the close code after the initialization of a WebSocket, None if it stays open."""
    url = served.url.replace("http", "ws") + "/graphql"
    payload = (
        "" if credential is None else f', "payload": {{"authorization": "Bearer {credential}"}}'
    )
    with connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]  # a NewType of str
        socket.send(f'{{"type": "connection_init"{payload}}}')
        try:
            text = socket.recv(timeout=10)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
    assert text == '{"type":"connection_ack"}'
    return None
