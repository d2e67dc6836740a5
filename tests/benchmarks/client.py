"""A load generator for machines without wrk: the same file of bodies, the same report.

It reads no more of an answer than its status and its length, and uses a core of its
own as far as there is one; it needs about 20 microseconds a request.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import orjson

try:
    import uvloop as loops
except ImportError:
    import asyncio as loops  # type: ignore[no-redef]  # both have run()

_LENGTH = b"content-length:"


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the last is answered, until the time is over."""

    def __init__(self, requests: Iterator[bytes], until_s: float, end: Callable[[], None]) -> None:
        self.latencies_s: list[float] = []
        self.bytes = 0
        self.failures = 0
        self._requests = requests
        self._until_s = until_s
        self._end = end
        self._received = b""
        self._sent_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Send the next request where the answer is whole."""
        self._received = received = self._received + data if self._received else data
        head = received.find(b"\r\n\r\n")
        if head < 0:
            return
        headers = received[:head].lower()
        at = headers.find(_LENGTH)
        if at < 0:
            self._transport.abort()  # type: ignore[attr-defined]  # it is one of TCP
            return
        length = int(headers[at + len(_LENGTH) :].split(b"\r\n", 1)[0])
        if len(received) < head + 4 + length:
            return
        now_s = time.perf_counter()
        self.latencies_s.append(now_s - self._sent_s)
        self.bytes += len(received)
        self.failures += received[9:10] != b"2"
        self._received = b""
        if now_s < self._until_s:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a connection that ended before its time."""
        if exc is not None or time.perf_counter() < self._until_s:
            self.failures += 1
        self._end()

    def _send(self) -> None:
        self._sent_s = time.perf_counter()
        self._transport.write(next(self._requests))  # type: ignore[attr-defined]  # as above


def _requests(
    url: str, bodies: Path, mark: bytes, number: int, headers: list[str]
) -> Iterator[bytes]:
    parts = urlsplit(url)
    pairs = zip(headers[::2], headers[1::2], strict=True)
    more = "".join(f"{name}: {value}\r\n" for name, value in pairs)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: application/json\r\n{more}Content-Length: "
    ).encode()
    lines = bodies.read_bytes().splitlines()
    while True:
        number += 1
        body = lines[number % len(lines)].replace(mark, b"%d" % number)
        yield b"%b%d\r\n\r\n%b" % (head, len(body), body)


async def _load(*arguments: str) -> None:
    url, bodies, connections, seconds, mark, first, *headers = arguments
    parts = urlsplit(url)
    requests = _requests(url, Path(bodies), mark.encode(), int(first), headers)
    loop = asyncio.get_running_loop()
    started_s = time.perf_counter()
    until_s = started_s + float(seconds)
    ended = asyncio.Semaphore(0)
    made = [
        (
            await loop.create_connection(
                lambda: Connection(requests, until_s, ended.release),
                str(parts.hostname),
                parts.port or 80,
            )
        )[1]
        for _ in range(int(connections))
    ]
    for _ in made:
        await ended.acquire()
    elapsed_s = time.perf_counter() - started_s
    latencies_s = sorted(latency for one in made for latency in one.latencies_s) or [0.0]
    report = {
        "requests": sum(len(one.latencies_s) for one in made),
        "seconds": elapsed_s,
        "bytes": sum(one.bytes for one in made),
        "failures": sum(one.failures for one in made),
        "p50_ms": latencies_s[len(latencies_s) // 2] * 1000,
        "p99_ms": latencies_s[int(len(latencies_s) * 0.99)] * 1000,
    }
    sys.stdout.buffer.write(orjson.dumps(report, option=orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    loops.run(_load(*sys.argv[1:]))
