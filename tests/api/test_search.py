"""Full-text search in web search syntax."""

from typing import Any

import pytest

from models import Ticket
from tests.api.operations import Ask

TICKETS: list[dict[str, Any]] = [
    {"subject": "Printer on fire", "description": "It smokes since Monday."},
    {"subject": "Invoice missing", "description": "Where is the printer invoice?"},
    {"subject": "Login", "description": "Passwords expire", "customer_name": "Ada Lovelace"},
    {
        "subject": "Call back",
        "customer_email": "grace.hopper@navy.example",
        "customer_phone": "+49 30 1234567",
    },
]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("printer", ["Invoice missing", "Printer on fire"]),
        ("PRINTERS", ["Invoice missing", "Printer on fire"]),
        ("printer fire", ["Printer on fire"]),
        ("printer -fire", ["Invoice missing"]),
        ('"printer invoice"', ["Invoice missing"]),
        ('"invoice printer"', []),
        ("login or fire", ["Login", "Printer on fire"]),
        ("expiring password", ["Login"]),
        ("lovelace", ["Login"]),
        ("grace.hopper@navy.example", ["Call back"]),
        ("hopper", ["Call back"]),
        ("1234567", ["Call back"]),
        ("nothing of this", []),
        ("", ["Call back", "Invoice missing", "Login", "Printer on fire"]),
        ("  ", ["Call back", "Invoice missing", "Login", "Printer on fire"]),
        ("'; DROP TABLE tickets; --", []),
        ('unbalanced " & | ! ( :* <->', []),
    ],
)
async def test_words_are_found_in_subject_description_and_customer(
    ask: Ask, words: str, expected: list[str]
) -> None:
    document = """
        query ($words: String!) {
          tickets(filter: {search: $words}, orderBy: {field: SUBJECT}) { nodes { subject } }
        }
    """
    for ticket in TICKETS:
        columns = {"description": "D", "customer_name": "N", "customer_email": "n@example.com"}
        await Ticket.create(**columns | ticket)
    nodes = (await ask(document, words=words))["tickets"]["nodes"]
    assert [node["subject"] for node in nodes] == expected


async def test_a_search_can_be_combined_and_negated(ask: Ask) -> None:
    document = """
        {
          both: tickets(filter: {search: "printer", subject: {startsWith: "I"}}) {
            nodes { subject }
          }
          none: tickets(filter: {not: {search: "printer"}, subject: {startsWith: "L"}}) {
            nodes { subject }
          }
        }
    """
    for ticket in TICKETS:
        columns = {"description": "D", "customer_name": "N", "customer_email": "n@example.com"}
        await Ticket.create(**columns | ticket)
    assert await ask(document) == {
        "both": {"nodes": [{"subject": "Invoice missing"}]},
        "none": {"nodes": [{"subject": "Login"}]},
    }


async def test_a_changed_ticket_is_found_by_its_new_words(ask: Ask) -> None:
    update = """
        mutation { updateTicket(input: {id: "T-1", subject: "Elephant"}) { errors { message } } }
    """
    document = """
        {
          old: tickets(filter: {search: "mammoth"}) { totalCount }
          new: tickets(filter: {search: "elephants"}) { totalCount }
        }
    """
    await Ticket.create(
        id="T-1",
        subject="Mammoth",
        description="D",
        customer_name="N",
        customer_email="n@example.com",
    )
    await ask(update)
    assert await ask(document) == {"old": {"totalCount": 0}, "new": {"totalCount": 1}}
