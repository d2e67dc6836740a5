"""Large messages of graphql-transport-ws, before and after the connection is initialized."""

from contextlib import suppress
from functools import partial
from typing import Any

import orjson

from tests.bounds.harness import Answer, Target
from tests.bounds.inputs.documents import (
    ALIASES,
    CONDITIONS,
    conditions,
    fields,
    filtered,
    new_document,
)
from tests.bounds.inputs.hostile_input import HostileInput, in_parallel
from tests.bounds.inputs.json_values import FIELDS, ONES
from tests.bounds.inputs.sockets import CLOSED, open_websocket
from tests.proof.wire import frame, frames, handshake, received

__all__ = ["MESSAGES"]

AT_ONCE = 8


def exchange(target: Target, message: object, *, is_known: bool = True) -> Answer:
    """Send one message, and return the first answer to it."""
    if is_known:
        wire = open_websocket(target, is_known=True)
    else:
        wire = target.connect()
        wire.sendall(handshake("localhost"))
        received(wire, b"\r\n\r\n")
    with wire:
        with suppress(OSError):
            wire.sendall(frame(1, orjson.dumps(message)))
        answer = bytearray()
        while True:
            with suppress(ValueError, IndexError):
                for opcode, payload in frames(bytes(answer)):
                    return _answer(opcode, payload)
            try:
                chunk = wire.recv(65_536)
            except OSError:
                chunk = b""
            if not chunk:
                return CLOSED
            answer += chunk


def _answer(opcode: int, payload: bytes) -> Answer:
    if opcode == 8:
        return Answer(int.from_bytes(payload[:2]), None, payload[2:].decode(), payload)
    message = orjson.loads(payload)
    if message["type"] != "error":
        return Answer(200, None, "", payload)
    [error, *_] = message["payload"]
    return Answer(200, error["extensions"]["code"], error["message"], payload)


def subscribe(target: Target, document: str, **payload: Any) -> Answer:
    """Run an operation on a WebSocket of its own."""
    message = {"type": "subscribe", "id": "1", "payload": {"query": document, **payload}}
    return exchange(target, message)


def in_payload(target: Target, kind: str, value: object, *, is_known: bool = True) -> Answer:
    """Send a message of another kind with a payload."""
    return exchange(target, {"type": kind, "payload": {"x": value}}, is_known=is_known)


_too_many = partial(HostileInput, status=4400, setting="MAX_JSON_VALUES")
VIEWER = "{ viewer { name } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
CREATED = "subscription ($f: TicketFilter) { ticketEvents(filter: $f) { id } }"

MESSAGES = [
    _too_many(
        name="WebSocket: 450,000 numbers in a variable",
        send=lambda target: subscribe(target, VIEWER, variables={"j": ONES}),
    ),
    _too_many(
        name="WebSocket: 250,000 ids in `nodes`",
        send=lambda target: subscribe(target, NODES, variables={"ids": ["a"] * 250_000}),
    ),
    _too_many(
        name="WebSocket: 70,000 unknown members of `subscribe`",
        send=lambda target: subscribe(target, VIEWER, **FIELDS),
    ),
    _too_many(
        name="WebSocket: 450,000 numbers in `extensions`",
        send=lambda target: subscribe(target, VIEWER, extensions={"x": ONES}),
    ),
    _too_many(
        name="WebSocket: 450,000 numbers in a `ping`",
        send=lambda target: in_payload(target, "ping", ONES),
    ),
    HostileInput(
        name="WebSocket: 39,000 numbers in a `ping`",
        send=lambda target: in_payload(target, "ping", ONES[:39_000]),
    ),
    HostileInput(
        name="WebSocket, no credential: 30,000 numbers in `connection_init`",
        send=lambda target: in_payload(target, "connection_init", ONES[:30_000], is_known=False),
        status=4401,
    ),
    HostileInput(
        name="WebSocket, no credential: 450,000 numbers in `connection_init`",
        send=lambda target: in_payload(target, "connection_init", ONES, is_known=False),
        status=1008,
    ),
    HostileInput(
        name=f"WebSocket: {AT_ONCE} new documents of 1,900 tokens at once",
        send=lambda target: in_parallel(AT_ONCE, lambda _: subscribe(target, new_document())),
    ),
    HostileInput(
        name=f"WebSocket: {AT_ONCE} new documents of 1,200 fields at once",
        send=lambda target: in_parallel(AT_ONCE, lambda _: subscribe(target, fields())),
    ),
    HostileInput(
        name=f"WebSocket: {CONDITIONS} conditions in {ALIASES} variables, {AT_ONCE} at once",
        send=lambda target: in_parallel(
            AT_ONCE,
            lambda _: subscribe(
                target,
                filtered(variables=ALIASES),
                variables={f"f{number}": conditions(CONDITIONS) for number in range(ALIASES)},
            ),
        ),
    ),
]
