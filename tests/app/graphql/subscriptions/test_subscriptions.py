"""Results of subscriptions, and the sharing of work between equal ones."""

import asyncio
import gc
from contextlib import AsyncExitStack

import httpx2
import pytest

from engine.database.queries import default_client
from engine.streaming import stream
from engine.streaming.stream import BUFFER_SIZE
from engine.streaming.subscriber import Subscriber
from tests.app.graphql.operations import EVENTS, create
from tests.app.graphql.subscriptions.event_source import EventSource
from tests.app.graphql.subscriptions.transport_ws import Socket
from tests.conftest import GraphQL
from tests.waiting import until

DEEP = """
    subscription ($first: Int = 5, $after: String) {
      event: ticketEvents(after: $after) {
        __typename
        ...Change
        ticket {
          subject
          history(first: $first) { totalCount nodes { type cursor } }
          logEntries { nodes { action } }
        }
      }
    }
    fragment Change on TicketEvent { id type at actor changes { field before after } }
"""
UPDATE = """
    mutation ($id: ID!, $subject: String) {
      updateTicket(input: {id: $id, subject: $subject}) { ticket { version } }
    }
"""
DELETE = "mutation ($id: ID!) { deleteTicket(input: {id: $id}) { deletedId } }"
SEND = "mutation ($id: ID!) { sendToOps(input: {ticketId: $id}) { logEntry { id } } }"
LOG = "subscription ($id: ID) { logEntryAdded(ticketId: $id) { id ticketId action response } }"


async def test_an_event_has_the_selected_fields_of_itself_and_its_ticket(
    server: str, graphql: GraphQL
) -> None:
    ticket_id = await create(graphql)
    async with Socket.opened(server) as socket:
        await socket.subscribe("1", DEEP)
        await socket.wait_until_open()
        await graphql(UPDATE, id=ticket_id, subject="Another")
        event = (await socket.next("1"))["event"]
        assert list(event) == ["__typename", "id", "type", "at", "actor", "changes", "ticket"]
        assert event["__typename"] == "TicketEvent"
        assert event["type"] == "UPDATED"
        assert event["at"].endswith("Z")
        assert event["changes"] == [{"field": "subject", "before": "S", "after": "Another"}]
        assert event["ticket"]["subject"] == "Another"
        assert event["ticket"]["history"]["totalCount"] == 2
        assert [node["type"] for node in event["ticket"]["history"]["nodes"]] == [
            "UPDATED",
            "CREATED",
        ]
        assert event["ticket"]["logEntries"] == {"nodes": []}


async def test_the_event_of_a_deletion_has_no_ticket(server: str, graphql: GraphQL) -> None:
    ticket_id = await create(graphql)
    async with Socket.opened(server) as socket:
        await socket.subscribe("1", "subscription { ticketEvents { type ticketId ticket { id } } }")
        await socket.wait_until_open()
        await graphql(DELETE, id=ticket_id)
        assert (await socket.next("1"))["ticketEvents"] == {
            "type": "DELETED",
            "ticketId": ticket_id,
            "ticket": None,
        }


async def test_cursors_of_the_history_are_valid_in_the_feed(server: str, graphql: GraphQL) -> None:
    ticket_id = await create(graphql)
    await graphql(UPDATE, id=ticket_id, subject="B")
    await graphql(UPDATE, id=ticket_id, subject="C")
    history = "query ($id: ID!) { ticket(id: $id) { history(first: 100) { nodes { cursor } } } }"
    answer = await graphql(history, id=ticket_id)
    newest, middle, oldest = [
        node["cursor"] for node in answer["data"]["ticket"]["history"]["nodes"]
    ]
    async with Socket.opened(server) as socket:
        await socket.subscribe("1", EVENTS, after=oldest)
        came = [(await socket.next("1"))["ticketEvents"]["cursor"] for _ in range(2)]
        assert came == [middle, newest]
        assert await socket.receives_nothing()


async def test_a_delivery_attempt_is_received_when_it_is_logged(
    server: str, graphql: GraphQL
) -> None:
    ticket_id, other = await create(graphql), await create(graphql)
    async with Socket.opened(server) as socket:
        await socket.subscribe("all", LOG)
        await socket.subscribe("one", LOG, id=ticket_id)
        await socket.wait_until_open()
        await graphql(SEND, id=other)
        entry = (await socket.next("all"))["logEntryAdded"]
        assert (entry["ticketId"], entry["action"]) == (other, "SEND")
        sent = await graphql(SEND, id=ticket_id)
        first, second = await socket.receive(), await socket.receive()
        assert {first["id"], second["id"]} == {"all", "one"}
        for message in (first, second):
            entry = message["payload"]["data"]["logEntryAdded"]
            assert entry["id"] == sent["data"]["sendToOps"]["logEntry"]["id"]
            assert entry["response"]


async def test_equal_subscriptions_cost_as_much_as_one(
    server: str, graphql: GraphQL, statements: list[str]
) -> None:
    """Also with different cursors, and over both protocols."""
    tickets = [await create(graphql) for _ in range(20)]
    async with AsyncExitStack() as opened:
        cursors = []
        async with Socket.opened(server) as socket:
            await socket.subscribe("1", EVENTS, id=tickets[0])
            await socket.wait_until_open()
            await graphql(UPDATE, id=tickets[0], subject="T")
            cursors.append((await socket.next("1"))["ticketEvents"]["cursor"])
        sockets = [await opened.enter_async_context(Socket.opened(server)) for _ in range(20)]
        for number, socket in enumerate(sockets):
            variables = {"after": cursors[0]} if number % 2 else {}
            await socket.subscribe(str(number), DEEP, **variables)
            await socket.wait_until_open()
        await asyncio.sleep(0.1)
        statements.clear()
        await graphql(UPDATE, id=tickets[1], subject="T")
        answers = [await socket.next(str(number)) for number, socket in enumerate(sockets)]
        assert all(answer == answers[0] for answer in answers)
        # The ticket, its history with its count, its log entries.
        reads = [text for text in statements if text.startswith("SELECT") and "bound" not in text]
        assert len([text for text in reads if 'FROM "tickets"' in text]) == 1
        assert len([text for text in reads if 'FROM "log_entries"' in text]) == 1


async def test_different_subscriptions_get_different_results(server: str, graphql: GraphQL) -> None:
    ticket_id = await create(graphql)
    async with Socket.opened(server) as socket:
        subscription = """
            subscription ($first: Int!, $with: Boolean!) {
              ticketEvents {
                type @include(if: $with)
                ticket { history(first: $first) { nodes { type } } }
              }
            }
        """
        for first in (1, 2):
            for included in (True, False):
                variables = {"first": first, "with": included}
                await socket.subscribe(f"{first} {included}", subscription, **variables)
        await socket.wait_until_open()
        await graphql(UPDATE, id=ticket_id, subject="T")
        for _ in range(4):
            message = await socket.receive()
            first, included = message["id"].split()
            event = message["payload"]["data"]["ticketEvents"]
            assert ("type" in event) == (included == "True")
            assert len(event["ticket"]["history"]["nodes"]) == int(first)


LARGE_EVENTS = """
INSERT INTO ticket_events (id, ticket_id, type, changes)
SELECT
    gen_random_uuid()::text,
    'large',
    'updated',
    jsonb_build_array(
        jsonb_build_object('field', 'subject', 'before', null, 'after', repeat('x', 8000))
    )
FROM generate_series(1, $1)
"""


TWO_OPERATIONS = """
    subscription Changes($first: Int = 1) { ticketEvents { ...Event } }
    query Page($after: String) { tickets(first: 1, after: $after) { ...Page } }
    fragment Event on TicketEvent { ticket { history(first: $first) { nodes { type } } } }
    fragment Page on TicketConnection { nodes { history(after: $after) { totalCount } } }
"""


async def test_variables_of_another_operation_of_the_document_are_ignored(
    server: str, graphql: GraphQL
) -> None:
    ticket_id = await create(graphql)
    async with Socket.opened(server) as socket:
        await socket.send(
            type="subscribe",
            id="1",
            payload={
                "query": TWO_OPERATIONS,
                "operationName": "Changes",
                "variables": {"first": 2, "after": "of the other operation"},
            },
        )
        await socket.wait_until_open()
        await graphql(UPDATE, id=ticket_id, subject="Another")
        nodes = (await socket.next("1"))["ticketEvents"]["ticket"]["history"]["nodes"]
        assert nodes == [{"type": "UPDATED"}, {"type": "CREATED"}]


@pytest.fixture
def subscribers(monkeypatch: pytest.MonkeyPatch) -> list[Subscriber]:
    """Return the subscribers of the feeds, in the order in which they begin."""
    created: list[Subscriber] = []

    class Recorded(Subscriber):
        __slots__ = ()

        def __init__(self, only: str | None, *, size: int) -> None:
            super().__init__(only, size=size)
            created.append(self)

    monkeypatch.setattr(stream, "Subscriber", Recorded)
    return created


async def test_a_slow_consumer_is_ended_with_its_last_cursor(
    server: str, graphql: GraphQL, subscribers: list[Subscriber]
) -> None:
    """It can resume there. Until then it has used only a bounded buffer."""
    subscription = """
        subscription ($after: String) {
          ticketEvents(ticketId: "large", after: $after) { cursor changes { after } }
        }
    """
    total = 3 * BUFFER_SIZE + 1
    async with Socket.opened(server, max_queue=1, compression=None) as socket:
        await socket.subscribe("1", subscription)
        await socket.wait_until_open()
        # After the first event the subscriber is live: it no longer reads from the table.
        await default_client().execute_query_dict(LARGE_EVENTS, [1])
        cursors = [(await socket.next("1"))["ticketEvents"]["cursor"]]
        socket.connection.transport.pause_reading()
        # More than fits into the buffers of the connection.
        for _ in range(3):
            await default_client().execute_query_dict(LARGE_EVENTS, [BUFFER_SIZE])
            await create(graphql)
        [subscriber] = subscribers
        await until(lambda: subscriber.has_overflowed)
        socket.connection.transport.resume_reading()

        while (message := await socket.receive())["type"] == "next":
            cursors.append(message["payload"]["data"]["ticketEvents"]["cursor"])
        assert message["type"] == "error"
        [error] = message["payload"]
        assert error["extensions"]["code"] == "TOO_SLOW"
        assert error["extensions"]["lastCursor"] == cursors[-1]
        assert 0 < len(cursors) < total

        await socket.subscribe("2", subscription, after=cursors[-1])
        while len(cursors) < total:
            cursors.append((await socket.next("2"))["ticketEvents"]["cursor"])
        assert len(set(cursors)) == total
        assert await socket.receives_nothing()


async def test_both_protocols_deliver_the_same_events(
    server: str, http: httpx2.AsyncClient, graphql: GraphQL
) -> None:
    async with Socket.opened(server) as socket, EventSource.opened(http, DEEP) as source:
        await socket.subscribe("1", DEEP)
        await socket.wait_until_open()
        await create(graphql)
        assert await socket.next("1") == await source.next()


async def test_events_leave_nothing_in_memory(server: str, graphql: GraphQL) -> None:
    """However long a subscription is open."""
    ticket_id = await create(graphql)

    def collected_fields() -> int:
        gc.collect()
        return sum(type(one).__name__ == "CollectedFields" for one in gc.get_objects())

    async with Socket.opened(server) as socket:
        await socket.subscribe("1", DEEP)
        await socket.wait_until_open()
        counts = []
        for number in range(1, 31):
            await graphql(UPDATE, id=ticket_id, subject=f"Subject {number}")
            await socket.next("1")
            if number % 10 == 0:
                counts.append(collected_fields())
        assert counts[0] == counts[1] == counts[2]
