"""The limits of an operation, as clients meet them: told apart, and with what to mend."""

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


def refused(response: httpx2.Response, code: str) -> str:
    """Check that an operation was refused with one error, and return its message."""
    content = response.json()
    assert "data" not in content
    [error] = content["errors"]
    assert error["extensions"]["code"] == code
    message: str = error["message"]
    return message


def test_what_an_operation_costs_is_told_to_who_asks_for_it(server: Served) -> None:
    told = ask(server, LOG, {"X-GraphQL-Cost": "1"}).json()
    assert told["extensions"] == {"cost": {"cost": LOG_COST, "limit": 10_000}}
    assert "extensions" not in ask(server, LOG).json()


def test_an_operation_that_costs_too_much_is_refused(serve: Serve) -> None:
    server = serve(MAX_COST=str(LOG_COST))
    assert "errors" not in ask(server, LOG).json()
    message = refused(ask(server, LOG.replace("9", "10")), "QUERY_TOO_COMPLEX")
    assert message.startswith(f"The operation costs 121; at most {LOG_COST} is allowed.")
    assert "tickets.nodes.logEntries.nodes weighs most" in message


def test_the_page_size_in_a_variable_counts(serve: Serve) -> None:
    server = serve(MAX_COST="10")
    text = "query ($n: Int) { tickets(first: $n) { nodes { id } } }"
    assert "errors" not in ask(server, text, n=9).json()
    refused(ask(server, text, n=10), "QUERY_TOO_COMPLEX")


def test_an_operation_that_is_too_deep_is_refused(serve: Serve) -> None:
    server = serve(MAX_DEPTH="6")
    assert "errors" not in ask(server, LOG).json()
    deeper = LOG.replace("ticket { id }", "ticket { delivery { id } }")
    message = refused(ask(server, deeper), "QUERY_TOO_COMPLEX")
    assert message == "The operation has 7 levels of fields; at most 6 are allowed."


def test_tools_may_ask_for_the_schema_and_nobody_for_it_over_and_over(server: Served) -> None:
    whole = ask(server, get_introspection_query(), {"X-GraphQL-Cost": "1"}).json()
    assert whole["data"]["__schema"]["types"]
    assert whole["extensions"]["cost"]["cost"] > len(whole["data"]["__schema"]["types"])
    aliased = " ".join(f"a{n}: types {{ ...F }}" for n in range(30))
    text = (
        f"{{ __schema {{ {aliased} }} }}"
        " fragment F on __Type { fields { type { fields { type { name } } } } }"
    )
    assert "introspects more than" in refused(ask(server, text), "QUERY_TOO_COMPLEX")


@pytest.fixture
async def locked(database_url: str) -> AsyncIterator[None]:
    """Hold every table, so that nothing can be read."""
    connection = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"LOCK TABLE {TABLES}")
    yield
    await transaction.rollback()
    await connection.close()


@pytest.mark.usefixtures("locked")
def test_an_operation_that_takes_too_long_is_ended(serve: Serve) -> None:
    server = serve(REQUEST_TIMEOUT_MS="300")
    response = ask(server, "{ tickets { nodes { id } } }")
    assert response.status_code == 504
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "TIMEOUT"
    assert error["message"].startswith("The operation did not finish within 0.3 s.")
