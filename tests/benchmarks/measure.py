"""One measurement: a load on one contestant, and what it cost on both sides."""

from dataclasses import dataclass

import asyncpg

from tests.benchmarks.backends import Backends, spent_s
from tests.benchmarks.contestants import Running
from tests.benchmarks.load import Load, LoadFailed, Requests, load


@dataclass(frozen=True, slots=True)
class Measured:
    """Costs of one request."""

    server_us: float
    # None where PostgreSQL runs on another machine.
    postgres_us: float | None
    per_second: float
    p50_ms: float
    p99_ms: float
    failures: int


class Meter:
    """Measures one load after the other, each request with a number of its own."""

    def __init__(self, connection: asyncpg.Connection, *, connections: int) -> None:
        self._backends = Backends(connection)
        self._connections = connections
        self._number = 0

    async def measure(
        self,
        running: Running,
        requests: Requests,
        *,
        seconds: float,
        least_bytes: int = 0,
        connections: int | None = None,
    ) -> Measured:
        """Return what a load cost; raises LoadFailed where its answers are none."""
        server_s, postgres_s = running.server.cpu_s(), await self._backends.cpu_s()
        got = await load(
            requests,
            connections=connections or self._connections,
            seconds=seconds,
            first_number=self._number,
        )
        server_s = running.server.cpu_s() - server_s
        spent = spent_s(postgres_s, await self._backends.cpu_s())
        self._number += got.requests + self._connections
        _refuse_failures(running, got, least_bytes)
        return Measured(
            server_us=server_s / got.requests * 1e6,
            postgres_us=None if spent is None else spent / got.requests * 1e6,
            per_second=got.requests / got.seconds,
            p50_ms=got.p50_ms,
            p99_ms=got.p99_ms,
            failures=got.failures,
        )


def _refuse_failures(running: Running, got: Load, least_bytes: int) -> None:
    title = running.contestant.title
    if not got.requests:
        raise LoadFailed(f"{title} answered nothing.")
    if got.bytes / got.requests < least_bytes:
        # GraphQL answers 200 also where it could do nothing.
        raise LoadFailed(f"{title} answers {got.bytes // got.requests} bytes, not {least_bytes}.")
