"""Limits of an operation over HTTP: each has its own code and message."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx2
import pytest
from graphql import get_introspection_query

from tests.app.http.conftest import Serve
from tests.app.http.serving import Served
from tests.conftest import TABLES

LOG = "{ tickets(first: 9) { nodes { logEntries(first: 5) { nodes { ticket { id } } } } } }"
LOG_COST = 1 + 9 * (1 + 1 + 5 * 2)


def ask(
    server: Served, text: str, headers: dict[str, str] | None = None, **variables: Any
) -> httpx2.Response:
    body = {"query": text, "variables": variables}
    return server.http.post("/graphql", json=body, headers=headers or {})


def rejected(response: httpx2.Response, code: str) -> str:
    """Check that an operation was rejected with one error, and return its message."""
    content = response.json()
    assert "data" not in content
    [error] = content["errors"]
    assert error["extensions"]["code"] == code
    message: str = error["message"]
    return message


def test_the_cost_is_returned_on_request(server: Served) -> None:
    result = ask(server, LOG, {"X-GraphQL-Cost": "1"}).json()
    assert result["extensions"] == {"cost": {"cost": LOG_COST, "limit": 10_000}}
    assert "extensions" not in ask(server, LOG).json()


def test_an_operation_above_the_cost_limit_is_rejected(serve: Serve) -> None:
    server = serve(MAX_COST=str(LOG_COST))
    assert "errors" not in ask(server, LOG).json()
    message = rejected(ask(server, LOG.replace("9", "10")), "QUERY_TOO_COMPLEX")
    assert message.startswith(f"The operation costs 121; at most {LOG_COST} is allowed (MAX_COST).")
    assert "tickets.nodes.logEntries.nodes costs the most" in message


def test_a_page_size_in_a_variable_counts_towards_the_cost(serve: Serve) -> None:
    server = serve(MAX_COST="10")
    text = "query ($n: Int) { tickets(first: $n) { nodes { id } } }"
    assert "errors" not in ask(server, text, n=9).json()
    rejected(ask(server, text, n=10), "QUERY_TOO_COMPLEX")


def test_an_operation_above_the_depth_limit_is_rejected(serve: Serve) -> None:
    server = serve(MAX_DEPTH="6")
    assert "errors" not in ask(server, LOG).json()
    deeper = LOG.replace("ticket { id }", "ticket { delivery { id } }")
    message = rejected(ask(server, deeper), "QUERY_TOO_COMPLEX")
    assert message == "The operation has 7 levels of fields; at most 6 are allowed (MAX_DEPTH)."


SPREAD = """
    query %s {
      tickets { ...C }
      more: tickets { ...C ...C }
    }
    fragment C on TicketConnection { edges { node { ...T } } nodes { ...T @include(if: true) } }
    fragment T on Ticket { title: subject @include(if: true) category @skip(if: false) }
"""


def test_aliases_and_directives_are_counted_as_written(serve: Serve) -> None:
    server = serve(MAX_ALIASES="2", MAX_DIRECTIVES="3")
    assert "errors" not in ask(server, SPREAD % "Q").json()
    message = rejected(
        ask(server, SPREAD.replace("category", "kind: category") % "Q"), "QUERY_TOO_COMPLEX"
    )
    assert message == "The operation has 3 aliases; at most 2 are allowed (MAX_ALIASES)."
    message = rejected(
        ask(server, SPREAD.replace("more: tickets", "more: tickets @skip(if: false)") % "Q"),
        "QUERY_TOO_COMPLEX",
    )
    assert message == "The operation has 4 directives; at most 3 are allowed (MAX_DIRECTIVES)."


def test_the_depth_and_the_cost_are_counted_with_fragments_expanded(serve: Serve) -> None:
    deep = """
        { tickets(first: 2) { nodes { ...A ...A } } }
        fragment A on Ticket { logEntries(first: 3) { nodes { ...B } } }
        fragment B on LogEntry { ticket { id } }
    """
    cost = 1 + 2 * (1 + 2 * (1 + 3 * 2))
    message = rejected(ask(serve(MAX_DEPTH="5"), deep), "QUERY_TOO_COMPLEX")
    assert message == "The operation has 6 levels of fields; at most 5 are allowed (MAX_DEPTH)."
    result = ask(serve(), deep, {"X-GraphQL-Cost": "1"}).json()
    assert result["extensions"]["cost"]["cost"] == cost


def test_introspection_is_allowed_once_an_operation(server: Served) -> None:
    whole = ask(server, get_introspection_query(), {"X-GraphQL-Cost": "1"}).json()
    assert whole["data"]["__schema"]["types"]
    assert whole["extensions"]["cost"]["cost"] > len(whole["data"]["__schema"]["types"])
    aliased = " ".join(f"a{n}: types {{ ...F }}" for n in range(30))
    text = (
        f"{{ __schema {{ {aliased} }} }}"
        " fragment F on __Type { fields { type { fields { type { name } } } } }"
    )
    assert "introspects more than" in rejected(ask(server, text), "QUERY_TOO_COMPLEX")


@pytest.fixture
async def locked(database_url: str) -> AsyncIterator[None]:
    """Lock every table, so that queries wait."""
    connection = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"LOCK TABLE {TABLES}")
    yield
    await transaction.rollback()
    await connection.close()


@pytest.mark.usefixtures("locked")
def test_an_operation_above_the_time_limit_is_ended(serve: Serve) -> None:
    server = serve(REQUEST_TIMEOUT_MS="300")
    response = ask(server, "{ tickets { nodes { id } } }")
    assert response.status_code == 504
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "TIMEOUT"
    assert error["message"].startswith("The operation did not finish within 0.3 s.")
