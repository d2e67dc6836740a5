"""updateTicket changes exactly the given fields and never overwrites a concurrent update."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from engine.database.queries import fetch
from models import Ticket
from resolvers.tickets import changes as ticket_changes
from resolvers.tickets.statements import FIND
from tests.api.operations import Ask, create

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


async def test_an_update_increments_the_version_and_keeps_other_fields(ask: Ask) -> None:
    ticket_id = await create(ask, assignedTo="grace")
    ticket = await update(ask, id=ticket_id, status="RESOLVED")
    assert ticket["version"] == 2
    assert ticket["status"] == "RESOLVED"
    assert ticket["assignedTo"] == "grace"
    assert ticket["updatedAt"] > ticket["createdAt"]


async def test_null_clears_a_nullable_field(ask: Ask) -> None:
    ticket_id = await create(ask, assignedTo="grace", customerPhone="1", metadata={"a": 1})
    ticket = await update(ask, id=ticket_id, assignedTo=None, customerPhone=None, metadata=None)
    assert (ticket["assignedTo"], ticket["customerPhone"], ticket["metadata"]) == (None, None, None)


@pytest.mark.parametrize(
    "field",
    ["subject", "description", "status", "priority", "category", "customerName", "customerEmail"],
)
async def test_null_is_rejected_for_a_required_field(ask: Ask, field: str) -> None:
    ticket_id = await create(ask)
    error = await refused(ask, id=ticket_id, **{field: None})
    assert (error["code"], error["path"]) == ("REQUIRED", ["input", field])
    assert (await Ticket.get()).version == 1


async def test_an_update_with_the_same_values_does_not_increment_the_version(ask: Ask) -> None:
    document = "query ($id: ID!) { ticket(id: $id) { history { totalCount } } }"
    ticket_id = await create(ask, subject="Same", metadata={"a": [1, 2]})
    before = await update(ask, id=ticket_id)
    after = await update(ask, id=ticket_id, subject="Same", status="OPEN", metadata={"a": [1, 2]})
    assert after == before
    assert after["version"] == 1
    assert (await ask(document, id=ticket_id))["ticket"]["history"]["totalCount"] == 1


async def test_an_update_fails_for_another_version(ask: Ask) -> None:
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


async def test_one_of_several_concurrent_updates_with_the_same_version_succeeds(ask: Ask) -> None:
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
    """Make another update between an update without a change and the read of its result."""

    async def after_another(statement: str, values: Sequence[Any]) -> list[Any]:
        if statement == FIND:
            await Ticket.filter(id=values[0]).update(subject="Theirs", version=2)
        return await fetch(statement, values)

    monkeypatch.setattr(ticket_changes, "fetch", after_another)


@pytest.mark.usefixtures("changed_meanwhile")
async def test_an_update_without_a_change_does_not_conflict_with_a_later_update(ask: Ask) -> None:
    ticket_id = await create(ask, subject="Same")
    ticket = await update(ask, id=ticket_id, expectedVersion=1, subject="Same")
    assert (ticket["version"], ticket["subject"]) == (2, "Theirs")


@pytest.mark.usefixtures("changed_meanwhile")
async def test_a_conflict_is_reported_even_if_the_version_matches_later(ask: Ask) -> None:
    ticket_id = await create(ask)
    error = await refused(ask, id=ticket_id, expectedVersion=2, subject="Ours")
    assert error["code"] == "VERSION_CONFLICT"
    assert error["current"] == {"id": ticket_id, "version": 2, "subject": "Theirs"}


async def test_concurrent_updates_all_increment_the_version(ask: Ask) -> None:
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
async def test_a_metadata_patch_is_merged_by_rfc_7396(
    ask: Ask, stored: object, patch: object, merged: object
) -> None:
    ticket_id = await create(ask, metadata=stored)
    ticket = await update(ask, id=ticket_id, metadataPatch=patch)
    assert ticket["metadata"] == merged


async def test_metadata_and_metadata_patch_exclude_each_other(ask: Ask) -> None:
    ticket_id = await create(ask, metadata={"a": 1})
    error = await refused(ask, id=ticket_id, metadata={}, metadataPatch={})
    assert (error["code"], error["path"]) == ("INVALID", ["input", "metadataPatch"])
    assert "metadata" in error["message"]
    assert (await Ticket.get()).metadata == '{"a": 1}'


async def test_a_patch_must_not_exceed_the_size_limit(ask: Ask) -> None:
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


async def test_update_reports_all_errors_at_once(ask: Ask) -> None:
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
