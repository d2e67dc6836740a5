"""Heads of requests that consist of many short headers, on many connections at once."""

import select
import time
from contextlib import ExitStack, suppress
from functools import partial

from tests.bounds.harness import MIB, Answer, Target
from tests.bounds.inputs.hostile_input import HostileInput

__all__ = ["HEADS"]

CONNECTIONS = 50
MANY_CONNECTIONS = 600
SENT_S = 3.0
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


def send_on_many(
    target: Target, beginning: bytes, unit: bytes, *, connections: int = CONNECTIONS
) -> Answer:
    """Send one unit after another on many connections, again and again, for some seconds.

    Return the status of the last complete answer.
    """
    status = 0
    ends_s = time.monotonic() + SENT_S
    more = unit * (65_536 // len(unit) + 1)
    while time.monotonic() < ends_s:
        with ExitStack() as stack:
            wires = [stack.enter_context(target.connect()) for _ in range(connections)]
            for wire in wires:
                wire.setblocking(False)  # noqa: FBT003  # the parameter has no name
                with suppress(OSError):
                    wire.send(beginning)
            left = set(wires)
            while left and time.monotonic() < ends_s:
                readable, writable, _ = select.select(left, left, [], 0.1)
                for wire in writable:
                    with suppress(OSError):
                        wire.send(more)
                for wire in readable:
                    try:
                        answer = wire.recv(65_536)
                    except OSError:
                        answer = b""
                    if answer.startswith(b"HTTP/1.1 "):
                        status = int(answer[9:12])
                    left.discard(wire)
    return Answer(status, None, "", b"")


# Up to 100 requests of each connection wait, with up to 100 headers each.
_isolated = partial(HostileInput, is_isolated=True, max_memory_bytes=256 * MIB)

HEADS = [
    _isolated(
        name=f"headers of 5 bytes without an end, on {CONNECTIONS} connections",
        send=partial(send_on_many, beginning=HEAD, unit=b"a:\r\n"),
        status=431,
    ),
    _isolated(
        name=f"requests with 99 headers of 5 bytes on {CONNECTIONS} connections",
        send=partial(
            send_on_many,
            beginning=b"",
            unit=HEAD + b"".join(b"%x:\r\n" % n for n in range(98)) + b"\r\n",
        ),
        status=200,
    ),
    _isolated(
        name=f"requests of 40 bytes on {CONNECTIONS} connections",
        send=partial(send_on_many, beginning=b"", unit=HEAD + b"\r\n"),
        status=200,
    ),
    _isolated(
        name=f"percent-encoded paths of 60 kB on {MANY_CONNECTIONS} connections",
        send=partial(
            send_on_many,
            beginning=b"GET /" + b"%41" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r",
            unit=b"\n",
            connections=MANY_CONNECTIONS,
        ),
        status=414,
    ),
    _isolated(
        name=f"requests without a credential on {MANY_CONNECTIONS} connections",
        send=partial(
            send_on_many,
            beginning=b"",
            unit=b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
            connections=MANY_CONNECTIONS,
        ),
        status=401,
    ),
]
