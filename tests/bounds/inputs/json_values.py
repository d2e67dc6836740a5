"""Large JSON in variables, literals, and bodies of REST."""

import gzip
from functools import partial
from typing import Any

import orjson

from tests.bounds.harness import JSON, Answer, Target
from tests.bounds.inputs.hostile_input import HostileInput, in_parallel

__all__ = ["JSON_VALUES"]

# 900 kB, close to MAX_BODY_BYTES.
ONES = [1] * 450_000
FIELDS = {f"f{number}": 1 for number in range(70_000)}
GZIP_CLIENTS = 10
GZIP_REQUESTS = 100
TICKET = {
    "subject": "Printer on fire",
    "description": "It started this morning.",
    "customer_name": "Ada Lovelace",
    "customer_email": "ada@example.com",
}
CREATE = "mutation ($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id } } }"


def contains(target: Target, value: Any, *, aliases: int = 1) -> Answer:
    """Use one JSON variable in the filters of some lists."""
    lists = " ".join(
        f"a{number}: tickets(first: 1, filter: {{metadata: {{contains: $j}}}}) {{ totalCount }}"
        for number in range(aliases)
    )
    return target.graphql(f"query ($j: JSON) {{ {lists} }}", j=value)


def post(target: Target, path: str, body: Any) -> Answer:
    """Send a body to REST, with the scope write."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    with target.client(scope="read write") as client:
        return Answer.of(client.post(path, content=content, headers=JSON))


def variables(target: Target, **given: Any) -> Answer:
    """Send variables that the operation does not use."""
    return target.graphql("{ viewer { name } }", **given)


def body(target: Target, **members: Any) -> Answer:
    """Send a GraphQL request with more members."""
    content = orjson.dumps({"query": "{ viewer { name } }", **members})
    with target.client() as client:
        return Answer.of(client.post("/graphql", content=content, headers=JSON))


def create(target: Target, **fields: Any) -> Answer:
    """Create a ticket with more fields."""
    given = {
        "subject": "x",
        "description": "x",
        "customerName": "Ada Lovelace",
        "customerEmail": "ada@example.com",
    }
    return target.graphql(CREATE, scope="read write", input=given | fields)


def gzip_members(target: Target, members: int) -> Answer:
    """Send bodies of many parts that are compressed separately, most of them empty."""
    content = gzip.compress(b"") * members + gzip.compress(b'{"query": "{ viewer { name } }"}')
    headers = {**JSON, "Content-Encoding": "gzip"}

    def send(_: int) -> Answer:
        with target.client() as client:
            answers = [
                Answer.of(client.post("/graphql", content=content, headers=headers))
                for _ in range(GZIP_REQUESTS // GZIP_CLIENTS)
            ]
            return answers[-1]

    return in_parallel(GZIP_CLIENTS, send)


_too_many_values = partial(
    HostileInput, status=413, code="PAYLOAD_TOO_LARGE", setting="MAX_JSON_VALUES"
)

JSON_VALUES = [
    _too_many_values(
        name="450,000 numbers in a JSON variable, used by 30 aliases",
        send=lambda target: contains(target, ONES, aliases=30),
    ),
    _too_many_values(
        name="450,000 numbers in a JSON variable", send=lambda target: contains(target, ONES)
    ),
    _too_many_values(
        name="70,000 members of an object in a JSON variable",
        send=lambda target: contains(target, FIELDS),
    ),
    _too_many_values(
        name="300,000 empty lists in a list",
        send=lambda target: contains(target, [[]] * 300_000),
    ),
    _too_many_values(
        name="450,000 numbers in a variable that is not used",
        send=lambda target: variables(target, j=ONES),
    ),
    _too_many_values(
        name="70,000 variables that are not declared",
        send=lambda target: variables(target, **FIELDS),
    ),
    _too_many_values(
        name="450,000 numbers in `extensions`",
        send=lambda target: body(target, extensions={"x": ONES}),
    ),
    _too_many_values(
        name="70,000 unknown members of a GraphQL request",
        send=lambda target: body(target, **FIELDS),
    ),
    _too_many_values(
        name="450,000 numbers in the metadata of `createTicket`",
        send=lambda target: create(target, metadata=ONES),
    ),
    _too_many_values(
        name="250,000 ids in `nodes`",
        send=lambda target: target.graphql(
            "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["a"] * 250_000
        ),
    ),
    _too_many_values(
        name="REST: 70,000 unknown fields",
        send=lambda target: post(target, "/tickets", TICKET | FIELDS),
    ),
    _too_many_values(
        name="REST: 450,000 numbers in the metadata",
        send=lambda target: post(target, "/tickets", TICKET | {"metadata": ONES}),
    ),
    _too_many_values(
        name="REST: 450,000 numbers as the body",
        send=lambda target: post(target, "/tickets", ONES),
    ),
    HostileInput(
        name=f"{GZIP_REQUESTS} gzip bodies of 999 members",
        send=partial(gzip_members, members=998),
    ),
]
