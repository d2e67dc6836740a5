"""A real server, and the five measures of what an input does to it.

The measures are: the longest answer to another client, the longest turn of the event loop in CPU
time, the memory of the process, PostgreSQL's active backends, and its connections afterwards.
"""

import asyncio
import os
import socket
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2
import jwt
import orjson

from tests.app.service import Service, running
from tests.bounds import measured_server
from tests.bounds.measured_server import CLOCK_FILE, TurnClock
from tests.bounds.samplers import MemorySampler, Probe

__all__ = ["Answer", "Measured", "Measuring", "Target", "check", "serving"]

MIB = 2**20
SECRET = "k" * 32
# The inputs come from another address than the probe, because limits can be per address.
ATTACKER = "127.0.0.2"
TIMEOUT_S = 30
# Longer, because answers of a caller can wait for each other on a slow machine.
ANSWER_TIMEOUT_S = 300
# Reading the system's certificates for each client would hold up the probe, not the server.
TLS = ssl.create_default_context()
# Connections beside the pool: LISTEN, and those reserved for health checks and deliveries.
OTHER_CONNECTIONS = 10
# Until PostgreSQL has cancelled the statements of an ended operation.
CANCEL_S = 5.0

# Limits of `check`, generous enough for a busy machine. The memory of the whole process varies by
# some MiB, also because the allocator keeps what was freed.
MAX_PEAK_BYTES = 256 * MIB
MAX_KEPT_BYTES = 192 * MIB
# Ten times the limit of SECURITY.md, because a busy machine needs more CPU time for the same work.
MAX_TURN_S = 0.5
# A field of an event holds at most 1 kB of a client's text, and an event several fields.
MAX_LOG_LINE = 16_384


@dataclass(frozen=True)
class Answer:
    """A response to a hostile input."""

    status: int
    # The code of the first error; None if there are none.
    code: str | None
    message: str
    content: bytes = field(repr=False)

    @classmethod
    def of(cls, response: httpx2.Response) -> "Answer":
        """Return the answer of a GraphQL or REST response."""
        try:
            document = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            document = {}
        if not isinstance(document, dict):
            document = {}
        if "detail" in document:
            code, message = document["code"], document["detail"]
        elif errors := document.get("errors"):
            code, message = errors[0]["extensions"]["code"], errors[0]["message"]
        else:
            code, message = None, ""
        return cls(response.status_code, code, message, response.content)

    def __str__(self) -> str:
        return f"{self.status} {self.code}" if self.code else str(self.status)


@dataclass(frozen=True)
class Measured:
    """What an input did to the server and to others."""

    longest_s: float
    # CPU time of the longest turn of the event loop.
    longest_turn_s: float
    probes: int
    # Light requests of the other client that failed.
    failures: tuple[str, ...]
    memory_before_bytes: int
    memory_peak_bytes: int
    memory_after_bytes: int
    # Of this database, when the client had its answer and PostgreSQL had time to cancel.
    active_backends: int
    connections: int
    # Logged meanwhile.
    log: tuple[str, ...]

    @property
    def peak_growth_bytes(self) -> int:
        """How much more memory the process had at its peak than before."""
        return self.memory_peak_bytes - self.memory_before_bytes

    @property
    def kept_bytes(self) -> int:
        """How much more memory the process has afterwards."""
        return self.memory_after_bytes - self.memory_before_bytes


class Measuring:
    """The measures of a block; `result` is available after it."""

    def __init__(self) -> None:
        self._result: Measured | None = None

    @property
    def result(self) -> Measured:
        """The measures."""
        assert self._result is not None, "the block has not ended"
        return self._result


@dataclass(frozen=True)
class Target:
    """A running server with AUTH=required, and its database."""

    service: Service
    database_url: str
    # The lines that the server has logged since it listens.
    log: list[str]
    pool_size: int
    clock: TurnClock

    @property
    def url(self) -> str:
        """The URL of the server."""
        return self.service.url

    def headers(self, caller: str = "mallory", scope: str = "read") -> dict[str, str]:
        """Return the headers of a caller with these scopes."""
        claims = {"sub": caller, "scope": scope, "exp": int(time.time()) + 3600}
        return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"}

    def client(self, caller: str | None = "mallory", scope: str = "read") -> httpx2.Client:
        """Return a client with these scopes, or without a credential for None."""
        return httpx2.Client(
            base_url=self.url,
            headers=self.headers(caller, scope) if caller else {},
            timeout=ANSWER_TIMEOUT_S,
            transport=httpx2.HTTPTransport(local_address=ATTACKER, verify=TLS),
        )

    def connect(self) -> socket.socket:
        """Return a connection to the server, from the address of the hostile inputs."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return socket.create_connection(
            (parts.hostname, parts.port), timeout=TIMEOUT_S, source_address=(ATTACKER, 0)
        )

    def graphql(
        self, document: str, *, caller: str = "mallory", scope: str = "read", **variables: Any
    ) -> Answer:
        """Run an operation and return its answer."""
        with self.client(caller, scope=scope) as client:
            body = {"query": document, "variables": variables}
            return Answer.of(client.post("/graphql", content=orjson.dumps(body), headers=JSON))

    def execute(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Run a SQL statement on a connection of its own."""

        async def run() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.database_url)
            try:
                return await connection.fetch(statement, *values)
            finally:
                await connection.close()

        # In a thread, because the loop of an asynchronous test runs in this one.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, run()).result()

    def backends(self) -> tuple[int, int]:
        """Return how many backends of this database are active, and how many there are."""
        [row] = self.execute(
            "SELECT count(*) FILTER (WHERE state <> 'idle') AS active, count(*) AS total"
            " FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return row["active"], row["total"]

    @contextmanager
    def measured(self) -> Iterator[Measuring]:
        """Measure what the block does to the server and to another client."""
        measuring = Measuring()
        probe = Probe(self.url, self.headers("probe"), timeout_s=TIMEOUT_S)
        logged = len(self.log)
        memory = MemorySampler(self.service.process.pid)
        # The first request fills caches.
        probe.sample()
        probe.longest_s, probe.requests = 0.0, 0
        self.clock.reset()
        with memory, probe:
            yield measuring
        longest_turn_s = self.clock.longest_s
        active, connections = self._settled_backends()
        measuring._result = Measured(
            longest_s=probe.longest_s,
            longest_turn_s=longest_turn_s,
            probes=probe.requests,
            failures=tuple(probe.failures),
            memory_before_bytes=memory.samples_bytes[0],
            memory_peak_bytes=max(memory.samples_bytes),
            memory_after_bytes=memory.samples_bytes[-1],
            active_backends=active,
            connections=connections,
            log=tuple(self.log[logged:]),
        )

    def _settled_backends(self) -> tuple[int, int]:
        deadline_s = time.monotonic() + CANCEL_S
        while True:
            active, connections = self.backends()
            if active == 0 or time.monotonic() > deadline_s:
                return active, connections
            time.sleep(0.05)


JSON: Mapping[str, str] = {"Content-Type": "application/json"}


def check(
    target: Target,
    measured: Measured,
    *,
    peak_bytes: int = MAX_PEAK_BYTES,
    kept_bytes: int = MAX_KEPT_BYTES,
) -> None:
    """Check that an input held up nobody, and left nothing behind.

    How long the other client waited is printed, not checked: it depends on the machine and its
    other programs. Its requests must only succeed. The CPU time of the longest turn of the event
    loop depends on the machine alone.
    """
    assert target.service.process.poll() is None, "the server has ended"
    assert measured.failures == ()
    assert measured.longest_turn_s < MAX_TURN_S
    assert measured.active_backends == 0
    assert measured.connections <= target.pool_size + OTHER_CONNECTIONS
    assert measured.peak_growth_bytes < peak_bytes
    assert measured.kept_bytes < kept_bytes
    assert [line for line in measured.log if '"level":"error"' in line] == []
    assert max(map(len, measured.log), default=0) < MAX_LOG_LINE


@contextmanager
def serving(folder: Path, database_url: str, **settings: str) -> Iterator[Target]:
    """Run `ticketops serve` on an empty database, with these settings and a key for JWTs."""
    given = {
        "AUTH": "required",
        "JWT_SECRET": SECRET,
        "DATABASE_URL": database_url,
        "OPS_SIM_LATENCY_MS": "0",
        **settings,
    }
    descriptor, clock_path = tempfile.mkstemp(prefix="clock-", dir=folder)
    os.close(descriptor)
    clock = TurnClock(Path(clock_path))
    program = (sys.executable, "-P", measured_server.__file__)
    with ExitStack() as stack:
        service = stack.enter_context(
            running(cwd=folder, program=program, **{CLOCK_FILE: clock_path}, **given)
        )
        log: list[str] = []
        # A full pipe would block the server.
        drain = threading.Thread(target=log.extend, args=(service.process.stderr,), daemon=True)
        drain.start()
        pool_size = int(given.get("DATABASE_POOL_SIZE", "10"))
        yield Target(service, database_url, log, pool_size, clock)
