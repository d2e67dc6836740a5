"""createTicket creates a ticket completely or not at all, and reports all errors at once."""

import re
from typing import Any

import pytest

from models import LogEntry, Ticket, TicketEvent
from tests.api.operations import CREATE, NEW, Ask, create

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


async def test_absent_fields_get_their_defaults(ask: Ask) -> None:
    document = """
        mutation ($input: CreateTicketInput!) {
          createTicket(input: $input) {
            ticket {
              id subject description status priority category
              customerName customerEmail customerPhone assignedTo metadata
              createdAt updatedAt version opsState
              delivery { id }
              logEntries { totalCount }
              history { nodes { type } }
            }
            errors { message }
          }
        }
    """
    payload = (await ask(document, input=NEW))["createTicket"]
    ticket = payload["ticket"]
    assert payload["errors"] == []
    assert UUID7.fullmatch(ticket.pop("id"))
    assert ticket["createdAt"] == ticket.pop("updatedAt")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", ticket.pop("createdAt"))
    assert ticket == NEW | {
        "status": "OPEN",
        "priority": "MEDIUM",
        "category": "general",
        "customerPhone": None,
        "assignedTo": None,
        "metadata": None,
        "version": 1,
        "opsState": "NOT_SENT",
        "delivery": None,
        "logEntries": {"totalCount": 0},
        "history": {"nodes": [{"type": "CREATED"}]},
    }


async def test_every_field_can_be_set(ask: Ask) -> None:
    document = """
        mutation ($input: CreateTicketInput!) {
          createTicket(input: $input) {
            ticket {
              id subject description status priority category
              customerName customerEmail customerPhone assignedTo metadata
            }
            errors { message }
          }
        }
    """
    given = NEW | {
        "id": "T-1",
        "status": "IN_PROGRESS",
        "priority": "HIGH",
        "category": "billing",
        "customerPhone": "+49 30 123",
        "assignedTo": "grace",
        "metadata": {"b": [1, 2.5, None, True, "ü"], "a": {}},
    }
    payload = (await ask(document, input=given))["createTicket"]
    assert payload == {"ticket": given, "errors": []}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "x" * 64),
        ("id", "Ünïcode/with spaces?#"),
        ("subject", "s" * 500),
        ("subject", "  kept as it is  "),
        ("subject", "😀" * 500),
        ("description", ""),
        ("description", "d" * 65_536),
        ("category", "c" * 100),
        ("customerName", "n" * 200),
        ("customerEmail", "a@b"),
        ("customerEmail", "jürgen.o'neil+tag@sub.exämple.com"),
        ("customerEmail", "a" * 64 + "@" + "b." * 90 + "example"),
        ("customerPhone", "5" * 50),
        ("assignedTo", "a" * 200),
        ("metadata", False),
        ("metadata", 0),
        ("metadata", ""),
        ("metadata", []),
        ("metadata", {"": None}),
        ("metadata", 2**63 - 1),
        ("metadata", -(2**63)),
        ("metadata", -1.5e-7),
        ("metadata", "m" * 65_534),
    ],
)
async def test_values_at_the_limits_are_stored_unchanged(
    ask: Ask, field: str, value: object
) -> None:
    document = f"query ($id: ID!) {{ ticket(id: $id) {{ value: {field} }} }}"
    ticket_id = await create(ask, **{field: value})
    assert (await ask(document, id=ticket_id))["ticket"]["value"] == value


async def test_null_equals_absent_for_a_nullable_field(ask: Ask) -> None:
    nothing = dict.fromkeys(["id", "customerPhone", "assignedTo", "metadata", "idempotencyKey"])
    await create(ask, **nothing)
    ticket = await Ticket.get()
    assert ticket.customer_phone is None
    assert ticket.assigned_to is None
    assert ticket.metadata is None


async def test_create_reports_all_errors_at_once(ask: Ask) -> None:
    wrong = {
        "id": "x" * 65,
        "subject": "",
        "customerEmail": "nobody",
        "customerPhone": "",
        "category": "c" * 101,
        "metadata": 10**309,
    }
    payload = (await ask(CREATE, input=NEW | wrong))["createTicket"]
    assert payload["ticket"] is None
    assert {
        (error["__typename"], error["code"], *error["path"]) for error in payload["errors"]
    } == {
        ("InvalidInputError", "TOO_LONG", "input", "id"),
        ("InvalidInputError", "REQUIRED", "input", "subject"),
        ("InvalidInputError", "INVALID", "input", "customerEmail"),
        ("InvalidInputError", "REQUIRED", "input", "customerPhone"),
        ("InvalidInputError", "TOO_LONG", "input", "category"),
        ("InvalidInputError", "INVALID", "input", "metadata"),
    }
    assert await Ticket.all().count() == 0
    assert await TicketEvent.all().count() == 0


async def test_a_taken_id_is_a_conflict_with_the_current_ticket(ask: Ask) -> None:
    document = """
        mutation ($input: CreateTicketInput!) {
          createTicket(input: $input) {
            ticket { id }
            errors { code path ... on ConflictError { current { id subject version } } }
          }
        }
    """
    await create(ask, id="T-1", subject="The first")
    payload = (await ask(document, input=NEW | {"id": "T-1"}))["createTicket"]
    assert payload == {
        "ticket": None,
        "errors": [
            {
                "code": "ALREADY_EXISTS",
                "path": ["input", "id"],
                "current": {"id": "T-1", "subject": "The first", "version": 1},
            }
        ],
    }
    assert await Ticket.all().count() == 1


async def test_the_id_of_another_type_is_taken(ask: Ask) -> None:
    document = """
        mutation ($input: CreateTicketInput!) {
          createTicket(input: $input) {
            errors { code path ... on ConflictError { current { id } } }
          }
        }
    """
    await LogEntry.create(id="L-1", ticket_id="T-1", action="send", status="failed")
    payload = (await ask(document, input=NEW | {"id": "L-1"}))["createTicket"]
    error = {"code": "ALREADY_EXISTS", "path": ["input", "id"], "current": None}
    assert payload == {"errors": [error]}


async def test_mutations_of_one_request_run_in_order(ask: Ask) -> None:
    document = """
        mutation ($new: CreateTicketInput!) {
          first: createTicket(input: $new) { ticket { id } errors { code } }
          second: createTicket(input: $new) { ticket { id } errors { code } }
          third: deleteTicket(input: {id: "T-1"}) { deletedId errors { code } }
          fourth: deleteTicket(input: {id: "T-1"}) { deletedId errors { code } }
        }
    """
    answer: dict[str, Any] = await ask(document, new=NEW | {"id": "T-1"})
    assert list(answer) == ["first", "second", "third", "fourth"]
    assert answer == {
        "first": {"ticket": {"id": "T-1"}, "errors": []},
        "second": {"ticket": None, "errors": [{"code": "ALREADY_EXISTS"}]},
        "third": {"deletedId": "T-1", "errors": []},
        "fourth": {"deletedId": None, "errors": [{"code": "NOT_FOUND"}]},
    }
