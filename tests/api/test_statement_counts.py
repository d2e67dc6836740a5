"""Number of SQL statements of an operation: one for each selected list, for any number of rows.

BEGIN and COMMIT are not counted. A page takes a second statement for its total, and for the
opposite page (hasPreviousPage when paging forward).
"""

from typing import Any

import pytest

from models import (
    LogAction,
    LogEntry,
    LogStatus,
    OpsDelivery,
    OpsState,
    Ticket,
    TicketEvent,
    TicketEventType,
)
from tests.api.operations import NEW, Ask


async def fill(numbers: range) -> None:
    """Insert tickets, each with two deliveries, two log entries and two events."""
    twice = [(number, turn) for number in numbers for turn in "ab"]
    await Ticket.bulk_create(
        Ticket(
            id=f"t{number}",
            subject="S",
            description="D",
            customer_name="N",
            customer_email="n@example.com",
        )
        for number in numbers
    )
    await OpsDelivery.bulk_create(
        OpsDelivery(
            id=f"d{number}{turn}", ticket_id=f"t{number}", payload="{}", state=OpsState.FAILED
        )
        for number, turn in twice
    )
    await LogEntry.bulk_create(
        LogEntry(
            id=f"l{number}{turn}",
            ticket_id=f"t{number}",
            delivery_id=f"d{number}{turn}",
            action=LogAction.SEND,
            status=LogStatus.FAILED,
        )
        for number, turn in twice
    )
    await TicketEvent.bulk_create(
        TicketEvent(
            id=f"e{number}{turn}",
            ticket_id=f"t{number}",
            type=TicketEventType.UPDATED,
            changes="[]",
        )
        for number, turn in twice
    )


QUERIES: dict[str, tuple[str, int]] = {
    "a ticket": ('{ ticket(id: "t0") { id subject metadata } }', 1),
    "a ticket with only its type": ('{ ticket(id: "t0") { __typename } }', 1),
    "a ticket, its delivery, its log and its history": (
        """
        {
          ticket(id: "t0") {
            delivery { id }
            logEntries { nodes { id } }
            history { nodes { id } }
          }
        }
        """,
        4,
    ),
    "one list of a ticket, asked twice": (
        """
        {
          ticket(id: "t0") {
            first: logEntries(first: 1) { nodes { id } }
            last: logEntries(last: 1) { nodes { id } }
          }
        }
        """,
        3,
    ),
    "a node": ('{ node(id: "l0a") { id ... on LogEntry { action } } }', 2),
    "nodes of every kind": (
        '{ nodes(ids: ["t0", "t1", "d0a", "l0a", "l0b", "e0a", "nobody"]) { id } }',
        5,
    ),
    "nodes and what belongs to them": (
        """
        {
          nodes(ids: ["t0", "t1", "l0a", "l1a"]) {
            ... on Ticket { logEntries { nodes { id } } }
            ... on LogEntry { ticket { subject } }
          }
        }
        """,
        5,
    ),
    "tickets": ("{ tickets { nodes { id subject } } }", 1),
    "tickets with cursors and a next page": (
        "{ tickets { edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }",
        1,
    ),
    "tickets with their total": ("{ tickets { totalCount nodes { id } } }", 2),
    "the total alone": ("{ tickets { totalCount } }", 1),
    "tickets twice over": ("{ tickets { nodes { id } edges { node { subject } } } }", 1),
    "a page from the end of the list, and whether there is more": (
        "{ tickets { nodes { id } pageInfo { hasNextPage hasPreviousPage } } }",
        1,
    ),
    "tickets and their deliveries": ("{ tickets { nodes { delivery { id state } } } }", 2),
    "tickets and their logs": (
        "{ tickets { nodes { id logEntries(first: 5) { nodes { id } } } } }",
        2,
    ),
    "tickets and their logs with totals": (
        "{ tickets { nodes { logEntries(first: 5) { totalCount nodes { id } } } } }",
        3,
    ),
    "tickets and the totals of their logs": (
        "{ tickets { nodes { logEntries { totalCount } } } }",
        2,
    ),
    "tickets with all nested lists": (
        """
        {
          tickets(first: 30) {
            totalCount
            nodes {
              delivery { id logEntries(first: 9) { nodes { id } } }
              logEntries(first: 9) { totalCount nodes { id ticket { id } } }
              history(first: 9) { nodes { changes { field } ticket { id } } }
            }
          }
        }
        """,
        # tickets, total; delivery, its log; log, total, ticket; history, ticket
        9,
    ),
    "log entries and their tickets": ("{ logEntries { nodes { id ticket { subject } } } }", 2),
    "log entries of the log of their tickets": (
        "{ logEntries { nodes { ticket { logEntries(first: 1) { nodes { ticket { id } } } } } } }",
        4,
    ),
    "deliveries": (
        "{ opsDeliveries { nodes { id ticket { id } logEntries { nodes { id } } } } }",
        3,
    ),
    "groups": ("{ ticketGroups(by: STATUS) { key count } }", 1),
    "health": ("{ opsHealth { circuit pending failed oldestPendingAt } }", 1),
    "the viewer": ("{ viewer { name scopes } }", 0),
    "the schema": ("{ __schema { types { name } } }", 0),
    "a type's name": ("{ __typename }", 0),
}


@pytest.mark.parametrize(("document", "count"), QUERIES.values(), ids=QUERIES)
async def test_the_number_of_statements_does_not_depend_on_the_number_of_rows(
    ask: Ask, statements: list[str], document: str, count: int
) -> None:
    for rows in (range(2), range(2, 30)):
        await fill(rows)
        statements.clear()
        await ask(document)
        assert len(statements) == count, statements


async def test_no_statements_are_run_below_an_empty_list(ask: Ask, statements: list[str]) -> None:
    await ask("{ tickets { nodes { delivery { id } logEntries { nodes { id } } } } }")
    assert len(statements) == 1


async def test_only_selected_columns_are_read(ask: Ask, statements: list[str]) -> None:
    await fill(range(1))
    statements.clear()
    await ask("{ tickets { nodes { subject logEntries { nodes { action } } } } }")
    tickets, entries = statements
    assert "description" not in tickets
    assert "metadata" not in tickets
    assert "response" not in entries


MUTATIONS: dict[str, tuple[str, dict[str, Any], int]] = {
    "creating a ticket": (
        """
        mutation ($input: CreateTicketInput!) {
          createTicket(input: $input) { ticket { id subject } errors { message } }
        }
        """,
        NEW,
        1,
    ),
    "creating a ticket with an id": (
        """
        mutation ($input: CreateTicketInput!) {
          createTicket(input: $input) { ticket { id } errors { message } }
        }
        """,
        NEW | {"id": "new"},
        # lock, check of the id, ticket
        3,
    ),
    "creating a ticket with a key": (
        """
        mutation ($input: CreateTicketInput!) {
          createTicket(input: $input) { ticket { id } errors { message } }
        }
        """,
        NEW | {"idempotencyKey": "k"},
        # key, ticket
        2,
    ),
    "a bad field": (
        """
        mutation ($input: CreateTicketInput!) {
          createTicket(input: $input) { ticket { id } errors { message } }
        }
        """,
        NEW | {"subject": ""},
        0,
    ),
    "updating a ticket": (
        """
        mutation ($input: UpdateTicketInput!) {
          updateTicket(input: $input) { ticket { id version } errors { message } }
        }
        """,
        {"id": "t0", "status": "CLOSED", "metadataPatch": {"a": 1}},
        1,
    ),
    "updating nothing": (
        """
        mutation ($input: UpdateTicketInput!) {
          updateTicket(input: $input) { ticket { id version } errors { message } }
        }
        """,
        {"id": "t0", "subject": "S"},
        # current ticket
        2,
    ),
    "deleting a ticket": (
        """
        mutation ($input: DeleteTicketInput!) {
          deleteTicket(input: $input) { deletedId errors { message } }
        }
        """,
        {"id": "t0"},
        # lock, ticket, deliveries, deletion with event
        4,
    ),
}


@pytest.mark.parametrize(("document", "input_", "count"), MUTATIONS.values(), ids=MUTATIONS)
async def test_a_mutation_runs_few_statements(
    ask: Ask, statements: list[str], document: str, input_: dict[str, Any], count: int
) -> None:
    await fill(range(3))
    statements.clear()
    await ask(document, input=input_)
    assert len(statements) == count, statements


async def test_the_payload_of_a_mutation_is_read_like_a_query(
    ask: Ask, statements: list[str]
) -> None:
    document = """
        mutation {
          updateTicket(input: {id: "t0", status: CLOSED}) {
            ticket { logEntries { totalCount nodes { id } } delivery { id } }
          }
        }
    """
    await fill(range(3))
    statements.clear()
    await ask(document)
    # change; log, total, delivery
    assert len(statements) == 4, statements


SENDING = """
    mutation ($id: ID!) {
      sendToOps(input: {ticketId: $id}) { delivery { id } logEntry { id } errors { message } }
    }
"""


async def test_the_statements_of_a_send_do_not_depend_on_earlier_deliveries(
    ask: Ask, statements: list[str]
) -> None:
    await fill(range(2))
    counts = []
    for ticket_id in ("t0", "t0", "t1"):
        statements.clear()
        await ask(SENDING, id=ticket_id)
        counts.append(len(statements))
    assert len(set(counts)) == 1
    assert counts[0] <= 16
