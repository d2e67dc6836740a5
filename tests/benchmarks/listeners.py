"""Subscribers by the thousand, who do as little as can be done: note when something came."""

import asyncio
import struct
import time

import orjson

_UPGRADE = (
    "GET /graphql HTTP/1.1\r\n"
    "Host: 127.0.0.1:{port}\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n"
    "Authorization: {authorization}\r\n"
    "\r\n"
)
_NEXT = b'"type":"next"'
# The first bytes of whole frames, by their kind.
_TEXT, _PING, _PONG = 0x81, 0x89, 0x8A


class Listener(asyncio.Protocol):
    """One subscriber: a WebSocket without what a library does for it."""

    def __init__(self, query: str) -> None:
        self.count = 0
        self.last_s = 0.0
        self.stands = asyncio.get_running_loop().create_future()
        self._query = query
        self._received = b""
        self._is_open = False
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def listening(cls, port: int, authorization: str, query: str) -> "Listener":
        """Subscribe, and return when the subscription stands."""
        loop = asyncio.get_running_loop()
        transport, listener = await loop.create_connection(lambda: cls(query), "127.0.0.1", port)
        transport.write(_UPGRADE.format(port=port, authorization=authorization).encode())
        await listener.stands
        return listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take what came apart, and note when it came."""
        self.last_s = time.perf_counter()
        self._received += data
        if not self._is_open:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101"):
                self.stands.set_exception(ConnectionError(head.decode(errors="replace")))
                return
            self._is_open = True
            self._tell({"type": "connection_init"})
        while (frame := self._frame()) is not None:
            self._hear(*frame)

    def _frame(self) -> tuple[int, bytes] | None:
        """Return the next frame: its first byte and its payload (RFC 6455, section 5.2)."""
        received = self._received
        if len(received) < 4:
            return None
        start, size = 2, received[1]
        if size == 126:
            start, size = 4, int.from_bytes(received[2:4])
        end = start + size
        if len(received) < end:
            return None
        self._received = received[end:]
        return received[0], received[start:end]

    def _hear(self, kind: int, payload: bytes) -> None:
        if kind == _PING:
            self._send(_PONG, payload)
        elif _NEXT in payload:
            self.count += 1
        elif b"connection_ack" in payload:
            self._tell({"type": "subscribe", "id": "1", "payload": {"query": self._query}})
            # Its pong comes when the subscription stands.
            self._tell({"type": "ping"})
        elif b"pong" in payload:
            self.stands.set_result(None)
        else:
            error = ConnectionError(payload.decode(errors="replace"))
            if not self.stands.done():
                self.stands.set_exception(error)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail who waits."""
        if not self.stands.done():
            self.stands.set_exception(error or ConnectionError("closed"))

    def close(self) -> None:
        """Leave."""
        if self._transport is not None:
            self._transport.abort()

    def _tell(self, message: object) -> None:
        self._send(_TEXT, orjson.dumps(message))

    def _send(self, kind: int, payload: bytes) -> None:
        # Masked by zeros: with them it stays as it is (section 5.3).
        head = struct.pack("!BBH", kind, 0x80 | 126, len(payload))
        if len(payload) < 126:
            head = struct.pack("!BB", kind, 0x80 | len(payload))
        assert self._transport is not None
        self._transport.write(head + b"\0\0\0\0" + payload)
