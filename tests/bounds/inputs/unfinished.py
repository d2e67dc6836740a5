"""Bodies and messages that lack their end, on many connections at once."""

from contextlib import ExitStack, suppress
from functools import partial

from tests.bounds.harness import MIB, Answer, Target
from tests.bounds.inputs.hostile_input import HostileInput
from tests.bounds.inputs.sockets import STILL_OPEN, open_websocket
from tests.proof.wire import frame, frames

__all__ = ["UNFINISHED"]

CONNECTIONS = 400
CONTENT = b" " * 900_000
REQUEST = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
# The input scheduler refuses input if much arrives at once, so some get its answer.
ATTEMPTS = 20


def send_bodies(target: Target) -> Answer:
    """Send requests that lack one byte of their bodies; return the first answer to another one."""
    token = target.headers()["Authorization"].encode()
    length = len(CONTENT) + 1
    head = REQUEST + b"Authorization: %b\r\nContent-Length: %d\r\n\r\n" % (token, length)
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            wire = stack.enter_context(target.connect())
            with suppress(ConnectionError):
                wire.sendall(head + CONTENT)
        for _ in range(ATTEMPTS):
            wire = stack.enter_context(target.connect())
            wire.settimeout(1)
            with suppress(OSError):
                wire.sendall(head + CONTENT)
                answer = wire.recv(65_536)
                if answer:
                    return Answer(int(answer[9:12]), None, "", answer)
    return STILL_OPEN


def send_messages(target: Target) -> Answer:
    """Send the first fragment of a message on many WebSockets; return how the last one ended.

    A ping after each shows that the server has received it.
    """
    answer = b""
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            wire = stack.enter_context(open_websocket(target, is_known=True))
            wire.sendall(frame(1, CONTENT, is_last=False) + frame(9, b""))
            answer = wire.recv(65_536)
    opcode, payload = next(frames(answer))
    if opcode != 8:
        return STILL_OPEN
    return Answer(int.from_bytes(payload[:2]), None, payload[2:].decode(), answer)


# A caller has 64 MiB, and the input that waits to be parsed as much. The first ones must not end
# before the last ones, also on a busy machine.
_patient = partial(
    HostileInput, settings={"REQUEST_TIMEOUT_MS": "60000"}, max_memory_bytes=224 * MIB
)

UNFINISHED = [
    _patient(
        name=f"bodies of 900 kB without their last byte, on {CONNECTIONS} connections",
        send=send_bodies,
        status=503,
    ),
    _patient(
        name=f"messages of 900 kB without their last fragment, on {CONNECTIONS} WebSockets",
        send=send_messages,
        status=1013,
    ),
]
