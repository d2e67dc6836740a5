"""Feeds that are read again from an old cursor, with selections that take long."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.bounds.harness import JSON, Answer, Target
from tests.bounds.inputs.hostile_input import HostileInput, in_parallel

__all__ = ["REPLAYS"]

EVENTS = 200
CHANGES = 12
ALIASES = 28
AT_ONCE = 2
_FIELDS = " ".join(f"a{number}: changes {{ field before after }}" for number in range(ALIASES))
SUBSCRIPTION = f"subscription ($after: String) {{ ticketEvents(after: $after) {{ id {_FIELDS} }} }}"


def create_events(target: Target) -> None:
    """Create a ticket with many events of many changes."""
    target.execute(
        "INSERT INTO tickets (id, subject, description, customer_name, customer_email)"
        " VALUES ('replayed', 'Printer', '', 'Ada', 'ada@example.com') ON CONFLICT DO NOTHING"
    )
    target.execute("DELETE FROM ticket_events WHERE ticket_id = 'replayed'")
    changes = [
        {"field": f"field{number}", "before": "x" * 20, "after": "y" * 20}
        for number in range(CHANGES)
    ]
    target.execute(
        "INSERT INTO ticket_events (id, ticket_id, type, changes)"
        " SELECT gen_random_uuid()::text, 'replayed', 'updated', $1::jsonb"
        " FROM generate_series(0, $2::int)",
        orjson.dumps(changes).decode(),
        EVENTS,
    )


def first_cursor(target: Target) -> str:
    """Return the cursor of the first of these events."""
    answer = target.graphql('{ ticket(id: "replayed") { history(last: 1) { nodes { cursor } } } }')
    [event] = orjson.loads(answer.content)["data"]["ticket"]["history"]["nodes"]
    cursor: str = event["cursor"]
    return cursor


def by_event_stream(target: Target, number: int) -> Answer:  # noqa: ARG001  # one of several
    """Read all later events from an event stream."""
    body = {"query": SUBSCRIPTION, "variables": {"after": first_cursor(target)}}
    headers = {**JSON, "Accept": "text/event-stream"}
    with (
        target.client() as client,
        client.stream("POST", "/graphql", json=body, headers=headers) as response,
    ):
        lines = (line[6:] for line in response.iter_lines() if line.startswith("data: {"))
        return _answer(map(orjson.loads, lines))


def by_websocket(target: Target, number: int) -> Answer:  # noqa: ARG001  # one of several
    """Read all later events from a WebSocket."""
    payload = {"query": SUBSCRIPTION, "variables": {"after": first_cursor(target)}}
    credential = {"authorization": target.headers()["Authorization"]}
    # It answers the pings of the server.
    with connect(
        target.url.replace("http", "ws") + "/graphql",
        subprotocols=[Subprotocol("graphql-transport-ws")],
        open_timeout=60,
        ping_interval=None,
        max_size=None,
    ) as socket:
        socket.send(orjson.dumps({"type": "connection_init", "payload": credential}), text=True)
        assert orjson.loads(socket.recv())["type"] == "connection_ack"
        socket.send(orjson.dumps({"type": "subscribe", "id": "1", "payload": payload}), text=True)
        return _answer(orjson.loads(message)["payload"] for message in socket)


def _answer(results: Iterator[Any]) -> Answer:
    count = 0
    for count, result in enumerate(results, 1):
        if "errors" in result:
            [error, *_] = result["errors"]
            return Answer(200, error["extensions"]["code"], error["message"], b"")
        if count == EVENTS:
            return Answer(200, None, "", b"")
    raise AssertionError(f"it ended after {count} events")


_replay = partial(HostileInput, prepare=create_events)

REPLAYS = [
    _replay(
        name=f"{AT_ONCE} event streams of {EVENTS} old events, each {ALIASES} times",
        send=lambda target: in_parallel(AT_ONCE, partial(by_event_stream, target)),
    ),
    _replay(
        name=f"WebSocket: {AT_ONCE} subscriptions to {EVENTS} old events, each {ALIASES} times",
        send=lambda target: in_parallel(AT_ONCE, partial(by_websocket, target)),
    ),
]
