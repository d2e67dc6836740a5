"""Raw bytes to and from a server, without an HTTP client in between."""

import base64
import os
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

TIMEOUT_S = 20
# A server that sends nothing for this long waits for more input.
QUIET_S = 0.1
# Texts that no response may contain.
INTERNALS = re.compile(
    rb'Traceback|File "|site-packages|\.py\b|asyncpg|tortoise|uvicorn|starlette'
    rb"|PostgreSQL|sqlstate|SELECT |INSERT |0x[0-9a-f]{9}",
    re.IGNORECASE,
)
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def connected(url: str) -> socket.socket:
    """Return a connection to the server."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT_S)


def talk(wire: socket.socket, sent: bytes) -> bytes:
    """Send bytes, and return the response until the server closes, or waits for more."""
    answer = bytearray()
    try:
        wire.sendall(sent)
        wire.settimeout(QUIET_S)
        while chunk := wire.recv(65_536):
            answer += chunk
    except TimeoutError:
        # An incomplete request or frame, or a stream without events.
        pass
    except (BrokenPipeError, ConnectionResetError):
        # The server closed while the client was sending, so the response may be lost.
        pass
    wire.settimeout(TIMEOUT_S)
    return bytes(answer)


def has_ended(wire: socket.socket) -> bool:
    """Return whether the server has closed; discard its response."""
    wire.settimeout(0)
    try:
        while wire.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    finally:
        wire.settimeout(TIMEOUT_S)
    return True


def received(wire: socket.socket, end: bytes) -> bytes:
    """Return received bytes up to a text; raises TimeoutError."""
    answer = bytearray()
    while end not in answer:
        chunk = wire.recv(65_536)
        assert chunk, f"closed after {bytes(answer)!r}"
        answer += chunk
    return bytes(answer)


def statuses(answer: bytes) -> list[int]:
    """Return the statuses of all responses in received bytes."""
    return [int(status) for status in _STATUS.findall(answer)]


def handshake(host: str) -> bytes:
    """Return the handshake request of a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /graphql HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    ).encode()


def frame(opcode: int, payload: bytes, *, is_last: bool = True) -> bytes:
    """Return a client's frame (RFC 6455, section 5.2) with a mask of zeros."""
    head = bytes([opcode | (0x80 if is_last else 0)])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 2**16:
        head += bytes([0x80 | 126]) + len(payload).to_bytes(2)
    else:
        head += bytes([0x80 | 127]) + len(payload).to_bytes(8)
    return head + bytes(4) + payload


def frames(answer: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield opcode and payload of a server's frames; raises ValueError for an invalid frame."""
    at = 0
    while at < len(answer):
        head, length = answer[at], answer[at + 1]
        if not head & 0x80 or head & 0x70 or length & 0x80:
            raise ValueError(f"no frame of a server: {answer[at : at + 20]!r}")
        at += 2
        if length >= 126:
            size = 2 if length == 126 else 8
            length = int.from_bytes(answer[at : at + size])
            at += size
        payload = answer[at : at + length]
        if len(payload) < length:
            raise ValueError("half a frame")
        at += length
        yield head & 0x0F, payload
