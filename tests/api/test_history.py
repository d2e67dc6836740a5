"""The history has each change of a ticket once, in order, with values before and after."""

import asyncio
from itertools import pairwise

from tests.api.operations import Ask, create

UPDATE = """
    mutation ($input: UpdateTicketInput!) { updateTicket(input: $input) { errors { message } } }
"""
HISTORY = """
    query ($id: ID!, $first: Int, $after: String) {
      ticket(id: $id) {
        updatedAt
        history(first: $first, after: $after) {
          totalCount
          nodes {
            id type ticketId ticket { id } at actor cursor
            changes { __typename field before after }
          }
          edges { cursor node { id } }
          pageInfo { hasNextPage endCursor }
        }
      }
    }
"""


async def test_an_event_has_the_values_before_and_after(ask: Ask) -> None:
    ticket_id = await create(ask, assignedTo="ada", metadata={"a": 1})
    change = {"id": ticket_id, "status": "CLOSED", "assignedTo": None, "metadata": [1.5, "x"]}
    await ask(UPDATE, input=change)
    ticket = (await ask(HISTORY, id=ticket_id))["ticket"]
    [event, first] = ticket["history"]["nodes"]
    assert (event["type"], event["ticketId"]) == ("UPDATED", ticket_id)
    assert event["ticket"] == {"id": ticket_id}
    assert event["at"] == ticket["updatedAt"]
    changes = {change.pop("field"): change for change in event["changes"]}
    kind = {"__typename": "FieldChange"}
    assert changes == {
        "status": kind | {"before": "OPEN", "after": "CLOSED"},
        "assignedTo": kind | {"before": "ada", "after": None},
        "metadata": kind | {"before": {"a": 1}, "after": [1.5, "x"]},
    }
    assert first["type"] == "CREATED"
    made = {change["field"]: (change["before"], change["after"]) for change in first["changes"]}
    assert made["subject"] == (None, "Printer on fire")
    assert made["priority"] == (None, "MEDIUM")
    assert "customerPhone" not in made


async def test_a_metadata_patch_is_recorded_as_a_change_of_metadata(ask: Ask) -> None:
    ticket_id = await create(ask, metadata={"a": 1})
    await ask(UPDATE, input={"id": ticket_id, "metadataPatch": {"b": 2}})
    [event, _] = (await ask(HISTORY, id=ticket_id))["ticket"]["history"]["nodes"]
    assert event["changes"] == [
        {
            "__typename": "FieldChange",
            "field": "metadata",
            "before": {"a": 1},
            "after": {"a": 1, "b": 2},
        }
    ]


async def test_concurrent_updates_are_recorded_without_a_gap(ask: Ask) -> None:
    """Each change starts from the result of the previous one, in the order of the feed."""
    ticket_id = await create(ask, metadata={})
    await asyncio.gather(
        *(
            ask(
                UPDATE,
                input={"id": ticket_id, "subject": f"{number}", "metadataPatch": {f"{number}": 1}},
            )
            for number in range(60)
        )
    )
    history = (await ask(HISTORY, id=ticket_id, first=100))["ticket"]["history"]
    changes = [
        {change["field"]: (change["before"], change["after"]) for change in event["changes"]}
        for event in reversed(history["nodes"])
    ]
    assert len(changes) == 61
    for before, after in pairwise(changes):
        assert after["subject"][0] == before["subject"][1]
        assert after["metadata"][0] == before["metadata"][1]
    assert len(changes[-1]["metadata"][1]) == 60


async def test_the_history_is_paged_newest_first(ask: Ask) -> None:
    ticket_id = await create(ask)
    for number in range(4):
        await ask(UPDATE, input={"id": ticket_id, "subject": f"Change {number}"})
    first = (await ask(HISTORY, id=ticket_id, first=3))["ticket"]["history"]
    assert first["totalCount"] == 5
    assert [node["changes"][0]["after"] for node in first["nodes"]] == [
        "Change 3",
        "Change 2",
        "Change 1",
    ]
    after = first["pageInfo"]["endCursor"]
    second = (await ask(HISTORY, id=ticket_id, first=3, after=after))["ticket"]["history"]
    assert [node["type"] for node in second["nodes"]] == ["UPDATED", "CREATED"]
    assert not second["pageInfo"]["hasNextPage"]


async def test_the_cursor_of_an_event_is_the_cursor_of_its_edge(ask: Ask) -> None:
    ticket_id = await create(ask)
    await ask(UPDATE, input={"id": ticket_id, "subject": "New"})
    history = (await ask(HISTORY, id=ticket_id))["ticket"]["history"]
    cursors = [edge["cursor"] for edge in history["edges"]]
    assert [node["cursor"] for node in history["nodes"]] == cursors
    rest = (await ask(HISTORY, id=ticket_id, after=cursors[0]))["ticket"]["history"]
    assert [node["type"] for node in rest["nodes"]] == ["CREATED"]
