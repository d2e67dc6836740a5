"""Tickets change by exactly what was given, and never over somebody else's change."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from engine.database.queries import fetch
from models import Ticket
from resolvers.tickets import changes as ticket_changes
from resolvers.tickets.statements import FIND
from tests.api.asking import Ask, create

UPDATE = """
    mutation ($input: UpdateTicketInput!) {
      updateTicket(input: $input) {
        ticket { id subject status customerPhone assignedTo metadata version createdAt updatedAt }
        errors {
          __typename code path message
          ... on ConflictError { current { id version subject } }
          ... on NotFoundError { id }
        }
      }
    }
"""


async def update(ask: Ask, **fields: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await ask(UPDATE, input=fields))["updateTicket"]
    assert payload["errors"] == []
    ticket: dict[str, Any] = payload["ticket"]
    return ticket


async def refused(ask: Ask, **fields: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await ask(UPDATE, input=fields))["updateTicket"]
    assert payload["ticket"] is None
    [error] = payload["errors"]
    assert isinstance(error, dict)
    return error


async def test_a_change_raises_the_version_and_leaves_the_rest_as_it_was(ask: Ask) -> None:
    ticket_id = await create(ask, assignedTo="grace")
    ticket = await update(ask, id=ticket_id, status="RESOLVED")
    assert ticket["version"] == 2
    assert ticket["status"] == "RESOLVED"
    assert ticket["assignedTo"] == "grace"
    assert ticket["updatedAt"] > ticket["createdAt"]


async def test_null_clears_what_may_be_missing(ask: Ask) -> None:
    ticket_id = await create(ask, assignedTo="grace", customerPhone="1", metadata={"a": 1})
    ticket = await update(ask, id=ticket_id, assignedTo=None, customerPhone=None, metadata=None)
    assert (ticket["assignedTo"], ticket["customerPhone"], ticket["metadata"]) == (None, None, None)


@pytest.mark.parametrize(
    "field",
    ["subject", "description", "status", "priority", "category", "customerName", "customerEmail"],
)
async def test_null_is_refused_where_a_value_is_needed(ask: Ask, field: str) -> None:
    ticket_id = await create(ask)
    error = await refused(ask, id=ticket_id, **{field: None})
    assert (error["code"], error["path"]) == ("REQUIRED", ["input", field])
    assert (await Ticket.get()).version == 1


async def test_what_is_as_it_was_is_no_change(ask: Ask) -> None:
    document = "query ($id: ID!) { ticket(id: $id) { history { totalCount } } }"
    ticket_id = await create(ask, subject="Same", metadata={"a": [1, 2]})
    before = await update(ask, id=ticket_id)
    after = await update(ask, id=ticket_id, subject="Same", status="OPEN", metadata={"a": [1, 2]})
    assert after == before
    assert after["version"] == 1
    assert (await ask(document, id=ticket_id))["ticket"]["history"]["totalCount"] == 1


async def test_the_expected_version_guards_against_overwriting(ask: Ask) -> None:
    ticket_id = await create(ask)
    await update(ask, id=ticket_id, expectedVersion=1, subject="Theirs")
    error = await refused(ask, id=ticket_id, expectedVersion=1, subject="Ours")
    assert error.pop("message")
    assert error == {
        "__typename": "ConflictError",
        "code": "VERSION_CONFLICT",
        "path": ["input", "expectedVersion"],
        "current": {"id": ticket_id, "version": 2, "subject": "Theirs"},
    }
    assert (await Ticket.get()).subject == "Theirs"


async def test_of_many_changes_expecting_one_version_one_is_made(ask: Ask) -> None:
    ticket_id = await create(ask)
    answers = await asyncio.gather(
        *(
            ask(
                UPDATE, input={"id": ticket_id, "expectedVersion": 1, "subject": f"Change {number}"}
            )
            for number in range(8)
        )
    )
    codes = [[error["code"] for error in one["updateTicket"]["errors"]] for one in answers]
    assert sorted(codes) == [[], *[["VERSION_CONFLICT"]] * 7]
    assert (await Ticket.get()).version == 2


@pytest.fixture
def changed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have another change come between a change that is none and the ticket that it answers."""

    async def after_another(statement: str, values: Sequence[Any]) -> list[Any]:
        if statement == FIND:
            await Ticket.filter(id=values[0]).update(subject="Theirs", version=2)
        return await fetch(statement, values)

    monkeypatch.setattr(ticket_changes, "fetch", after_another)


@pytest.mark.usefixtures("changed_meanwhile")
async def test_a_change_that_is_none_is_no_conflict_with_one_that_came_after_it(ask: Ask) -> None:
    ticket_id = await create(ask, subject="Same")
    ticket = await update(ask, id=ticket_id, expectedVersion=1, subject="Same")
    assert (ticket["version"], ticket["subject"]) == (2, "Theirs")


@pytest.mark.usefixtures("changed_meanwhile")
async def test_a_conflict_stays_one_when_the_expected_version_comes_after_it(ask: Ask) -> None:
    ticket_id = await create(ask)
    error = await refused(ask, id=ticket_id, expectedVersion=2, subject="Ours")
    assert error["code"] == "VERSION_CONFLICT"
    assert error["current"] == {"id": ticket_id, "version": 2, "subject": "Theirs"}


async def test_changes_at_the_same_time_are_all_counted(ask: Ask) -> None:
    ticket_id = await create(ask, metadata={})
    await asyncio.gather(
        *(update(ask, id=ticket_id, metadataPatch={str(number): number}) for number in range(8))
    )
    ticket = await update(ask, id=ticket_id)
    assert ticket["version"] == 9
    assert ticket["metadata"] == {str(number): number for number in range(8)}


@pytest.mark.parametrize(
    ("stored", "patch", "merged"),
    # RFC 7396, appendix A.
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        (None, {"a": 1}, {"a": 1}),
    ],
)
async def test_a_metadata_patch_is_merged_as_rfc_7396_says(
    ask: Ask, stored: object, patch: object, merged: object
) -> None:
    ticket_id = await create(ask, metadata=stored)
    ticket = await update(ask, id=ticket_id, metadataPatch=patch)
    assert ticket["metadata"] == merged


async def test_metadata_is_replaced_or_patched_but_not_both(ask: Ask) -> None:
    ticket_id = await create(ask, metadata={"a": 1})
    error = await refused(ask, id=ticket_id, metadata={}, metadataPatch={})
    assert (error["code"], error["path"]) == ("INVALID", ["input", "metadataPatch"])
    assert "metadata" in error["message"]
    assert (await Ticket.get()).metadata == '{"a": 1}'


async def test_a_patch_may_not_make_the_metadata_too_long(ask: Ask) -> None:
    ticket_id = await create(ask, metadata={"a": "x" * 40_000})
    error = await refused(ask, id=ticket_id, metadataPatch={"b": "y" * 40_000})
    assert (error["code"], error["path"]) == ("TOO_LONG", ["input", "metadataPatch"])
    assert (await Ticket.get()).version == 1


async def test_an_unknown_ticket_is_not_found(ask: Ask) -> None:
    error = await refused(ask, id="nobody", subject="S")
    assert error.pop("message")
    assert error == {
        "__typename": "NotFoundError",
        "code": "NOT_FOUND",
        "path": ["input", "id"],
        "id": "nobody",
    }


async def test_all_that_is_wrong_is_told_at_once_and_nothing_is_changed(ask: Ask) -> None:
    ticket_id = await create(ask)
    wrong = {"subject": " ", "category": "c" * 101, "customerEmail": "@", "status": "CLOSED"}
    payload = (await ask(UPDATE, input={"id": ticket_id} | wrong))["updateTicket"]
    assert {(error["code"], *error["path"]) for error in payload["errors"]} == {
        ("REQUIRED", "input", "subject"),
        ("TOO_LONG", "input", "category"),
        ("INVALID", "input", "customerEmail"),
    }
    ticket = await Ticket.get()
    assert (ticket.version, ticket.status.name) == (1, "OPEN")
