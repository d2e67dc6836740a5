"""Documents that take long to prepare, and operations that take long to start."""

import hashlib
import itertools
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import orjson
from graphql import get_introspection_query

from tests.bounds.harness import JSON, Answer, Target
from tests.bounds.inputs.hostile_input import HostileInput, in_parallel

__all__ = ["ALIASES", "CONDITIONS", "DOCUMENTS", "conditions", "fields", "filtered", "new_document"]

AT_ONCE = 8
ALIASES = 30
CONDITIONS = 300
# Each document is new, so that it is prepared.
_number = itertools.count()


def new_document() -> str:
    """Return a document of about 1,950 tokens, most of which are in a filter."""
    literals = '{subject: {eq: "x"}} ' * 190
    return (
        f"query n{next(_number)} {{ tickets(filter: {{or: [{literals}]}}) {{ nodes {{ id }} }} }}"
    )


def fields() -> str:
    """Return a document of about 1,200 fields."""
    ticket = "id subject description status priority customerEmail category version"
    entry = "id action actor attempt deliveryId durationMs response status timestamp"
    lists = " ".join(
        f"a{number}: tickets(first: 1) {{ nodes {{ {ticket} logEntries(first: 1)"
        f" {{ nodes {{ {entry} }} }} }} edges {{ cursor node {{ {ticket} }} }} }}"
        for number in range(ALIASES)
    )
    return f"query n{next(_number)} {{ {lists} }}"


def introspection() -> str:
    """Return a document that introspects three times what GraphiQL does."""
    document = get_introspection_query()
    fragments = document[document.index("fragment") :]
    schemas = " ".join(f"a{number}: __schema {{ types {{ ...FullType }} }}" for number in range(3))
    return f"query n{next(_number)} {{ {schemas} }} {fragments}"


def unknown_fields() -> str:
    """Return a document of 1,900 fields that the schema does not have."""
    return f"query n{next(_number)} {{ {' '.join(f'ticketz{n}' for n in range(1_900))} }}"


def conditions(count: int) -> dict[str, Any]:
    """Return a filter with many conditions."""
    return {"or": [{"category": {"eq": f"{number}"}} for number in range(count)]}


def filtered(*, variables: int) -> str:
    """Return a document of lists with filters from variables, each in several lists."""
    declared = ", ".join(f"$f{number}: TicketFilter" for number in range(variables))
    lists = " ".join(
        f"a{number}: tickets(first: 1, filter: $f{number % variables}) {{ nodes {{ id }} }}"
        for number in range(ALIASES)
    )
    return f"query ({declared}) {{ {lists} }}"


def post(target: Target, document: str, variables: dict[str, Any]) -> Answer:
    """Run an operation."""
    content = orjson.dumps({"query": document, "variables": variables})
    with target.client() as client:
        return Answer.of(client.post("/graphql", content=content, headers=JSON))


def at_once(send: Callable[[], Answer]) -> Answer:
    """Send several inputs at once, and return the worst of the answers."""
    return in_parallel(AT_ONCE, lambda _: send())


def register(target: Target) -> Answer:
    """Register a new document as an automatic persisted query."""
    document = new_document()
    sha256 = hashlib.sha256(document.encode()).hexdigest()
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": sha256}}
    content = orjson.dumps({"query": document, "extensions": extensions})
    with target.client() as client:
        return Answer.of(client.post("/graphql", content=content, headers=JSON))


def get(target: Target) -> Answer:
    """Run a new document by GET."""
    with target.client() as client:
        return Answer.of(client.get(f"/graphql?query={quote(new_document())}"))


def get_variables(target: Target) -> Answer:
    """Run an operation by GET, with 900 conditions in the query string."""
    variables = quote(orjson.dumps({"f0": conditions(900)}))
    document = quote("query ($f0: TicketFilter) { tickets(filter: $f0) { nodes { id } } }")
    with target.client() as client:
        return Answer.of(client.get(f"/graphql?query={document}&variables={variables}"))


DOCUMENTS = [
    HostileInput(
        name=f"{AT_ONCE} new documents of 1,900 tokens at once",
        send=lambda target: at_once(lambda: target.graphql(new_document())),
    ),
    HostileInput(
        name=f"{AT_ONCE} new documents of 1,200 fields at once",
        send=lambda target: at_once(lambda: target.graphql(fields())),
    ),
    HostileInput(
        name=f"{AT_ONCE} documents of 1,900 unknown fields at once",
        send=lambda target: at_once(lambda: target.graphql(unknown_fields())),
        code="GRAPHQL_VALIDATION_FAILED",
    ),
    HostileInput(
        name=f"{AT_ONCE} times three introspections of the whole schema at once",
        send=lambda target: at_once(lambda: target.graphql(introspection())),
    ),
    HostileInput(
        name=f"{AT_ONCE} new documents of 1,900 tokens at once, by GET",
        send=lambda target: at_once(lambda: get(target)),
    ),
    HostileInput(
        name=f"{AT_ONCE} new persisted documents of 1,900 tokens at once",
        send=lambda target: at_once(lambda: register(target)),
    ),
    HostileInput(
        name=f"{CONDITIONS} conditions in a variable that {ALIASES} fields have",
        send=lambda target: target.graphql(filtered(variables=1), f0=conditions(CONDITIONS)),
    ),
    HostileInput(
        name=f"{CONDITIONS} conditions in {ALIASES} variables, {AT_ONCE} requests at once",
        send=lambda target: at_once(
            lambda: post(
                target,
                filtered(variables=ALIASES),
                {f"f{number}": conditions(CONDITIONS) for number in range(ALIASES)},
            )
        ),
    ),
    HostileInput(
        name=f"900 conditions in the query string, {AT_ONCE} requests at once",
        send=lambda target: at_once(lambda: get_variables(target)),
    ),
]
