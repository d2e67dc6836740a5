"""Text of clients is stored in NFC, and compared with text of any form."""

import unicodedata
from typing import Any

import httpx2
import pytest

from models import Ticket
from tests.api.operations import CREATE, NEW, Ask, create
from tests.api.test_ticket_filters import found, make

NFC = "Größe é"
NFD = unicodedata.normalize("NFD", NFC)
UPDATE = """
    mutation ($input: UpdateTicketInput!) {
      updateTicket(input: $input) { ticket { version } errors { code path } }
    }
"""
TEXTS = {
    "subject": NFD,
    "description": NFD,
    "category": NFD,
    "customerName": NFD,
    "customerEmail": unicodedata.normalize("NFD", "é@exämple.com"),
    "customerPhone": NFD,
    "assignedTo": NFD,
}


async def test_texts_are_stored_in_nfc(ask: Ask, http: httpx2.AsyncClient) -> None:
    await create(ask, id="graphql", **TEXTS)
    await create(ask, id="updated", subject="S")
    answer = await ask(UPDATE, input={"id": "updated", **TEXTS})
    assert answer["updateTicket"]["ticket"] == {"version": 2}
    columns = ["subject", "description", "category", "customer_name", "customer_email"]
    columns += ["customer_phone", "assigned_to"]
    body = dict(zip(columns, TEXTS.values(), strict=True))
    assert (await http.post("/tickets", json={"id": "rest", **body})).status_code == 201
    expected = [unicodedata.normalize("NFC", text) for text in TEXTS.values()]
    for row in await Ticket.all().values(*columns):
        assert list(row.values()) == expected


async def test_a_text_is_measured_in_nfc(ask: Ask) -> None:
    await create(ask, subject="e\u0301" * 500)
    # The composed letter U+0958 is two characters in NFC.
    answer = await ask(CREATE, input=NEW | {"subject": "\u0958" * 251})
    assert [error["code"] for error in answer["createTicket"]["errors"]] == ["TOO_LONG"]


async def test_the_same_text_in_another_form_is_no_change(ask: Ask) -> None:
    await create(ask, id="T-1", subject=NFC)
    answer = await ask(UPDATE, input={"id": "T-1", "subject": NFD})
    assert answer["updateTicket"]["ticket"] == {"version": 1}


async def test_ids_and_metadata_are_kept_and_compared_as_they_are(ask: Ask) -> None:
    ticket_id = await create(ask, id=NFD, metadata={NFD: [NFD]})
    assert ticket_id == NFD
    await create(ask, id=NFC, metadata={NFC: [NFC]})
    filters: list[dict[str, Any]] = [
        {"id": {"eq": NFD}},
        {"id": {"in": [NFD]}},
        {"metadata": {"contains": {NFD: [NFD]}}},
        {"metadata": {"hasKey": NFD}},
    ]
    document = "query ($f: TicketFilter) { tickets(filter: $f) { nodes { id metadata } } }"
    for filter_ in filters:
        [node] = (await ask(document, f=filter_))["tickets"]["nodes"]
        assert node == {"id": NFD, "metadata": {NFD: [NFD]}}


@pytest.mark.parametrize("form", [NFC, NFD])
async def test_rows_of_other_programs_are_compared_in_any_form(
    ask: Ask, http: httpx2.AsyncClient, form: str
) -> None:
    await make("nfc", assigned_to=NFC, category=NFC)
    await make("nfd", assigned_to=NFD, category=NFD)
    await make("other", assigned_to="Große e", category="Große e")
    await make("nobody's")
    for operators in (
        {"eq": form},
        {"in": [form, "x"]},
        {"contains": form[1:]},
        {"startsWith": form[:4]},
        {"containsIgnoreCase": form.upper()},
    ):
        assert await found(ask, assignedTo=operators) == ["nfc", "nfd"], operators
    for operators in ({"neq": form}, {"nin": [form]}):
        assert await found(ask, assignedTo=operators) == ["nobody's", "other"], operators
    for parameter in ("assigned_to", "category"):
        answer = await http.get("/tickets", params={parameter: form})
        assert sorted(ticket["subject"] for ticket in answer.json()) == ["nfc", "nfd"]


async def test_tickets_are_grouped_by_the_same_text_in_any_form(ask: Ask) -> None:
    await make("a", assigned_to=NFC)
    await make("b", assigned_to=NFD)
    groups = (await ask("{ ticketGroups(by: ASSIGNED_TO) { key count } }"))["ticketGroups"]
    assert groups == [{"key": NFC, "count": 2}]
