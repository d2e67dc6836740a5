"""The protocol graphql-transport-ws: messages and close codes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.exceptions import ConnectionClosed

from app.config.settings import Settings
from app.graphql import (
    ConnectionRegistry,
    GraphQLWebSocket,
    OperationRunner,
    SubscriptionLimits,
)
from tests.app.graphql.operations import CREATE, EVENTS, TYPENAME, create
from tests.app.graphql.subscriptions.transport_ws import PROTOCOL, Socket
from tests.conftest import GraphQL


async def test_a_query_has_one_result_and_is_complete(server: str) -> None:
    async with Socket.opened(server) as socket:
        await socket.subscribe("1", TYPENAME)
        assert await socket.receive() == {
            "id": "1",
            "type": "next",
            "payload": {"data": {"__typename": "Query"}},
        }
        assert await socket.receive() == {"id": "1", "type": "complete"}


async def test_a_mutation_is_executed(server: str, graphql: GraphQL) -> None:
    async with Socket.opened(server) as socket:
        await socket.subscribe("1", CREATE)
        ticket_id = (await socket.next("1"))["createTicket"]["ticket"]["id"]
        found = await graphql("query ($id: ID!) { ticket(id: $id) { id } }", id=ticket_id)
        assert found["data"]["ticket"] == {"id": ticket_id}


async def test_execution_errors_are_part_of_the_result(server: str) -> None:
    async with Socket.opened(server) as socket:
        await socket.subscribe("1", "{ tickets(first: 0) { totalCount } }")
        message = await socket.receive()
        assert message["type"] == "next"
        assert message["payload"]["data"] is None
        [error] = message["payload"]["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["first"]}
        assert await socket.receive() == {"id": "1", "type": "complete"}


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query ($id: ID!) { ticket(id: $id) { id } }", {}, "BAD_USER_INPUT"),
        ("query A { __typename } query B { __typename }", {}, "BAD_USER_INPUT"),
        ("fragment F on Ticket { id }", {}, "GRAPHQL_VALIDATION_FAILED"),
        (
            "subscription { ticketEvents { id } logEntryAdded { id } }",
            {},
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (EVENTS, {"after": "nonsense"}, "BAD_USER_INPUT"),
        (EVENTS, {"after": "WyJsb2dfZW50cmllcyIsMSwyXQ"}, "BAD_USER_INPUT"),
        (EVENTS, {"after": "WyJldmVudHMiLDQ2MTE2ODYwMTg0MjczODc5MDQsMV0"}, "BAD_USER_INPUT"),
        (EVENTS, {"id": ""}, "BAD_USER_INPUT"),
        (EVENTS, {"id": "x" * 65}, "BAD_USER_INPUT"),
        (EVENTS, {"after": 1}, "BAD_USER_INPUT"),
    ],
)
async def test_an_operation_that_cannot_run_ends_with_an_error(
    server: str, query: str, variables: dict[str, Any], code: str
) -> None:
    """The WebSocket stays open, and the id can be used again."""
    async with Socket.opened(server) as socket:
        await socket.subscribe("1", query, **variables)
        message = await socket.receive()
        assert (message["id"], message["type"]) == ("1", "error")
        assert {error["extensions"]["code"] for error in message["payload"]} == {code}
        await socket.subscribe("1", TYPENAME)
        assert await socket.next("1") == {"__typename": "Query"}


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ("nonsense", "is not a cursor"),
        ("WyJsb2dfZW50cmllcyIsMSwyXQ", "a cursor of another list"),
        ("WyJldmVudHMiLDQ2MTE2ODYwMTg0MjczODc5MDQsMV0", "a cursor of another database"),
    ],
)
async def test_an_invalid_cursor_is_reported_with_its_argument(
    server: str, after: str, words: str
) -> None:
    async with Socket.opened(server) as socket:
        await socket.subscribe("1", EVENTS, after=after)
        [error] = (await socket.receive())["payload"]
        assert words in error["message"]
        assert error["extensions"]["argument"] == ["after"]
        assert error["path"] == ["ticketEvents"]


async def test_no_event_is_missed_after_the_pong_that_follows_a_subscribe(
    server: str, graphql: GraphQL
) -> None:
    for _ in range(10):
        async with Socket.opened(server) as socket:
            await create(graphql)
            await socket.subscribe("1", EVENTS)
            await socket.wait_until_open()
            ticket_id = await create(graphql)
            event = (await socket.next("1"))["ticketEvents"]
            assert (event["type"], event["ticketId"]) == ("CREATED", ticket_id)


async def test_a_completed_operation_sends_nothing_more(server: str, graphql: GraphQL) -> None:
    async with Socket.opened(server) as socket:
        await socket.subscribe("1", EVENTS)
        await socket.wait_until_open()
        await socket.send(type="complete", id="1")
        await socket.wait_until_open()
        await create(graphql)
        assert await socket.receives_nothing()
        # The id can be used again.
        await socket.subscribe("1", TYPENAME)
        assert await socket.next("1") == {"__typename": "Query"}


async def test_completing_an_unknown_id_is_ignored(server: str) -> None:
    async with Socket.opened(server) as socket:
        await socket.send(type="complete", id="never seen")
        await socket.wait_until_open()


async def test_concurrent_operations_are_independent(server: str, graphql: GraphQL) -> None:
    async with Socket.opened(server) as socket:
        ticket_id = await create(graphql)
        await socket.subscribe("all", EVENTS)
        await socket.subscribe("one", EVENTS, id=ticket_id)
        await socket.wait_until_open()
        await create(graphql)
        assert (await socket.receive())["id"] == "all"
        change = (
            'mutation ($id: ID!) { updateTicket(input: {id: $id, subject: "T"}) { ticket { id } } }'
        )
        await graphql(change, id=ticket_id)
        assert {(await socket.receive())["id"], (await socket.receive())["id"]} == {"all", "one"}


async def test_a_ping_is_answered_before_the_initialization(server: str) -> None:
    async with Socket.opened(server, init=False) as socket:
        await socket.send(type="ping", payload={"at": [1, None]})
        assert await socket.receive() == {"type": "pong", "payload": {"at": [1, None]}}
        await socket.send(type="ping", payload=None)
        assert await socket.receive() == {"type": "pong"}
        digits = "9" * 5_000
        await socket.send_raw(f'{{"type": "ping", "payload": {{"n": [{digits}, 1.50, 1e400]}}}}')
        text = await socket.connection.recv()
        assert text == f'{{"type":"pong","payload":{{"n":[{digits},1.50,1e400]}}}}'
        await socket.send(type="pong", payload={"unasked": True})
        await socket.wait_until_open()


@pytest.mark.parametrize(
    "message",
    [
        "",
        "no JSON",
        "{",
        "null",
        "5",
        '"text"',
        "true",
        "[]",
        "[1, 2]",
        "{}",
        '{"type": null}',
        '{"type": 5}',
        '{"type": "unheard of"}',
        '{"type": "start", "id": "1", "payload": {"query": "{ __typename }"}}',
        '{"type": "connection_ack"}',
        '{"type": "next", "id": "1", "payload": {}}',
        '{"type": "error", "id": "1", "payload": []}',
        '{"type": "connection_init", "payload": 5}',
        '{"type": "connection_init", "payload": []}',
        '{"type": "ping", "payload": "x"}',
        '{"type": "pong", "payload": [1]}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": null}',
        '{"type": "subscribe", "id": "1", "payload": []}',
        '{"type": "subscribe", "id": "1", "payload": {}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": 5}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": []}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "operationName": 5}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "extensions": "x"}}',
        '{"type": "subscribe", "payload": {"query": "{a}"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{a}"}}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{a}"}}',
        '{"type": "subscribe", "id": "' + "a" * 201 + '", "payload": {"query": "{a}"}}',
        '{"type": "complete"}',
        '{"type": "complete", "id": 7}',
        '{"type": "complete", "id": ""}',
        '{"type": "ping", "payload": ' + '{"a":' * 300 + "1" + "}" * 301,
        '{"type": "ping", "payload": {"a": "\\ud800"}}',
        b'{"type": "ping"}',
        b"\x00\xff",
    ],
)
async def test_an_invalid_message_closes_with_4400(server: str, message: str | bytes) -> None:
    async with Socket.opened(server) as socket:
        await socket.send_raw(message)
        code, reason = await socket.closed()
        assert code == 4400
        assert reason


async def test_an_operation_before_the_connection_is_acknowledged_closes_with_4401(
    server: str,
) -> None:
    async with Socket.opened(server, init=False) as socket:
        await socket.subscribe("1", TYPENAME)
        assert await socket.closed() == (4401, "Unauthorized")


async def test_an_id_in_use_closes_with_4409(server: str) -> None:
    async with Socket.opened(server) as socket:
        await socket.subscribe("1", EVENTS)
        await socket.subscribe("1", TYPENAME)
        assert await socket.closed() == (4409, "Subscriber for 1 already exists")


async def test_a_long_reason_is_truncated(server: str) -> None:
    async with Socket.opened(server) as socket:
        await socket.subscribe("ä" * 200, EVENTS)
        await socket.subscribe("ä" * 200, TYPENAME)
        code, reason = await socket.closed()
        assert code == 4409
        assert reason.startswith("Subscriber for ää")


async def test_a_second_initialisation_closes_with_4429(server: str) -> None:
    async with Socket.opened(server) as socket:
        await socket.send(type="connection_init")
        assert await socket.closed() == (4429, "Too many initialisation requests")


@pytest.mark.parametrize("protocols", [(), ("graphql-ws",), ("x", "y")])
async def test_a_missing_subprotocol_closes_with_4406(
    server: str, protocols: tuple[str, ...]
) -> None:
    async with Socket.opened(server, protocols=protocols, init=False) as socket:
        assert await socket.closed() == (4406, "Subprotocol not acceptable")


async def test_the_subprotocol_is_selected_among_others(server: str) -> None:
    async with Socket.opened(server, protocols=("graphql-ws", PROTOCOL)) as socket:
        assert socket.connection.subprotocol == PROTOCOL
        await socket.wait_until_open()


@asynccontextmanager
async def serving_sockets(settings: Settings, *, init_timeout_s: float) -> AsyncIterator[str]:
    endpoint = GraphQLWebSocket(
        settings,
        OperationRunner(settings),
        ConnectionRegistry(),
        SubscriptionLimits(settings),
        init_timeout_s=init_timeout_s,
    )
    app = Starlette(routes=[WebSocketRoute("/graphql", endpoint)])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn offers no event to wait for
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


async def test_a_missing_initialization_closes_with_4408(
    settings: Callable[..., Settings],
) -> None:
    async with (
        serving_sockets(settings(), init_timeout_s=0.2) as server,
        Socket.opened(server, init=False) as socket,
    ):
        await socket.send(type="ping")
        assert await socket.closed() == (4408, "Connection initialisation timeout")


async def test_a_message_above_the_size_limit_closes_with_1009(server: str) -> None:
    async with Socket.opened(server) as socket:
        # The server may close before all of the message is sent.
        with suppress(ConnectionClosed):
            await socket.send(type="ping", payload={"a": "x" * 20_000_000})
        code, _ = await socket.closed()
        assert code == 1009


async def test_operations_above_the_limit_are_rejected_one_by_one(server: str) -> None:
    async with Socket.opened(server) as socket:
        for number in range(100):
            await socket.subscribe(str(number), EVENTS)
        await socket.wait_until_open()
        await socket.subscribe("one too many", TYPENAME)
        message = await socket.receive()
        assert (message["id"], message["type"]) == ("one too many", "error")
        assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        await socket.send(type="complete", id="7")
        await socket.subscribe("in its place", TYPENAME)
        await socket.next("in its place")


async def test_results_are_encoded_as_over_http(server: str, graphql: GraphQL) -> None:
    """JSON as stored, timestamps in UTC with Z."""
    metadata = '{"b": 1.50, "a": [1e2, null]}'
    create = """
        mutation ($m: JSON) {
          createTicket(input: {
            subject: "S", description: "", customerName: "N", customerEmail: "n@example.com",
            metadata: $m
          }) { ticket { id } }
        }
    """
    answer = await graphql(create, m=json.loads(metadata))
    ticket_id = answer["data"]["createTicket"]["ticket"]["id"]
    query = "query ($id: ID!) { ticket(id: $id) { createdAt metadata } }"
    async with Socket.opened(server) as socket:
        await socket.subscribe("1", query, id=ticket_id)
        over_http = await graphql(query, id=ticket_id)
        assert await socket.next("1") == over_http["data"]
        assert over_http["data"]["ticket"]["createdAt"].endswith("Z")


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null"])
async def test_a_page_of_another_origin_opens_no_websocket(server: str, origin: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with Socket.opened(server, origin=origin):
            pass
    assert refused.value.response.status_code == 403


async def test_a_page_of_this_origin_opens_a_websocket(server: str) -> None:
    async with Socket.opened(server, origin=server) as socket:
        await socket.wait_until_open()


async def test_a_disconnect_cleans_up(server: str, graphql: GraphQL) -> None:
    async with Socket.opened(server) as socket:
        await socket.subscribe("1", EVENTS)
        await socket.wait_until_open()
        socket.connection.transport.abort()
    # The feed continues for others.
    async with Socket.opened(server) as socket:
        await socket.subscribe("1", EVENTS)
        await socket.wait_until_open()
        await create(graphql)
        await socket.next("1")
