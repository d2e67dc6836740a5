"""Large inputs: JSON, lists of filters, headers and query strings.

Each is answered within the limits, and a light request of another client waits little meanwhile.
`pytest -s` prints how long it waited, and the CPU time of the server.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpx2
import orjson
import psutil
import pytest

from app.graphql.subscriptions.ws_messages import InvalidMessage, read_message
from tests.bounds.harness import JSON, Answer, Target, check

MIB = 2**20
MAX_CPU_S = 1.5
NEW = {
    "subject": "Printer",
    "description": "It prints nothing.",
    "customerName": "Ada",
    "customerEmail": "ada@example.com",
}
NEW_OVER_REST = {
    "subject": "Printer",
    "description": "It prints nothing.",
    "customer_name": "Ada",
    "customer_email": "ada@example.com",
}

Send: TypeAlias = Callable[[httpx2.Client], httpx2.Response]


def aliases(selection: str, count: int = 30) -> str:
    """Return the selection of a field under many aliases."""
    return " ".join(f"a{number}: {selection}" for number in range(count))


def graphql(document: str, **variables: Any) -> Send:
    """Return the request for an operation."""
    return post("/graphql", orjson.dumps({"query": document, "variables": variables}))


def post(path: str, content: bytes, **headers: str) -> Send:
    """Return a request with a JSON body."""
    return lambda client: client.post(path, content=content, headers={**JSON, **headers})


def get(path: str, **headers: str) -> Send:
    """Return a request without a body."""
    return lambda client: client.get(path, headers=headers)


def put(path: str, fields: Mapping[str, object], **headers: str) -> Send:
    """Return a request to change a ticket."""
    content = orjson.dumps(fields)
    return lambda client: client.put(path, content=content, headers={**JSON, **headers})


CONTAINS = "tickets(first: 1, filter: {metadata: {contains: $j}}) { totalCount }"
CREATE = "createTicket(input: $i) { ticket { id } errors { code } }"
FILTERED = "tickets(first: 1, filter: $f) { nodes { id } }"
VIEWER = "{ viewer { name } }"


def nested(levels: int, name: str) -> dict[str, Any]:
    """Return a filter nested in others."""
    filters: dict[str, Any] = {"id": {"eq": "a"}}
    for _ in range(levels):
        filters = {name: filters if name == "not" else [filters]}
    return filters


@dataclass(frozen=True)
class Case:
    """A request, and the status and code that answer it. ``code`` is None for success."""

    send: Send
    status: int = 200
    code: str | None = "BAD_USER_INPUT"
    # Part of the message.
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


TOO_LARGE = "values; at most 40,000 are allowed (MAX_JSON_VALUES)"
GRAPHQL: dict[str, Case] = {
    "30 aliases of a filter with 450,000 values": Case(
        graphql(f"query ($j: JSON) {{ {aliases(CONTAINS)} }}", j=[1] * 450_000),
        413,
        "PAYLOAD_TOO_LARGE",
        TOO_LARGE,
    ),
    "30 aliases of a filter with 39,000 values": Case(
        graphql(f"query ($j: JSON) {{ {aliases(CONTAINS)} }}", j=[1] * 39_000),
        code="QUERY_TOO_COMPLEX",
        message="MAX_FILTER_VALUES",
    ),
    "30 tickets with the same metadata of 30,000 values": Case(
        graphql(
            f"mutation ($i: CreateTicketInput!) {{ {aliases(CREATE)} }}",
            i=NEW | {"metadata": [[1]] * 15_000},
        ),
        code=None,
    ),
    "30 tickets with the same invalid metadata": Case(
        graphql(
            f"mutation ($i: CreateTicketInput!) {{ {aliases(CREATE)} }}",
            i=NEW | {"metadata": [[1]] * 15_000 + ["\0"]},
        ),
        code=None,
    ),
    "30 aliases of a list of 9,900 texts": Case(
        graphql(
            f"query ($f: TicketFilter) {{ {aliases(FILTERED)} }}",
            f={"category": {"in": [f"é{number}" for number in range(9_900)]}},
        ),
        code="QUERY_TOO_COMPLEX",
        message="MAX_COST",
    ),
    "30 aliases of 9,900 empty filters": Case(
        graphql(f"query ($f: TicketFilter) {{ {aliases(FILTERED)} }}", f={"or": [{}] * 9_900}),
        code="QUERY_TOO_COMPLEX",
        message="The filter has 9,900 conditions; at most 1,000 are allowed",
    ),
    "9,900 filters of one condition": Case(
        graphql(
            f"query ($f: TicketFilter) {{ {FILTERED} }}",
            f={"or": [{"category": {"eq": "a"}}] * 9_900},
        ),
        code="QUERY_TOO_COMPLEX",
        message="at most 1,000 are allowed",
    ),
    "30 aliases of 300 conditions": Case(
        graphql(
            f"query ($f: TicketFilter) {{ {aliases(FILTERED)} }}",
            f={"or": [{"category": {"eq": f"{number}"}} for number in range(300)]},
        ),
        code=None,
    ),
    "90 filters within each other": Case(
        graphql(f"query ($f: TicketFilter) {{ {aliases(FILTERED)} }}", f=nested(90, "not")),
        code=None,
    ),
    "90 lists of filters within each other": Case(
        graphql(f"query ($f: TicketFilter) {{ {aliases(FILTERED)} }}", f=nested(90, "or")),
        code=None,
    ),
    "10,000 values of a wrong type": Case(
        graphql(
            f"query ($f: TicketFilter) {{ {FILTERED} }}",
            f={"category": {"in": [{}] * 9_900}},
        ),
        message="too large for a detailed error",
    ),
    "1,900 unknown fields with similar names": Case(
        graphql(
            f"query ($f: TicketFilter) {{ {FILTERED} }}",
            f={f"category{number}": 1 for number in range(1_900)},
        ),
    ),
    "an unknown field of 1 MB": Case(
        graphql(f"query ($f: TicketFilter) {{ {FILTERED} }}", f={"c" * 10**6: 1})
    ),
    "39,000 undeclared variables": Case(
        graphql(VIEWER, **{f"v{number}": number for number in range(39_000)}), code=None
    ),
    "9,900 points in time": Case(
        graphql(
            "query ($t: [DateTime!]!) { tickets(first: 1) { nodes { id } } }",
            t=["2026-01-01T00:00:00Z"] * 9_900,
        ),
        code="GRAPHQL_VALIDATION_FAILED",
    ),
    "a text of 1 MB as an enumeration": Case(
        graphql(
            f"query ($f: TicketFilter) {{ {FILTERED} }}", f={"priority": {"eq": "HIGH" * 250_000}}
        )
    ),
    "9,900 ids": Case(
        graphql("query ($i: [ID!]!) { nodes(ids: $i) { id } }", i=["é" * 10] * 9_900)
    ),
    "a search of 1 MB": Case(
        graphql(
            f"query ($f: TicketFilter) {{ {aliases(FILTERED)} }}", f={"search": "é " * 300_000}
        ),
        code="QUERY_TOO_COMPLEX",
    ),
    "an operation name of 1 MB": Case(
        post("/graphql", orjson.dumps({"query": VIEWER, "operationName": "a" * 10**6})), 400
    ),
    "an id of a document of 1 MB": Case(
        post("/graphql", orjson.dumps({"documentId": "a" * 10**6})),
        code="DOCUMENT_NOT_FOUND",
    ),
    "extensions of 39,000 values": Case(
        post("/graphql", orjson.dumps({"query": VIEWER, "extensions": {"a": [1] * 39_000}})),
        code=None,
    ),
    "100,000 fields of the same name": Case(
        post("/graphql", b'{"query": "%s"%s}' % (VIEWER.encode(), b',"a":1' * 100_000)),
        413,
        "PAYLOAD_TOO_LARGE",
        TOO_LARGE,
    ),
    "500,000 line breaks": Case(
        post("/graphql", orjson.dumps({"query": "\n" * 500_000})), code="QUERY_TOO_COMPLEX"
    ),
    "a comment of 1 MB": Case(
        post("/graphql", orjson.dumps({"query": "#" * 10**6 + "\n" + VIEWER})),
        code="QUERY_TOO_COMPLEX",
    ),
    "a block string of 31 kB": Case(
        graphql('{ tickets(filter: {search: """' + ' \n\\"""' * 5_000 + '"""}) { totalCount } }'),
        code="QUERY_TOO_COMPLEX",
    ),
    "an integer of 300 digits": Case(
        graphql("query ($n: Int) { tickets(first: $n) { totalCount } }", n=1e300)
    ),
    "a cursor of 1 MB": Case(
        graphql("query ($c: String) { tickets(after: $c) { totalCount } }", c="A" * 10**6)
    ),
    "variables of 60 kB by GET": Case(
        get(
            "/graphql?query=%7Bviewer%7Bname%7D%7D&variables=%7B%22a%22:[" + "1," * 30_000 + "1]%7D"
        ),
        code=None,
    ),
    "60 kB of parameters by GET": Case(get("/graphql?" + "a&" * 30_000), 400),
}
REST: dict[str, Case] = {
    "110,000 unknown fields": Case(
        post("/tickets", b"{%s}" % b",".join(b'"%x":1' % number for number in range(110_000))),
        413,
        "PAYLOAD_TOO_LARGE",
        TOO_LARGE,
    ),
    "39,000 unknown fields": Case(
        post(
            "/tickets",
            orjson.dumps(NEW_OVER_REST | {f"a{number}": number for number in range(39_000)}),
        ),
        422,
        "INVALID",
        "39,000 fields are unknown",
    ),
    "metadata of 39,000 values": Case(
        post("/tickets", orjson.dumps(NEW_OVER_REST | {"metadata": [1] * 39_000})),
        422,
        "TOO_LONG",
    ),
    "an e-mail address of 1 MB": Case(
        post("/tickets", orjson.dumps(NEW_OVER_REST | {"customer_email": "a@" + "a." * 500_000})),
        422,
        "TOO_LONG",
    ),
    "an e-mail address that nearly matches": Case(
        post("/tickets", orjson.dumps(NEW_OVER_REST | {"customer_email": "a@" + "a-" * 120})),
        422,
        "INVALID",
    ),
    "15,000 tags": Case(
        put("/tickets/x", {"subject": "a"}, **{"If-Match": '"1",' * 15_000}), 400, "INVALID"
    ),
    "a key of 60 kB": Case(
        post("/tickets", orjson.dumps(NEW_OVER_REST), **{"Idempotency-Key": '"' + '\\"' * 30_000}),
        400,
        "INVALID",
    ),
    "60 kB of parameters": Case(get("/tickets?" + "a=&" * 20_000), 400, "INVALID"),
    "a search of 20,000 letters": Case(get("/tickets?q=" + "%C3%A9" * 10_000), 400, "TOO_LONG"),
    "60 kB of cookies": Case(get("/tickets", Cookie="a=b;" * 12_000), 200, None),
    "60 kB of media types": Case(get("/tickets", Accept="a/b;q=0.1," * 3_500), 200, None),
}


@pytest.mark.parametrize("case", [*GRAPHQL.values(), *REST.values()], ids=[*GRAPHQL, *REST])
def test_a_large_input_is_answered_and_holds_up_nobody(
    target: Target, case: Case, request: pytest.FixtureRequest
) -> None:
    process = psutil.Process(target.service.process.pid)
    with target.client(scope="read write") as client, target.measured() as measuring:
        before = process.cpu_times()
        answer = Answer.of(case.send(client))
        after = process.cpu_times()
    cpu_s = after.user - before.user
    print(  # noqa: T201  # the measure
        f"{request.node.callspec.id}: {answer}, {answer.message[:80]!r}, longest turn"
        f" {measuring.result.longest_turn_s * 1000:.0f} ms, others waited"
        f" {measuring.result.longest_s * 1000:.0f} ms, CPU {cpu_s * 1000:.0f} ms"
    )
    assert (answer.status, answer.code) == (case.status, case.code), answer.message
    assert case.message in answer.message
    assert len(answer.content) < MIB
    assert cpu_s < MAX_CPU_S
    check(target, measuring.result)


def test_a_message_with_too_many_values_is_invalid() -> None:
    payload = {"query": VIEWER, "variables": {"j": [1] * 450_000}}
    text = orjson.dumps({"type": "subscribe", "id": "1", "payload": payload}).decode()
    with pytest.raises(InvalidMessage, match=r"The message has 450,007 values; .*MAX_JSON_VALUES"):
        read_message({"type": "websocket.receive", "text": text}, max_values=40_000)
