"""Floods of WebSocket frames and of connections."""

import select
import socket
import time
from contextlib import ExitStack, suppress
from functools import partial

import orjson

from tests.bounds.harness import MIB, Answer, Target
from tests.bounds.inputs.hostile_input import HostileInput
from tests.proof.wire import frame, frames, handshake, received

__all__ = ["SOCKETS"]

FLOOD_S = 3.0
SOCKETS_OF_A_FLOOD = 10
CONNECTIONS = 900
IDLE_SOCKETS = 200
LARGE_TEXT = "x" * 900_000
QUERIES = b"".join(
    frame(
        1,
        orjson.dumps(
            {"id": name, "type": "subscribe", "payload": {"query": "{ viewer { name } }"}}
        ),
    )
    for name in [*map(str, range(80)), "last"]
)
BEGINNING = frame(1, b"", is_last=False)
EMPTY_CONTINUATIONS = frame(0, b"", is_last=False) * 20_000
PINGS = frame(9, b"") * 20_000
FULL_PINGS = frame(9, b"x" * 125) * 2000
MESSAGES = frame(1, b'{"type":"ping"}') * 5000
STILL_OPEN = Answer(-1, None, "still open", b"")
# The status of a connection that the server has closed without a close frame.
CLOSED = Answer(0, None, "closed", b"")


def open_websocket(target: Target, *, is_known: bool) -> socket.socket:
    """Open a WebSocket, and initialize it with a credential if the caller is known."""
    wire = target.connect()
    wire.sendall(handshake("localhost"))
    received(wire, b"\r\n\r\n")
    if is_known:
        payload = {"authorization": target.headers()["Authorization"]}
        wire.sendall(frame(1, orjson.dumps({"type": "connection_init", "payload": payload})))
        received(wire, b"connection_ack")
    return wire


def flood(
    target: Target, beginning: bytes, more: bytes, *, is_known: bool, reads: bool = True
) -> Answer:
    """Send frames on several WebSockets for some seconds, and return how the first one ended."""
    with ExitStack() as stack:
        wires = [
            stack.enter_context(open_websocket(target, is_known=is_known))
            for _ in range(SOCKETS_OF_A_FLOOD)
        ]
        answers = {wire: bytearray() for wire in wires}
        pending = {wire: memoryview(beginning + more) for wire in wires}
        left = set(wires)
        for wire in wires:
            wire.setblocking(False)  # noqa: FBT003  # the parameter has no name
        deadline_s = time.monotonic() + FLOOD_S
        while left and time.monotonic() < deadline_s:
            readable, writable, _ = select.select(left if reads else [], left, [], 0.1)
            for wire in writable:
                with suppress(OSError):
                    sent = wire.send(pending[wire])
                    pending[wire] = pending[wire][sent:] or memoryview(more)
            for wire in readable:
                if not _read(wire, answers[wire]):
                    left.discard(wire)
        if not reads:
            for wire in wires:
                while _read(wire, answers[wire]):
                    pass
        # The server discards what a client sends after the close frame, for a while.
        closed = _close_of(answers[wires[0]])
        return STILL_OPEN if closed is CLOSED and wires[0] in left and reads else closed


def stay_idle(target: Target, message: bytes) -> Answer:
    """Send a message on each of many WebSockets, one after the other, and keep them open."""
    with ExitStack() as stack:
        for _ in range(IDLE_SOCKETS):
            wire = stack.enter_context(open_websocket(target, is_known=True))
            wire.sendall(frame(1, message) + frame(1, b'{"type":"ping"}'))
            received(wire, b'"pong"')
        return STILL_OPEN


def query_at_once(target: Target) -> Answer:
    """Send short queries on many WebSockets at once, and wait for the last response of each."""
    with ExitStack() as stack:
        wires = [
            stack.enter_context(open_websocket(target, is_known=True)) for _ in range(IDLE_SOCKETS)
        ]
        for wire in wires:
            wire.sendall(QUERIES)
        for wire in wires:
            received(wire, b'{"id":"last","type":"complete"}')
        return STILL_OPEN


def _read(wire: socket.socket, answer: bytearray) -> bool:
    """Read what has arrived, and return whether more can arrive."""
    try:
        chunk = wire.recv(65_536)
    except OSError:
        # Nothing to read now, or reset.
        return False
    answer += chunk
    return bool(chunk)


def _close_of(answer: bytearray) -> Answer:
    with suppress(ValueError, IndexError):
        for opcode, payload in frames(bytes(answer)):
            if opcode == 8:
                return Answer(int.from_bytes(payload[:2]), None, payload[2:].decode(), b"")
    return CLOSED


def connect_often(target: Target, beginning: bytes) -> Answer:
    """Open many connections, and return whether the oldest one is closed."""
    with ExitStack() as stack:
        wires = []
        for _ in range(CONNECTIONS):
            with suppress(OSError):
                wires.append(stack.enter_context(target.connect()))
                wires[-1].sendall(beginning)
        wires[0].settimeout(1)
        try:
            return STILL_OPEN if wires[0].recv(1) else CLOSED
        except TimeoutError:
            return STILL_OPEN
        except OSError:
            return CLOSED


def close_at_once(target: Target, content: bytes) -> Answer:
    """Send requests on many connections, one after the other, and read no response."""
    for _ in range(CONNECTIONS):
        with target.connect() as wire:
            wire.sendall(content)
    return CLOSED


_unknown = partial(HostileInput, status=1008)
_idle = partial(HostileInput, status=-1, is_isolated=True, max_memory_bytes=64 * MIB)
_known = partial(HostileInput, status=1008, setting="MAX_WEBSOCKET_FRAMES")

SOCKETS = [
    _unknown(
        name="WebSocket, no credential: empty continuation frames",
        send=partial(flood, beginning=BEGINNING, more=EMPTY_CONTINUATIONS, is_known=False),
    ),
    _unknown(
        name="WebSocket, no credential: empty pings",
        send=partial(flood, beginning=b"", more=PINGS, is_known=False),
    ),
    _unknown(
        name="WebSocket, no credential: pings, whose pongs are not read",
        send=partial(flood, beginning=b"", more=FULL_PINGS, is_known=False, reads=False),
    ),
    _known(
        name="WebSocket: empty continuation frames",
        send=partial(flood, beginning=BEGINNING, more=EMPTY_CONTINUATIONS, is_known=True),
    ),
    _known(
        name="WebSocket: empty pings",
        send=partial(flood, beginning=b"", more=PINGS, is_known=True),
    ),
    _known(
        name="WebSocket: messages `ping`",
        send=partial(flood, beginning=b"", more=MESSAGES, is_known=True),
    ),
    HostileInput(
        name=f"{IDLE_SOCKETS} WebSockets with 81 short queries each",
        send=query_at_once,
        status=-1,
    ),
    _idle(
        name=f"{IDLE_SOCKETS} WebSockets that stay idle after a message of 900 kB",
        send=partial(
            stay_idle, message=orjson.dumps({"type": "pong", "payload": {"x": LARGE_TEXT}})
        ),
    ),
    _idle(
        name=f"{IDLE_SOCKETS} subscriptions with a variable of 900 kB that they do not declare",
        send=partial(
            stay_idle,
            message=orjson.dumps(
                {
                    "id": "1",
                    "type": "subscribe",
                    "payload": {
                        "query": "subscription { ticketEvents { id } }",
                        "variables": {"x": LARGE_TEXT},
                    },
                }
            ),
        ),
    ),
    HostileInput(
        name=f"no credential: {CONNECTIONS} connections that close after 16 requests each",
        send=partial(
            close_at_once, content=b"GET /tickets HTTP/1.1\r\nHost: localhost\r\n\r\n" * 16
        ),
        status=0,
        is_isolated=True,
        max_memory_bytes=200 * MIB,
    ),
    HostileInput(
        name=f"{CONNECTIONS} idle connections, of which 200 are allowed",
        send=partial(connect_often, beginning=b""),
        settings={"MAX_UNAUTHENTICATED_CONNECTIONS": "200"},
        status=0,
    ),
    HostileInput(
        name=f"{CONNECTIONS} connections with half a head, of which 200 are allowed",
        send=partial(connect_often, beginning=b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nA: "),
        settings={"MAX_UNAUTHENTICATED_CONNECTIONS": "200"},
        status=0,
    ),
]
