"""Which operations read on replicas, and what clients send and receive.

The replicas do not replay, so that a read on one of them misses a new ticket.
"""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.app.graphql.subscriptions.transport_ws import Socket
from tests.app.http.conftest import Serve
from tests.app.http.serving import Served
from tests.replicas.callers import POSITION, TICKET, token_of
from tests.replicas.streaming import Streaming, pause_replay, resume_replay

POSITION_PATTERN = r"[0-9a-f]{16}-[0-9a-f]{8}-[0-9a-f]{16}"
CREATE = """
mutation ($subject: String!) {
  createTicket(
    input: {subject: $subject, description: "D", customerName: "N", customerEmail: "n@example.com"}
  ) {
    ticket { id subject history { nodes { type } } }
  }
}
"""
# Each has the subject of the ticket in its result if it reads on the primary.
QUERIES = {
    "object": "query ($id: ID!) { ticket(id: $id) { subject } }",
    "node": "query ($id: ID!) { node(id: $id) { ... on Ticket { subject } } }",
    "nodes": "query ($id: ID!) { nodes(ids: [$id]) { ... on Ticket { subject } } }",
    "list": "{ tickets(first: 100) { nodes { subject } } }",
    "search": "query ($subject: String!) {"
    " tickets(filter: {search: $subject}) { nodes { subject } } }",
    "groups": "{ ticketGroups(by: ASSIGNED_TO) { key count } }",
    "parallel": "query ($id: ID!) { a: ticket(id: $id) { subject } opsHealth { pending } }",
}


@pytest.fixture
async def paused(streaming: Streaming) -> AsyncIterator[None]:
    """Pause the replay of all replicas."""
    for standby in streaming.standbys:
        await pause_replay(standby)
    yield
    for standby in streaming.standbys:
        await resume_replay(standby)


def as_caller(name: str, **headers: str) -> dict[str, str]:
    return {"Authorization": token_of(name), **headers}


def unique(kind: str) -> str:
    return f"{kind}{uuid4().hex}"


def create(server: Served, caller: str) -> tuple[httpx2.Response, str, str]:
    """Create a ticket; return the response, the id and the subject, which is also its assignee."""
    subject = unique("subject")
    body = TICKET | {"subject": subject, "assigned_to": subject}
    response = server.http.post("/tickets", json=body, headers=as_caller(caller))
    assert response.status_code == 201, response.text
    return response, response.json()["id"], subject


def graphql(server: Served, document: str, headers: dict[str, str], **variables: str) -> Any:
    body = {"query": document, "variables": variables}
    response = server.http.post("/graphql", json=body, headers=headers)
    assert "errors" not in response.json(), response.text
    return response


@pytest.mark.usefixtures("paused")
@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_on_a_replica_unless_its_caller_has_changed_something(
    servers: tuple[Served, Served], name: str
) -> None:
    writer, reader = unique("writer"), unique("reader")
    _, id, subject = create(servers[0], writer)  # noqa: A001  # the name of the field
    variables = {"id": id, "subject": subject}
    document = QUERIES[name]
    used = {key: value for key, value in variables.items() if f"${key}:" in document}
    assert subject in graphql(servers[0], document, as_caller(writer), **used).text
    response = graphql(servers[0], document, as_caller(reader), **used)
    assert subject not in response.text
    assert POSITION not in response.headers
    assert "extensions" not in response.json()


@pytest.mark.usefixtures("paused")
def test_rest_reads_on_a_replica_unless_its_caller_has_changed_something(
    servers: tuple[Served, Served],
) -> None:
    writer, reader = as_caller(unique("writer")), as_caller(unique("reader"))
    response = servers[0].http.post("/tickets", json=TICKET, headers=writer)
    path = f"/tickets/{response.json()['id']}"
    assert servers[0].http.get(path, headers=writer).status_code == 200
    assert servers[0].http.head(path, headers=writer).status_code == 200
    response = servers[0].http.get(path, headers=reader)
    assert response.status_code == 404
    assert POSITION not in response.headers


@pytest.mark.usefixtures("paused")
def test_an_operation_with_an_effect_reads_on_the_primary(servers: tuple[Served, Served]) -> None:
    """Its caller has changed nothing before."""
    _, id, subject = create(servers[0], unique("writer"))  # noqa: A001  # the name of the field
    other = as_caller(unique("other"))
    status = graphql(
        servers[0],
        "query ($id: ID!) { opsStatus(ticketId: $id) { errors { code } } }",
        other,
        id=id,
    )
    # Not NOT_FOUND.
    assert status.json()["data"]["opsStatus"]["errors"] == [{"code": "NOT_SENT"}]
    assert re.fullmatch(POSITION_PATTERN, status.headers[POSITION])
    conflict = graphql(
        servers[0],
        'mutation ($id: ID!) { updateTicket(input: {id: $id, subject: "S", expectedVersion: 9})'
        " { errors { ... on ConflictError { current { ... on Ticket { subject } } } } } }",
        as_caller(unique("other")),
        id=id,
    )
    assert subject in conflict.text
    response = servers[0].http.get(f"/api/status/{id}", headers=as_caller(unique("other")))
    assert response.json()["code"] == "NOT_SENT"
    assert re.fullmatch(POSITION_PATTERN, response.headers[POSITION])


@pytest.mark.usefixtures("paused")
def test_the_payload_of_a_mutation_is_read_on_the_primary(servers: tuple[Served, Served]) -> None:
    response = graphql(servers[0], CREATE, as_caller(unique("writer")), subject="S")
    ticket = response.json()["data"]["createTicket"]["ticket"]
    assert ticket["history"]["nodes"] == [{"type": "CREATED"}]
    position = response.json()["extensions"]["position"]
    assert re.fullmatch(POSITION_PATTERN, position)
    assert response.headers[POSITION] == position


def found_by(server: Served, response: httpx2.Response, *positions: str) -> bool:
    """Return whether a caller without changes finds a ticket with these positions."""
    headers = [("Authorization", token_of(unique("reader")))]
    headers += [(POSITION, position) for position in positions]
    path = f"/tickets/{response.json()['id']}"
    return server.http.get(path, headers=headers).status_code == 200


@pytest.mark.usefixtures("paused")
def test_a_position_is_valid_on_another_server(servers: tuple[Served, Served]) -> None:
    response, _, _ = create(servers[0], unique("writer"))
    position = response.headers[POSITION]
    assert not found_by(servers[1], response)
    assert found_by(servers[1], response, position)
    system, timeline, _ = position.split("-")
    early = f"{system}-{timeline}-{1:016x}"
    assert not found_by(servers[1], response, early)
    for positions in ((early, position), (position, early), (f"{early}, {position}",)):
        assert found_by(servers[1], response, *positions)


@pytest.mark.usefixtures("paused")
def test_a_position_of_another_kind_has_a_rule(servers: tuple[Served, Served]) -> None:
    response, _, _ = create(servers[0], unique("writer"))
    system, timeline, offset = response.headers[POSITION].split("-")
    # Of the future, of a later timeline, and what is no position: the primary.
    later = (
        f"{system}-{timeline}-{2**63:016x}",
        f"{system}-{'f' * 8}-{'f' * 16}",
        f"{system}-{int(timeline, 16) + 1:08x}-{1:016x}",
        "unknown",
        "0/16B3748",
        "x" * 1000,
        f"{system}-{timeline}-{offset}0",
        f"{system}-{timeline}-{1:016x},-",
    )
    for position in later:
        assert found_by(servers[1], response, position), position
    # Of another system, and an empty one: as without.
    other = f"{int(system, 16) ^ 1:016x}"
    for position in (f"{other}-{timeline}-{offset}", "", ","):
        assert not found_by(servers[1], response, position), position


@pytest.mark.usefixtures("paused")
async def test_a_websocket_carries_positions_too(servers: tuple[Served, Served]) -> None:
    headers = as_caller(unique("writer"))
    async with Socket.opened(servers[0].url, additional_headers=headers) as socket:
        await socket.subscribe("1", CREATE, subject="S")
        result = (await socket.receive())["payload"]
        position = result["extensions"]["position"]
        variables = {"id": result["data"]["createTicket"]["ticket"]["id"]}
    document = QUERIES["object"]
    payload = {"query": document, "variables": variables}
    reader = as_caller(unique("reader"))

    async def read(headers: dict[str, str], extensions: dict[str, Any]) -> Any:
        async with Socket.opened(servers[1].url, additional_headers=headers) as socket:
            await socket.send(
                type="subscribe", id="1", payload={**payload, "extensions": extensions}
            )
            return (await socket.receive())["payload"]["data"]["ticket"]

    found = {"subject": "S"}
    assert await read(reader, {}) is None
    assert await read({**reader, POSITION: position}, {}) == found
    assert await read(reader, {"position": position}) == found
    assert await read(reader, {"position": 7}) == found
    for extensions, ticket in (({"position": position}, found), ({}, None)):
        body = {**payload, "extensions": extensions}
        response = servers[1].http.post("/graphql", json=body, headers=reader)
        assert response.json()["data"]["ticket"] == ticket


@pytest.mark.usefixtures("paused")
def test_a_change_that_fails_has_a_position_too(servers: tuple[Served, Served]) -> None:
    """OPS can have rejected a delivery that was created."""
    path = f"/tickets/{unique('missing')}"
    response = servers[0].http.put(path, json={"subject": "S"}, headers=as_caller("any"))
    assert response.status_code == 404
    assert re.fullmatch(POSITION_PATTERN, response.headers[POSITION])


@pytest.mark.usefixtures("paused")
def test_reads_are_counted_by_server(servers: tuple[Served, Served]) -> None:
    # A caller with a change, and one without.
    writer = unique("writer")
    create(servers[0], writer)
    for name in (writer, unique("reader")):
        graphql(servers[0], QUERIES["list"], as_caller(name))
    text = servers[0].http.get("/metrics", headers=as_caller("scraper")).text
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["ticketops_replica_reads_total", "replica"] > 0
    assert values["ticketops_replica_reads_total", "primary"] > 0
    assert values["ticketops_replica_fallbacks_total", "position"] > 0
    for number in "12":
        assert values["ticketops_replica_usable", number] == 1
        assert values["ticketops_replica_lag_seconds", number] >= 0
        assert values["ticketops_replica_lag_bytes", number] >= 0


def test_without_replicas_nothing_has_a_position(serve: Serve) -> None:
    server = serve()
    response = server.http.post("/tickets", json=TICKET, headers={POSITION: "nonsense"})
    assert response.status_code == 201
    assert POSITION not in response.headers
    document = CREATE.replace("$subject", '"S"').replace('("S": String!)', "")
    response = server.http.post("/graphql", json={"query": document})
    assert "extensions" not in response.json()
    assert "replicas" not in server.http.get("/readyz").json()
