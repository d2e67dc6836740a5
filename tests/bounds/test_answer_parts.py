"""Answers that are not those of one query: nested lists, payloads and events over the limit."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tests.bounds.conftest import Serve
from tests.bounds.harness import JSON, MIB, Target, check

LIMIT = 65_536
TICKETS = 40
_CREATE = """
mutation ($text: String!) {
    createTicket(input: {id: "created", subject: "S", description: $text, customerName: "N",
        customerEmail: "n@example.com"}) {
        ticket { a: description b: description }
    }
}
"""
_EVENTS = "subscription { ticketEvents { ticketId ticket { a: description b: description } } }"


@pytest.fixture
def nested(target: Target) -> Iterator[Target]:
    """Have tickets with ten log entries each, of which each has a response of 60 kB."""
    target.execute(
        "INSERT INTO tickets (id, subject, description, customer_name, customer_email)"
        f" SELECT 'nested-' || n, 'S', 'D', 'N', 'n@example.com'"
        f" FROM generate_series(1, {TICKETS}) AS n"
    )
    target.execute(
        "INSERT INTO log_entries (id, ticket_id, action, status, response)"
        " SELECT 'entry-' || n || '-' || m, 'nested-' || n, 'send', 'success',"
        " to_jsonb(repeat('€', 20000))"
        f" FROM generate_series(1, {TICKETS}) AS n, generate_series(1, 10) AS m"
    )
    yield target
    target.execute("DELETE FROM log_entries")
    target.execute("DELETE FROM tickets")


def _lists(first: int) -> str:
    fields = f"logEntries(first: {first}) {{ nodes {{ response }} }}"
    return f"{{ tickets(first: {TICKETS}) {{ nodes {{ {fields} }} }} }}"


def test_nested_lists_over_the_limit_are_refused_while_they_are_read(nested: Target) -> None:
    with nested.measured() as measuring:
        answer = nested.graphql(_lists(10))
    # All rows together have 24 MB.
    assert answer.code == "RESPONSE_TOO_LARGE"
    assert "tickets.nodes.logEntries.nodes.response weighs most" in answer.message
    check(nested, measuring.result)


def test_nested_lists_within_the_limit_are_answered(nested: Target) -> None:
    answer = nested.graphql(_lists(6))
    assert answer.code is None
    assert 13 * MIB < len(answer.content) < 16 * MIB
    rows = orjson.loads(answer.content)["data"]["tickets"]["nodes"]
    assert {len(row["logEntries"]["nodes"]) for row in rows} == {6}


def test_a_mutation_has_been_executed_if_its_payload_is_refused(serve: Serve) -> None:
    target = serve(MAX_ANSWER_BYTES=str(LIMIT))
    answer = target.graphql(_CREATE, scope="read write", text="x" * 40_000)
    assert (answer.status, answer.code) == (200, "RESPONSE_TOO_LARGE")
    assert f"{LIMIT:,} bytes (MAX_ANSWER_BYTES)" in answer.message
    assert "ticket.description weighs most" in answer.message
    [row] = target.execute("SELECT length(description) AS size FROM tickets WHERE id = 'created'")
    assert row["size"] == 40_000


def test_a_subscription_continues_after_an_event_that_is_refused(serve: Serve) -> None:
    target = serve(MAX_ANSWER_BYTES=str(LIMIT))
    events: list[Any] = []
    headers = {**JSON, "Accept": "text/event-stream"}
    with (
        target.client() as client,
        client.stream("POST", "/graphql", json={"query": _EVENTS}, headers=headers) as response,
    ):
        assert response.status_code == 200
        for number, size in enumerate((40_000, 100)):
            created = target.graphql(
                _CREATE.replace("created", f"t{number}"), scope="read write", text="x" * size
            )
            assert created.code == (None if number else "RESPONSE_TOO_LARGE")
        for line in response.iter_lines():
            if line.startswith("data: {"):
                events.append(orjson.loads(line.removeprefix("data: ")))
            if len(events) == 2:
                break
    refused, answered = events
    assert refused["data"] is None
    [error] = refused["errors"]
    assert error["extensions"]["code"] == "RESPONSE_TOO_LARGE"
    assert "(MAX_ANSWER_BYTES)" in error["message"]
    assert answered["data"]["ticketEvents"]["ticket"]["a"] == "x" * 100
