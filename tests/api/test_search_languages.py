"""Search and text filters in many languages, the same in databases of any locale.

Each ticket exists twice: written by a client, and in NFD by another program.
"""

import asyncio
import os
import unicodedata
from collections.abc import AsyncIterator
from typing import Any, Literal, TypeAlias

import asyncpg
import pytest

from app.database.migrations import migrate
from tests.api.languages import CONTAINED, SEARCHES, TICKETS
from tests.app.http.serving import Served, served
from tests.conftest import empty_database

_C = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER"
LOCALES = {"default": "", "C": f"{_C} libc", "Turkish": f"{_C} icu ICU_LOCALE 'tr-TR'"}
Form: TypeAlias = Literal["NFC", "NFD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD")
CREATE = """
    mutation ($input: CreateTicketInput!) {
      createTicket(input: $input) { errors { message } ticket { id subject } }
    }
"""
FOUND = """
    query ($filter: TicketFilter) {
      tickets(filter: $filter, first: 100) { totalCount nodes { id } }
    }
"""
INSERT = """
    INSERT INTO tickets (id, subject, description, customer_name, customer_email)
    VALUES ($1, $2, $3, 'N', 'n@example.com')
"""


def run(server: Served, query: str, **variables: Any) -> Any:
    """Run an operation and return its data."""
    answer = server.http.post("/graphql", json={"query": query, "variables": variables}).json()
    assert "errors" not in answer, answer
    return answer["data"]


def found(server: Served, **filter: Any) -> set[str]:
    """Return the ids of the matching tickets."""
    tickets = run(server, FOUND, filter=filter)["tickets"]
    ids = {node["id"] for node in tickets["nodes"]}
    assert tickets["totalCount"] == len(ids)
    return ids


def twice(languages: str) -> set[str]:
    """Return the ids of the tickets in these languages."""
    return {f"{language}-{form}" for language in languages.split() for form in FORMS}


def _locales() -> list[str]:
    """Return the names of the locales that the server has."""
    return [name for name in LOCALES if name != "Turkish" or asyncio.run(_has_icu())]


async def _has_icu() -> bool:
    connection = await asyncpg.connect(os.environ["TEST_DATABASE_URL"])
    try:
        statement = "SELECT to_regcollation('pg_catalog.\"tr-x-icu\"') IS NOT NULL"
        has_icu: bool = await connection.fetchval(statement)
        return has_icu
    finally:
        await connection.close()


@pytest.fixture(scope="module", params=_locales())
async def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """Serve a database of a locale that has the tickets."""
    log_file = tmp_path_factory.mktemp("log") / "languages.log"
    options = LOCALES[request.param]
    async with empty_database(options) as url:
        await migrate(url)
        connection = await asyncpg.connect(url)
        for language, texts in TICKETS.items():
            nfd = [unicodedata.normalize("NFD", text) for text in texts]
            await connection.execute(INSERT, f"{language}-NFD", *nfd)
        await connection.close()
        with served(log_file, url) as server:
            for language, (subject, description) in TICKETS.items():
                ticket = {
                    "id": f"{language}-NFC",
                    "subject": subject,
                    "description": description,
                    "customerName": "N",
                    "customerEmail": "n@example.com",
                }
                assert not run(server, CREATE, input=ticket)["createTicket"]["errors"]
            yield server


@pytest.mark.parametrize(("words", "languages"), SEARCHES)
def test_words_of_all_languages_are_found(server: Served, words: str, languages: str) -> None:
    for form in FORMS:
        text = unicodedata.normalize(form, words)
        assert found(server, search=text) == twice(languages)
        answer = server.http.get("/tickets", params={"q": text, "limit": 100}).json()
        assert {ticket["id"] for ticket in answer} == twice(languages)


@pytest.mark.parametrize(("text", "part", "is_contained"), CONTAINED)
async def test_case_is_ignored_in_all_languages(
    server: Served,
    text: str,
    part: str,
    is_contained: bool,  # noqa: FBT001  # a parameter
) -> None:
    ids = {}
    for form in FORMS:
        name = unicodedata.normalize(form, text)
        ticket = {
            "subject": "S",
            "description": "D",
            "customerName": name,
            "customerEmail": "n@example.com",
        }
        ids[form] = run(server, CREATE, input=ticket)["createTicket"]["ticket"]["id"]
    for form in FORMS:
        needle = {"containsIgnoreCase": unicodedata.normalize(form, part)}
        matching = found(server, customerName=needle, id={"in": list(ids.values())})
        assert matching == (set(ids.values()) if is_contained else set())


@pytest.mark.parametrize("given", FORMS)
def test_both_forms_of_a_text_are_equal(server: Served, given: Form) -> None:
    subject = unicodedata.normalize(given, TICKETS["vietnamese"][0])
    both = twice("vietnamese")
    others = twice(" ".join(TICKETS)) - both
    everything = {"id": {"in": [*both, *others]}}
    assert found(server, subject={"eq": subject}) == both
    assert found(server, subject={"in": ["x", subject]}) == both
    assert found(server, subject={"neq": subject}, **everything) == others
    assert found(server, subject={"nin": [subject, "x"]}, **everything) == others
    assert found(server, subject={"contains": subject[4:]}) == both
    assert found(server, subject={"startsWith": subject[:12]}) == both
    # A letter without its accent is another letter, also where it is stored with a separate one.
    assert found(server, subject={"startsWith": "Ma"}) == set()


def test_the_history_of_a_ticket_has_the_values_of_the_schema(server: Served) -> None:
    """In Turkish, the capital of i is another letter."""
    update = """
        mutation ($id: ID!) {
          updateTicket(input: {id: $id, status: IN_PROGRESS, priority: HIGH}) {
            ticket { history(first: 1) { nodes { changes { field before after } } } }
            errors { message }
          }
        }
    """
    payload = run(server, update, id="turkish-NFC")["updateTicket"]
    assert payload["errors"] == []
    values = {
        change["field"]: change["after"]
        for event in payload["ticket"]["history"]["nodes"]
        for change in event["changes"]
    }
    assert values == {"status": "IN_PROGRESS", "priority": "HIGH"}
