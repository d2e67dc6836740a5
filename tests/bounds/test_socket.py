"""Floods on sockets, without a credential or with one, hold up no other client."""

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.app.graphql.subscriptions.test_access_check import SECRET, bearer
from tests.app.http.serving import served
from tests.bounds.conftest import Serve
from tests.bounds.harness import Target
from tests.proof.wire import connected, frame, frames, handshake, received, statuses

ATTACK_S = 1.0
SOCKETS = 20
VIEWER = {"query": "{ viewer { name } }"}
# CPU time of the server from a request to its response. It does not depend on what else the machine
# runs, and it bounds how long the event loop is blocked. Without limits it was up to 15 s.
MAX_LIGHT_S = 0.15
MAX_GROWTH_BYTES = 60 * 2**20


class Probe:
    """Light requests of another client, which measure the longest answer and the memory."""

    def __init__(self, target: Target) -> None:
        self.longest_s = 0.0
        self.growth_bytes = 0
        self._process = psutil.Process(target.service.process.pid)
        self._target = target

    def run(self, attack: Callable[[], None]) -> None:
        """Measure while an attack runs in another thread."""
        url, headers = self._target.url, self._target.headers("probe")
        with httpx2.Client(base_url=url, timeout=30, headers=headers) as http:
            for _ in range(5):
                assert http.post("/graphql", json=VIEWER).status_code == 200
            before = self._process.memory_info().rss
            thread = threading.Thread(target=attack)
            thread.start()
            while thread.is_alive():
                started = self._cpu_s()
                assert http.post("/graphql", json=VIEWER).status_code == 200
                self.longest_s = max(self.longest_s, self._cpu_s() - started)
                growth = self._process.memory_info().rss - before
                self.growth_bytes = max(self.growth_bytes, growth)
                time.sleep(0.01)
            thread.join()

    def _cpu_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def check(self) -> None:
        """Check that nobody waited, and that the memory is bounded."""
        assert self.longest_s < MAX_LIGHT_S
        assert self.growth_bytes < MAX_GROWTH_BYTES


def open_websocket(target: Target, *, is_known: bool = False) -> socket.socket:
    """Open a WebSocket, and initialize the connection with a credential if it is known."""
    wire = target.connect()
    wire.sendall(handshake("localhost"))
    assert statuses(received(wire, b"\r\n\r\n")) == [101]
    if is_known:
        credential = target.headers()["Authorization"]
        init = {"type": "connection_init", "payload": {"authorization": credential}}
        wire.sendall(frame(1, json.dumps(init).encode()))
        received(wire, b"connection_ack")
    return wire


def flood(wires: list[socket.socket], data: bytes) -> None:
    """Send data again and again on all connections, until the server closes each of them."""
    deadline = time.monotonic() + ATTACK_S
    left = list(wires)
    for wire in left:
        wire.settimeout(0)
    while left and time.monotonic() < deadline:
        for wire in list(left):
            try:
                wire.send(data)
            except BlockingIOError:
                continue
            except OSError:
                left.remove(wire)
        time.sleep(0.001)


BEGIN = frame(1, b"", is_last=False)
FLOODS = {
    "empty continuation frames": (BEGIN, frame(0, b"", is_last=False) * 40_000),
    "continuation frames of one byte": (BEGIN, frame(0, b"x", is_last=False) * 35_000),
    "empty pings": (b"", frame(9, b"") * 40_000),
    "long pings": (b"", frame(9, b"x" * 125) * 2_000),
    "empty pongs": (b"", frame(10, b"") * 40_000),
    "empty messages": (b"", frame(1, b"") * 40_000),
    "messages": (b"", frame(1, b'{"type":"ping"}') * 12_000),
    "long messages": (
        b"",
        frame(1, b'{"type":"ping","payload":{"a":"' + b"x" * 60_000 + b'"}}') * 4,
    ),
}


@pytest.mark.parametrize("is_known", [False, True], ids=["unknown", "known"])
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_frames_holds_up_nobody(target: Target, name: str, is_known: bool) -> None:  # noqa: FBT001  # pytest passes it by name
    beginning, more = FLOODS[name]
    probe = Probe(target)
    with ExitStack() as stack:
        wires = [
            stack.enter_context(open_websocket(target, is_known=is_known)) for _ in range(SOCKETS)
        ]
        for wire in wires:
            wire.sendall(beginning)
        probe.run(lambda: flood(wires, more))
    probe.check()


def close_of(wire: socket.socket, sent: bytes) -> tuple[int, str]:
    """Send frames, and return code and reason of the close frame that answers them."""

    def send() -> None:
        with suppress(OSError):
            wire.sendall(sent)

    # The server reads no more messages while its pongs are not read.
    sender = threading.Thread(target=send)
    sender.start()
    answer = bytearray()
    while chunk := wire.recv(65_536):
        answer += chunk
    sender.join()
    *_, (opcode, payload) = frames(bytes(answer))
    assert opcode == 8
    return int.from_bytes(payload[:2]), payload[2:].decode()


@pytest.mark.parametrize(
    ("is_known", "sent", "reason"),
    [
        (False, frame(9, b"") * 101, "At most 100 frames before connection_init (fixed)."),
        (
            False,
            frame(1, b"x" * 60_000, is_last=False) + frame(0, b"x" * 6_000, is_last=False),
            "At most 65,536 bytes before connection_init (fixed).",
        ),
        (True, frame(9, b"") * 1_500, "At most 1,000 frames a second (MAX_WEBSOCKET_FRAMES)."),
        (
            True,
            frame(1, b'{"type":"ping","payload":{"a":"' + b"x" * 60_000 + b'"}}') * 75,
            "At most 4,194,304 bytes a second (MAX_WEBSOCKET_BYTES).",
        ),
    ],
)
def test_a_websocket_above_a_limit_closes_with_1008_and_the_limit(
    target: Target, *, is_known: bool, sent: bytes, reason: str
) -> None:
    with open_websocket(target, is_known=is_known) as wire:
        assert close_of(wire, sent) == (1008, reason)


def test_pongs_that_nobody_reads_do_not_accumulate(target: Target) -> None:
    process = psutil.Process(target.service.process.pid)
    with open_websocket(target, is_known=True) as wire:
        before = process.memory_info().rss
        wire.settimeout(2)
        pongs = 0
        try:
            while pongs < 100_000:
                # Below the limits of a second.
                wire.sendall(frame(1, b'{"type":"ping","payload":{"a":"' + b"x" * 60_000 + b'"}}'))
                pongs += 1
                time.sleep(0.02)
        except OSError:
            pass
        assert pongs < 1_000
        assert process.memory_info().rss - before < 8 * 2**20


def test_a_closing_handshake_ends_in_bounded_time(target: Target) -> None:
    with open_websocket(target, is_known=True) as wire:
        # An invalid message: the server closes, and the client does not answer.
        wire.sendall(frame(1, b"[]"))
        # The server gives up after 10 seconds; the rest is for a slow machine.
        wire.settimeout(30)
        while wire.recv(65_536):
            pass


HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
HTTP_FLOODS = {
    "chunks of one byte": (HEAD + CHUNKED, b"1\r\nx\r\n" * 40_000),
    "extensions of chunks": (HEAD + CHUNKED, b"1;a=" + b"x" * 60_000 + b"\r\nx\r\n"),
    "short headers": (HEAD, b"a:b\r\n" * 50_000),
    "a long header": (HEAD + b"A: ", b"x" * 200_000),
    "line breaks": (b"", b"\r\n" * 100_000),
    "requests": (b"", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 5_000),
    "a body after its response": (
        HEAD.replace(b"graphql", b"healthz") + CHUNKED,
        b"1\r\nx\r\n" * 40_000,
    ),
}


@pytest.mark.parametrize("name", HTTP_FLOODS)
def test_a_flood_of_http_holds_up_nobody(target: Target, name: str) -> None:
    beginning, more = HTTP_FLOODS[name]
    probe = Probe(target)
    with ExitStack() as stack:
        wires = [stack.enter_context(target.connect()) for _ in range(SOCKETS)]
        for wire in wires:
            wire.sendall(beginning)
        probe.run(lambda: flood(wires, more))
    probe.check()


@pytest.mark.parametrize("sent", [b"", HEAD + b"A: " + b"x" * 60_000], ids=["idle", "half a head"])
def test_unused_connections_leave_the_server_usable_when_descriptors_run_out(
    database_url: str, tmp_path: Path, sent: bytes
) -> None:
    """`ulimit -n 400`, and 1,100 connections without any credential."""
    settings = {"AUTH": "required", "JWT_SECRET": SECRET}
    credential = {"Authorization": bearer("read")}
    tickets = {"query": "{ tickets(first: 1) { totalCount } }"}
    with (
        served(tmp_path / "log", database_url, max_descriptors="400", **settings) as server,
        httpx2.Client(base_url=server.url, headers=credential, timeout=30) as known,
        ExitStack() as stack,
    ):
        assert known.post("/graphql", json=VIEWER).status_code == 200
        for number in range(1_100):
            wire = stack.enter_context(connected(server.url))
            with suppress(OSError):
                wire.sendall(sent)
            if number % 100 == 0:
                # The connection of a known caller stays open, a new one is accepted, and the
                # database can be reached.
                assert known.post("/graphql", json=tickets).json()["data"]
                new = httpx2.post(f"{server.url}/graphql", json=VIEWER, headers=credential)
                assert new.status_code == 200
        [event] = [one for one in server.log() if one["message"].startswith("connections closed")]
        assert event["max_open"] == 200


def test_known_connections_are_not_closed_for_unknown_ones(serve: Serve) -> None:
    target = serve(MAX_OPEN_CONNECTIONS="20")
    with ExitStack() as stack:
        known = [stack.enter_context(open_websocket(target, is_known=True)) for _ in range(10)]
        for _ in range(50):
            stack.enter_context(target.connect())
        for wire in known:
            wire.sendall(frame(1, b'{"type":"ping"}'))
            received(wire, b"pong")
