"""Requests that are new each time take no memory for ever, whatever is new about them.

A run sends 10,000 requests of each kind with BOUNDS_REQUESTS=10000. By default it sends few of
them, and the caches are so small that they are full before the measurement.
"""

import os
import random
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from tests.app.http.serving import Served, served
from tests.proof.test_memory import MIB, process_of

FULL = 10_000
REQUESTS = int(os.environ.get("BOUNDS_REQUESTS", "100"))
MAX_GROWTH_MIB = 60
# Of few requests: the memory for each of them, and what the allocator of Python keeps.
MAX_GROWTH_PER_REQUEST = MAX_GROWTH_MIB * MIB / FULL
ALLOCATOR_MIB = 4
SMALL_CACHES = {} if REQUESTS >= FULL else {"CACHE_MAX_BYTES": str(2 * MIB)}

Body: TypeAlias = dict[str, Any]

TEXT_OPERATORS = ("eq", "neq", "contains", "containsIgnoreCase", "startsWith")
TEXT_FIELDS = ("subject", "customerName", "customerEmail", "category", "assignedTo")
ORDERS = ("CREATED_AT", "UPDATED_AT", "PRIORITY", "STATUS", "SUBJECT")
FIELDS = ("id", "subject", "status", "priority", "createdAt", "updatedAt", "category", "metadata")
ALIASES = 30


def documents(number: int, choose: random.Random) -> Body:
    """Return a request with a new document of about 600 characters."""
    lists = " ".join(
        f"a{number}_{position}: tickets(first: 1)"
        f" {{ nodes {{ {' '.join(choose.sample(FIELDS, 5))} }} }}"
        for position in range(8)
    )
    return {"query": f"query q{number} {{ {lists} }}"}


def variables(number: int, choose: random.Random) -> Body:
    """Return a request with new values of variables."""
    names = " ".join(f"$v{position}: ID!" for position in range(5))
    tickets = " ".join(f"t{position}: ticket(id: $v{position}) {{ id }}" for position in range(5))
    values = {f"v{position}": f"{number}-{choose.random()}" * 2 for position in range(5)}
    return {"query": f"query ({names}) {{ {tickets} }}", "variables": values}


def filters(number: int, choose: random.Random) -> Body:
    """Return a request with 30 filters in new patterns of operators."""
    names = " ".join(f"$f{position}: TicketFilter" for position in range(ALIASES))
    lists = " ".join(
        f"a{position}: tickets(first: 1, filter: $f{position}) {{ nodes {{ id }} }}"
        for position in range(ALIASES)
    )

    def condition() -> Body:
        return {choose.choice(TEXT_FIELDS): {choose.choice(TEXT_OPERATORS): f"x{number}"}}

    def pattern() -> Body:
        return {choose.choice(("and", "or")): [condition() for _ in range(choose.randint(5, 20))]}

    values = {f"f{position}": pattern() for position in range(ALIASES)}
    return {"query": f"query ({names}) {{ {lists} }}", "variables": values}


def orders(number: int, choose: random.Random) -> Body:
    """Return a request with new combinations of orders, sizes, directives and aliases."""
    names = " ".join(
        f"$o{position}: TicketOrder $n{position}: Int $s{position}: Boolean!"
        for position in range(5)
    )
    lists = " ".join(
        f"a{position}: tickets(first: $n{position}, orderBy: $o{position})"
        f" {{ nodes {{ id subject @skip(if: $s{position}) b{number}: status }} }}"
        for position in range(5)
    )
    values: Body = {}
    for position in range(5):
        order = {"field": choose.choice(ORDERS), "direction": choose.choice(("ASC", "DESC"))}
        values |= {f"o{position}": order, f"n{position}": choose.randint(1, 100)}
        values[f"s{position}"] = choose.random() < 0.5
    return {"query": f"query ({names}) {{ {lists} }}", "variables": values}


KINDS = (documents, variables, filters, orders)


@pytest.fixture(scope="module")
def attacked(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run a server in a process of its own."""
    log_file = tmp_path_factory.mktemp("log") / "memory.log"
    with served(log_file, database_url, LOG_LEVEL="warning", **SMALL_CACHES) as running:
        yield running


@pytest.mark.parametrize("kind", KINDS)
def test_requests_that_are_new_each_time_leave_little_memory(
    kind: Callable[[int, random.Random], Body],
    attacked: Served,
    record_property: Callable[[str, str], None],
) -> None:
    choose = random.Random(kind.__name__)  # noqa: S311  # not for security
    process = process_of(attacked)

    def send(numbers: range) -> None:
        for number in numbers:
            response = attacked.http.post("/graphql", json=kind(number, choose))
            assert "errors" not in response.json(), response.text

    warm_up = range(20) if REQUESTS >= FULL else range(REQUESTS)
    send(warm_up)
    before = process.memory_info().rss
    send(range(len(warm_up), len(warm_up) + REQUESTS))
    grown = (process.memory_info().rss - before) / MIB
    record_property(
        "figure", f"Memory: {grown:.1f} MiB after {REQUESTS} requests with new {kind.__name__}"
    )
    if REQUESTS >= FULL:
        assert grown < MAX_GROWTH_MIB
    else:
        assert grown < ALLOCATOR_MIB + REQUESTS * MAX_GROWTH_PER_REQUEST / MIB


def test_metrics_report_caches_within_their_limits(attacked: Served) -> None:
    values: dict[str, dict[str, float]] = {}
    for line in attacked.http.get("/metrics").text.splitlines():
        if line.startswith("ticketops_cache_bytes{"):
            labels, _, value = line.rpartition(" ")
            cache, kind = (label.split('"')[1] for label in labels.split(",")[:2])
            values.setdefault(cache, {})[kind] = float(value)
    assert values
    for name, sizes in values.items():
        assert 0 <= sizes["used"] <= sizes["limit"], name
    if REQUESTS < FULL:
        # The attack has filled these.
        for name in ("documents", "statements"):
            assert values[name]["used"] > values[name]["limit"] / 2
