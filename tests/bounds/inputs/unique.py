"""Requests that are new each time, which must not fill memory."""

import itertools
from functools import partial
from typing import Any

import orjson

from tests.bounds.harness import JSON, MIB, Answer, Target
from tests.bounds.inputs.hostile_input import HostileInput

__all__ = ["UNIQUE"]

ALIASES = 30
PATTERN_REQUESTS = 80
DOCUMENTS = 250
OPERATORS = ("eq", "neq", "contains", "containsIgnoreCase", "startsWith")
TEXTS = ("subject", "category", "assignedTo", "customerName", "customerEmail")


def send_all(target: Target, bodies: Any) -> Answer:
    """Send requests one after another, and return the last answer."""
    with target.client() as client:
        answer = Answer(0, None, "", b"")
        for body in bodies:
            answer = Answer.of(client.post("/graphql", content=orjson.dumps(body), headers=JSON))
    return answer


def filter_patterns(target: Target) -> Answer:
    """Use every filter in another pattern of columns and operators."""
    lists = " ".join(
        f"a{number}: tickets(first: 1, filter: $f{number}) {{ nodes {{ id }} }}"
        for number in range(ALIASES)
    )
    declared = ", ".join(f"$f{number}: TicketFilter" for number in range(ALIASES))
    document = f"query ({declared}) {{ {lists} }}"
    conditions = itertools.product(itertools.combinations(TEXTS, 3), *[OPERATORS] * 3)
    patterns = (
        {
            "or": [
                {column: {operator: "x"}}
                for column, operator in zip(columns, operators, strict=True)
            ]
        }
        for columns, *operators in itertools.cycle(conditions)
    )
    return send_all(
        target,
        (
            {
                "query": document,
                "variables": {f"f{number}": next(patterns) for number in range(ALIASES)},
            }
            for _ in range(PATTERN_REQUESTS)
        ),
    )


def documents(target: Target, *, mutate: str) -> Answer:
    """Send documents of almost 2,000 tokens that differ in their names."""
    conditions = '{subject: {eq: "x"}} ' * 190
    return send_all(
        target,
        (
            {"query": mutate.replace("NAME", f"n{number}").replace("CONDITIONS", conditions)}
            for number in range(DOCUMENTS)
        ),
    )


def order_patterns(target: Target) -> Answer:
    """Combine orders, page sizes and aliases."""
    columns = ("CREATED_AT", "UPDATED_AT", "PRIORITY", "STATUS", "SUBJECT")
    return send_all(
        target,
        (
            {
                "query": f"{{ x{number}: tickets(first: {number % 100 + 1}, orderBy: {{field: "
                f"{columns[number % 5]}, direction: {'ASC' if number % 2 else 'DESC'}}}) "
                f"{{ nodes {{ y{number}: id }} }} }}"
            }
            for number in range(DOCUMENTS)
        ),
    )


_unique = partial(HostileInput, is_isolated=True, max_memory_bytes=60 * MIB)

UNIQUE = [
    _unique(
        name=f"{PATTERN_REQUESTS} requests of {ALIASES} aliases with a new pattern of filters each",
        send=filter_patterns,
    ),
    _unique(
        name=f"{DOCUMENTS} documents of 1,900 tokens with another operation name each",
        send=partial(
            documents, mutate="query NAME { tickets(filter: {or: [CONDITIONS]}) { nodes { id } } }"
        ),
    ),
    _unique(
        name=f"{DOCUMENTS} documents of 1,900 tokens with another alias each",
        send=partial(
            documents, mutate="{ NAME: tickets(filter: {or: [CONDITIONS]}) { nodes { id } } }"
        ),
    ),
    _unique(name=f"{DOCUMENTS} orders, page sizes and aliases", send=order_patterns),
]
