"""Bursts of complete requests on many connections, and floods of requests without a credential."""

from contextlib import ExitStack, suppress
from functools import partial

from tests.bounds.harness import MIB, Answer, Target
from tests.bounds.inputs.heads import send_on_many
from tests.bounds.inputs.hostile_input import HostileInput, in_parallel
from tests.proof.wire import received

__all__ = ["BURSTS"]

PIPELINES = 300
# As many as may wait on a connection, and the one that runs.
PIPELINED = 17
TICKETS = (
    b'{"query": "{ tickets(first: 100) { nodes { id subject description status createdAt } } }"}'
)
BODIES = 100
BODY = b'{"query": "{ viewer { name } }", "variables": {"unused": "%b"}}' % (b"x" * 1_000_000)


def create_tickets(target: Target) -> None:
    """Create a page of tickets."""
    target.execute(
        "INSERT INTO tickets (id, subject, description, customer_name, customer_email)"
        " SELECT 'burst-' || n, 'Printer on fire', repeat('x', 500), 'Ada', 'ada@example.com'"
        " FROM generate_series(1, 100) AS n ON CONFLICT DO NOTHING"
    )


def request(target: Target, body: bytes, *, is_known: bool = True) -> bytes:
    """Return a GraphQL request."""
    authorization = target.headers()["Authorization"].encode()
    credential = b"Authorization: %b\r\n" % authorization if is_known else b""
    return (
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\n%bContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b"
    ) % (credential, len(body), body)


def pipeline(target: Target) -> Answer:
    """Send many requests on each of many connections, and return the first answer to the last."""
    requests = request(target, TICKETS) * PIPELINED
    with ExitStack() as stack:
        wires = [stack.enter_context(target.connect()) for _ in range(PIPELINES)]
        for wire in wires:
            wire.sendall(requests)
        answer = received(wires[-1], b"\r\n\r\n")
    return Answer(int(answer[9:12]), None, "", answer)


def send_bodies(target: Target, *, is_known: bool) -> Answer:
    """Send complete large bodies at once; return the answer with the lowest status.

    Callers with a credential get 503 for those for which there is no memory.
    """
    content = request(target, BODY, is_known=is_known)

    def send(_: int) -> Answer:
        answer = b""
        with target.connect() as wire, suppress(ConnectionError):
            wire.sendall(content)
            answer = wire.recv(65_536)
        # Without a status, a larger one than all others.
        status = int(answer[9:12]) if answer else 999
        return Answer(-status, None, "", answer)

    worst = in_parallel(BODIES, send)
    return Answer(-worst.status, None, "", worst.content)


_isolated = partial(HostileInput, is_isolated=True)

BURSTS = [
    _isolated(
        name=f"{PIPELINED} pipelined requests for 100 tickets on {PIPELINES} connections",
        send=pipeline,
        prepare=create_tickets,
        # So many requests before it can take longer than the default.
        settings={"REQUEST_TIMEOUT_MS": "60000"},
        max_memory_bytes=224 * MIB,
    ),
    _isolated(
        name=f"no credential: complete bodies of 1 MB on {BODIES} connections",
        send=partial(send_bodies, is_known=False),
        status=401,
        max_memory_bytes=192 * MIB,
    ),
    _isolated(
        name=f"complete bodies of 1 MB on {BODIES} connections",
        send=partial(send_bodies, is_known=True),
        # 64 MiB of bodies, 64 MiB of input that is not parsed, and what the allocator keeps.
        max_memory_bytes=224 * MIB,
    ),
    *(
        HostileInput(
            name=f"no credential: pipelined GET {path} on 50 connections",
            send=partial(
                send_on_many,
                beginning=b"",
                unit=f"GET {path} HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n".encode(),
            ),
            status=status,
        )
        for path, status in (("/readyz", 200), ("/metrics", 401), ("/graphql", 200))
    ),
]
