"""Arbitrary bytes over HTTP and WebSockets cause no errors, leaks or changes."""

import json
import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.app.http.serving import Served
from tests.proof.wire import (
    INTERNALS,
    connected,
    frame,
    frames,
    handshake,
    has_ended,
    received,
    statuses,
    talk,
)

Record = Callable[[str, str], None]

EXAMPLES = 250
tried = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# ------------------------------------------------------------------------------------- HTTP

METHODS = st.sampled_from(
    [
        b"GET",
        b"HEAD",
        b"POST",
        b"PUT",
        b"DELETE",
        b"OPTIONS",
        b"PATCH",
        b"TRACE",
        b"CONNECT",
        b"get",
    ]
) | st.from_regex(rb"[A-Z]{1,20}", fullmatch=True)
PATHS = st.sampled_from(
    [
        b"/graphql",
        b"/graphql?query={__typename}",
        b"/graphql?query=%ff&variables=[",
        b"/graphql?query={__typename}&variables=" + b"[" * 500,
        b"/tickets",
        b"/tickets?limit=-1&cursor=%00",
        b"/tickets/%00",
        b"/tickets/" + b"a" * 5_000,
        b"/api/status/%F0%28%8C%28",
        b"/healthz",
        b"/readyz",
        b"*",
        b"/../../etc/passwd",
        b"//",
        b"http://elsewhere.example/graphql",
    ]
) | st.binary(max_size=40).map(lambda path: b"/" + re.sub(rb"[\r\n ]", b"", path))
HEADERS = st.sampled_from(
    [
        b"Host: x",
        b"Host: x\r\nHost: y",
        b"Content-Type: application/json",
        b"Content-Type: application/json; charset=utf-16",
        b"Content-Type: multipart/form-data; boundary=x",
        b"Content-Length: -1",
        b"Content-Length: 1e3",
        b"Content-Length: 99999999999999999999",
        b"Content-Length: 3\r\nContent-Length: 4",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: xchunked\r\nContent-Length: 5",
        b"Content-Encoding: gzip",
        b"Expect: 100-continue",
        b"Accept: text/event-stream",
        b"Accept: application/graphql-response+json",
        b"Accept: ,;q=,*/*;q=x",
        b"Accept-Encoding: gzip;q=x, ,*",
        b"Authorization: Bearer \xff\xfe",
        b'If-Match: "',
        b"Idempotency-Key: \xe4",
        b"X-Request-Id: \x01",
        b"X-GraphQL-Cost: 1",
        b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings",
        b"Upgrade: websocket\r\nConnection: Upgrade",
        b"Connection: close, keep-alive",
        b"Origin: null",
        b"Sec-Fetch-Site: cross-site",
        b" folded: yes",
        b"No colon",
        b"A: " + b"x" * 60_000,
        b"A: " + b"x" * 70_000,
    ]
) | st.binary(max_size=30)
BODIES = st.sampled_from(
    [
        b"",
        b'{"query": "{ __typename }"}',
        b'{"query": "{ tickets { nodes { id subject metadata } } }"}',
        b'{"query": "subscription { ticketEvents { id } }", "variables": null}',
        b'{"query": 1, "variables": {"a": "\\ud800"}}',
        b'{"query": "{a}", "extensions": {"persistedQuery": {"version": 1}}}',
        b"5\r\nhello\r\n0\r\n\r\n",
        b"zz\r\n",
        b"ffffffffffffffffff\r\nx",
        b"[" * 5_000,
        b"\x1f\x8b\x08",
    ]
) | st.binary(max_size=200)


# Other transfer codings, CONNECT and other versions of HTTP are not failures of the server.
UNSUPPORTED = {501, 505}
# Complete requests get responses; then the server rejects the rest and closes.
LAST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Return something similar to a request."""
    body = draw(BODIES)
    headers = draw(st.lists(HEADERS, max_size=6))
    # A request without a valid Host is rejected early.
    if draw(st.integers(0, 4)):
        headers = [b"Host: localhost", *(one for one in headers if not one.startswith(b"Host:"))]
    if draw(st.booleans()):
        headers.append(b"Content-Length: %d" % len(body))
    version = draw(st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTP"]))
    line = b" ".join([draw(METHODS), draw(PATHS), version])
    return b"\r\n".join([line, *headers, b"", body])


@pytest.mark.usefixtures("unchanged")
def test_arbitrary_bytes_over_http_are_handled(attacked: Served, record_property: Record) -> None:
    cases = answers = 0

    @tried
    @given(
        st.lists(requests(), min_size=1, max_size=3).map(b"".join)
        | st.lists(requests(), min_size=1, max_size=3).flatmap(
            lambda parts: st.integers(0, len(b"".join(parts))).map(lambda n: b"".join(parts)[:n])
        )
        | st.binary(max_size=500)
    )
    def send(sent: bytes) -> None:
        nonlocal cases, answers
        with connected(attacked.url) as wire:
            answer = talk(wire, sent + LAST)
        cases += 1
        answers += len(statuses(answer))
        assert {status for status in statuses(answer) if status >= 500} <= UNSUPPORTED
        assert not INTERNALS.search(answer), answer
        assert attacked.http.get("/healthz").status_code == 200

    send()
    assert answers > cases / 4
    record_property(
        "figure", f"Bytes over HTTP: {cases} connections, {answers} answers, 0 failures"
    )


def test_an_error_does_not_affect_later_requests_on_the_connection(attacked: Served) -> None:
    """Requests with different errors get their responses in order on one connection."""
    host = attacked.url.removeprefix("http://")

    def request(line: str, body: bytes = b"", kind: str = "application/json") -> bytes:
        head = f"{line} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    pipelined = [
        (request("POST /graphql", b"{"), 400),
        (request("GET /healthz"), 200),
        (request("POST /graphql", b"x", "text/plain"), 415),
        (request("GET /graphql?query=mutation{a}"), 200),
        (request("POST /tickets", b"[]"), 422),
        (request("GET /nowhere"), 404),
        (request("PATCH /tickets"), 405),
        (request("GET /tickets?limit=x"), 400),
        (request("POST /graphql", b'{"query": "{ nothing }"}'), 200),
        (request("POST /graphql", b'{"query": "{ tickets(first: 0) { totalCount } }"}'), 200),
        (request("HEAD /tickets"), 200),
        (request("GET /healthz"), 200),
    ]
    with connected(attacked.url) as wire:
        answer = talk(wire, b"".join(sent for sent, _ in pipelined) + LAST)
    assert statuses(answer) == [*(status for _, status in pipelined), 200]
    with connected(attacked.url) as wire:
        for sent, status in pipelined:
            wire.sendall(sent)
            head = received(wire, b"\r\n\r\n")
            assert statuses(head) == [status]
            assert b"connection: close" not in head.lower()
            # The body, if it is in a packet after the head.
            talk(wire, b"")


HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
TRAILERS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
ENDLESS = {
    "a method": (b"", b"A" * 1_000),
    "a path": (b"GET /", b"a" * 1_000),
    "a query": (b"GET /graphql?query=", b"a" * 1_000),
    "the name of a header": (HEAD, b"a" * 1_000),
    "a header": (HEAD + b"A: ", b"x" * 1_000),
    "headers": (HEAD, b"A: x\r\n" * 200),
    "handshake": (handshake("localhost").removesuffix(b"\r\n"), b"A: x\r\n" * 200),
    "a chunk's extension": (TRAILERS.removesuffix(b"0\r\n") + b"1;a=", b"x" * 1_000),
    "a trailer": (TRAILERS + b"A: ", b"x" * 1_000),
    "trailers": (TRAILERS, b"A: x\r\n" * 200),
    "line breaks": (b"", b"\r\n" * 500),
    "requests": (LAST.replace(b"close", b"keep-alive"), LAST.replace(b"close", b"keep-alive") * 20),
}
# More than the socket buffers of both sides.
TRIED_BYTES = 32 * 2**20


@pytest.mark.usefixtures("unchanged")
def test_endless_input_is_rejected_before_authentication(
    attacked: Served, record_property: Record
) -> None:
    """No input of these has a credential."""
    for name, (beginning, more) in ENDLESS.items():
        sent = 0
        with connected(attacked.url) as wire:
            wire.sendall(beginning)
            with suppress(BrokenPipeError, ConnectionResetError):
                while sent < TRIED_BYTES and not has_ended(wire):
                    wire.sendall(more)
                    sent += len(more)
        assert sent < TRIED_BYTES, name
        assert attacked.http.get("/healthz").status_code == 200
    record_property("figure", f"Endless requests: {len(ENDLESS)}, all rejected")


# -------------------------------------------------------------------------------- WebSockets

INIT = {"type": "connection_init"}
QUERY = {"id": "1", "type": "subscribe", "payload": {"query": "{ __typename }"}}
LISTEN = {
    "id": "2",
    "type": "subscribe",
    "payload": {"query": "subscription { ticketEvents { id } }"},
}
MESSAGES = st.sampled_from(
    [
        *(json.dumps(message).encode() for message in (INIT, QUERY, LISTEN)),
        b'{"type": "ping"}',
        b'{"type": "pong"}',
        b'{"type": "complete", "id": "2"}',
        b"null",
        b"[",
        b'{"type": "subscribe", "id": 1}',
        b'{"type":"ping","payload":' + b"[" * 300,
        b"\xff\xfe",
    ]
) | st.binary(max_size=150)
FRAMES = st.one_of(
    st.builds(frame, st.sampled_from([1, 1, 1, 1, 2, 0, 8, 9, 10, 3, 11, 15]), MESSAGES),
    st.builds(lambda m: frame(1, m, is_last=False), MESSAGES),
    st.sampled_from(
        [b"\x81\x00", b"\xc1\x80\0\0\0\0", b"\x81\xff" + b"\xff" * 8, b"\x88\x81\0\0\0\0\x03"]
    ),
    st.binary(max_size=60),
)
CLOSE = frame(8, (1000).to_bytes(2))
OPENING = frame(1, json.dumps(INIT).encode())
# Codes of RFC 6455 (section 7.4) and the protocol, without 1006, 1011 and 4500: server errors.
CODES = {1000, 1002, 1003, 1007, 1009, 4400, 4401, 4406, 4408, 4409, 4429}


@pytest.mark.usefixtures("unchanged")
def test_arbitrary_bytes_over_a_websocket_are_handled(
    attacked: Served, record_property: Record
) -> None:
    cases = closed = 0

    @tried
    @given(st.booleans(), st.lists(FRAMES, min_size=1, max_size=6))
    def send(opens: bool, sent: list[bytes]) -> None:  # noqa: FBT001  # hypothesis passes it by position
        nonlocal cases, closed
        with connected(attacked.url) as wire:
            wire.sendall(handshake("localhost"))
            assert statuses(received(wire, b"\r\n\r\n")) == [101]
            rest = talk(wire, (OPENING if opens else b"") + b"".join(sent) + CLOSE)
        cases += 1
        assert not INTERNALS.search(rest), rest
        for opcode, payload in frames(rest):
            if opcode == 8 and payload:
                closed += 1
                assert int.from_bytes(payload[:2]) in CODES, payload
        assert attacked.http.get("/healthz").status_code == 200

    send()
    assert closed > cases / 4
    record_property(
        "figure", f"Bytes over WebSockets: {cases} sockets, {closed} closed with a code, 0 failures"
    )
