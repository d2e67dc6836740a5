"""Small requests with large answers, and large answers of OPS."""

import socket
import time
from contextlib import ExitStack, suppress
from functools import partial

import orjson

from tests.bounds.harness import JSON, MIB, Answer, Target
from tests.bounds.inputs.hostile_input import HostileInput, in_parallel
from tests.bounds.inputs.sockets import CLOSED, STILL_OPEN

__all__ = ["ANSWERS"]

UNREAD_S = 3.0
# For answers that are read one after another, however slow the machine is.
NO_TIME_LIMIT = {"REQUEST_TIMEOUT_MS": "600000"}
LARGE_OPS_ANSWER = orjson.dumps(["a"] * 260_000)


def create_large_tickets(target: Target) -> None:
    """Create a page of tickets with the longest descriptions."""
    target.execute(
        "INSERT INTO tickets (id, subject, description, customer_name, customer_email,"
        " category)"
        " SELECT 'large-' || n, 'Printer on fire', repeat('€', 65536), 'Ada', 'ada@example.com',"
        " 'large'"
        " FROM generate_series(1, 100) AS n ON CONFLICT DO NOTHING"
    )


def create_wide_tickets(target: Target) -> None:
    """Create the same tickets, with a character outside the Basic Multilingual Plane in each."""
    create_large_tickets(target)
    target.execute("UPDATE tickets SET description = repeat('a', 65535) || '\U0001f600'")


def page(*, aliases: int, first: int = 100, pages: int = 1) -> str:
    """Return an operation that reads descriptions under several aliases."""
    fields = " ".join(f"a{number}: description" for number in range(aliases))
    lists = " ".join(
        f'p{number}: tickets(first: {first}, filter: {{category: {{eq: "large"}}}})'
        f" {{ nodes {{ {fields} }} }}"
        for number in range(pages)
    )
    return f"{{ {lists} }}"


def unread(target: Target, number: int) -> Answer:
    """Ask for large answers and read none of them."""
    body = orjson.dumps({"query": page(aliases=1, first=70)})
    authorization = target.headers()["Authorization"]
    request = (
        f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    with ExitStack() as stack:
        wires = [stack.enter_context(target.connect()) for _ in range(number)]
        for wire in wires:
            wire.sendall(request)
        time.sleep(UNREAD_S)
        return CLOSED if any(_is_cut_off(wire) for wire in wires) else STILL_OPEN


def _is_cut_off(wire: socket.socket) -> bool:
    """Return whether an answer ends before all of the 14 MB of its descriptions."""
    wire.settimeout(1)
    total = 0
    with suppress(TimeoutError, ConnectionResetError):
        while chunk := wire.recv(2**20):
            total += len(chunk)
    return 0 < total < 70 * 65_536 * 3


def send_to_ops(target: Target) -> Answer:
    """Send several tickets to an OPS with large answers."""

    def send(number: int) -> Answer:
        body = {
            "query": "mutation ($id: ID!) { sendToOps(input: {ticketId: $id}) "
            "{ delivery { id } errors { message } } }",
            "variables": {"id": f"large-{number + 1}"},
        }
        with target.client(scope="read write ops") as client:
            return Answer.of(client.post("/graphql", content=orjson.dumps(body), headers=JSON))

    return in_parallel(5, send)


_too_large = partial(
    HostileInput,
    code="RESPONSE_TOO_LARGE",
    setting="MAX_ANSWER_BYTES",
    prepare=create_large_tickets,
)

ANSWERS = [
    _too_large(
        name="a page of 100 descriptions of 197 kB under 5 aliases",
        send=lambda target: target.graphql(page(aliases=5)),
    ),
    _too_large(
        name="10 aliased pages of 100 such descriptions",
        send=lambda target: target.graphql(page(aliases=1, pages=10)),
    ),
    _too_large(
        name="the same, 8 requests at once",
        send=lambda target: in_parallel(8, lambda _: target.graphql(page(aliases=1, pages=10))),
        # They read 8 MiB together, and beyond that one after another.
        max_memory_bytes=160 * MIB,
    ),
    _too_large(
        name="the same, with a character of 4 bytes in each description",
        send=lambda target: in_parallel(8, lambda _: target.graphql(page(aliases=1, pages=10))),
        prepare=create_wide_tickets,
        # Python takes four bytes for each character of such a text, PostgreSQL mostly one.
        max_memory_bytes=224 * MIB,
        is_isolated=True,
        settings=NO_TIME_LIMIT,
    ),
    HostileInput(
        name="8 answers of 12 MB with such descriptions, to 8 callers at once",
        send=lambda target: in_parallel(
            8, lambda number: target.graphql(page(aliases=1, pages=2), caller=f"caller {number}")
        ),
        prepare=create_wide_tickets,
        # One of them takes four times its rows at a time. Together they would take 350 MiB.
        max_memory_bytes=256 * MIB,
        is_isolated=True,
        settings=NO_TIME_LIMIT,
    ),
    HostileInput(
        name="8 answers of 16 MB at once",
        send=lambda target: in_parallel(8, lambda _: target.graphql(page(aliases=1, first=80))),
        prepare=create_large_tickets,
        max_memory_bytes=256 * MIB,
        is_isolated=True,
        settings=NO_TIME_LIMIT,
    ),
    HostileInput(
        name="12 answers of 14 MB that are not read",
        send=partial(unread, number=12),
        prepare=create_large_tickets,
        status=0,
    ),
    HostileInput(
        name="OPS answers 1 MiB of short texts, 5 deliveries at once",
        send=send_to_ops,
        prepare=create_large_tickets,
        ops_answer=LARGE_OPS_ANSWER,
        # The values of one answer at a time, and what the allocator keeps.
        max_memory_bytes=96 * MIB,
    ),
]
