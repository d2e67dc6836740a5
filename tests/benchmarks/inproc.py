"""CPU of the application alone, called within one process on a real PostgreSQL.

No socket, no HTTP server, no load generator: the ASGI applications of this server and
of the endpoint without GraphQL are called by turns, and the CPU of the process is
counted. Far less noisy than `compare`, so it is what one optimises with. The lowest
of many rounds is the one that was disturbed the least.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import asyncpg
import uvloop
from starlette.types import ASGIApp, Message

from app.application import application
from app.config.logs import configure_logs
from app.config.settings import Settings
from tests.benchmarks.contestants import POOL_SIZE, make_token
from tests.benchmarks.databases import fresh_copy, server
from tests.benchmarks.dialects import Contract, Dialect, Handwritten, our_cursor
from tests.benchmarks.load import NUMBER, LoadFailed
from tests.benchmarks.operations import OPERATIONS, Operation
from tests.benchmarks.options import names, parser
from tests.benchmarks.peers import endpoint
from tests.benchmarks.rounds import ratio, spread
from tests.benchmarks.samples import Samples, take_samples
from tests.benchmarks.tables import shown, table

TICKETS, QUICK_TICKETS = 100_000, 10_000
ROUNDS, QUICK_ROUNDS = 20, 3
REQUESTS = 400
AT_ONCE = 8


@dataclass(slots=True)
class Application:
    """An ASGI application, and how it is asked."""

    app: ASGIApp
    dialect: Dialect
    headers: list[tuple[bytes, bytes]]
    state: dict[str, Any]
    sent: int = 0

    async def cpu_us(self, operation: Operation, bodies: Sequence[bytes], requests: int) -> float:
        """Return the CPU of one request, user and system, of all threads of the process."""
        scope = self._scope(operation)
        started_s = time.process_time()
        await asyncio.gather(
            *(self._send(scope, bodies, requests // AT_ONCE) for _ in range(AT_ONCE))
        )
        return (time.process_time() - started_s) / (requests // AT_ONCE * AT_ONCE) * 1e6

    async def _send(self, scope: dict[str, Any], bodies: Sequence[bytes], count: int) -> None:
        for _ in range(count):
            self.sent += 1
            body = bodies[self.sent % len(bodies)].replace(NUMBER.encode(), b"%d" % self.sent)
            await self._call(dict(scope, state=dict(self.state)), body)

    async def _call(self, scope: dict[str, Any], body: bytes) -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message.get("status", 200) != 200 or b'"errors":[{' in message.get("body", b""):
                raise LoadFailed(str(message))

        await self.app(scope, receive, send)

    def _scope(self, operation: Operation) -> dict[str, Any]:
        path = self.dialect.path(operation)
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [
                (b"host", b"localhost"),
                (b"content-type", b"application/json"),
                *self.headers,
            ],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }


def main(arguments: Sequence[str]) -> None:
    """Measure, and print a table."""
    options = parser("inproc", __doc__)
    options.add_argument(
        "--operations",
        type=names([one.name for one in OPERATIONS]),
        help="which, joined by commas: " + ", ".join(one.name for one in OPERATIONS),
    )
    options.add_argument("--rounds", type=int, help=f"rounds of each ({ROUNDS})")
    options.add_argument("--requests", type=int, default=REQUESTS, help=f"of a round ({REQUESTS})")
    options.add_argument("--alone", action="store_true", help="only this server, for a profiler")
    given = options.parse_args(arguments)
    given.rounds = given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS)
    uvloop.run(_measure(given))


async def _measure(given: argparse.Namespace) -> None:
    tickets = QUICK_TICKETS if given.quick else TICKETS
    async with AsyncExitStack() as opened:
        server_url = await opened.enter_async_context(server(given.database))
        url = await opened.enter_async_context(fresh_copy(server_url, tickets))
        connection = await asyncpg.connect(url)
        samples = await take_samples(connection)
        await connection.close()
        applications = [await _ours(url, opened)]
        if not given.alone:
            applications.append(await _endpoint(url, opened))
        rows = {}
        for operation in OPERATIONS:
            if given.operations is None or operation.name in given.operations:
                rows[operation.title] = await _row(operation, applications, samples, given)
    head = ["CPU microseconds a request", "This server", "lowest"]
    if not given.alone:
        head += ["Without GraphQL", "lowest", "Ratio", "of the lowest"]
    print(table(head, rows))  # noqa: T201  # for this it is run


async def _row(
    operation: Operation,
    applications: Sequence[Application],
    samples: Samples,
    given: argparse.Namespace,
) -> list[str]:
    bodies = [
        [one.dialect.body(operation, variables) for variables in operation.variables(samples)]
        for one in applications
    ]
    found: list[list[float]] = [[] for _ in applications]
    for number in range(given.rounds + 1):
        for place, one in enumerate(applications):
            cpu_us = await one.cpu_us(operation, bodies[place], given.requests)
            if number:  # the first one is the warm-up
                found[place].append(cpu_us)
    cells = [cell for one in found for cell in (shown(spread(one)), f"{min(one):.0f}")]
    if len(found) > 1:
        cells += [shown(ratio(*found)), f"{min(found[0]) / min(found[1]):.2f}"]
    return cells


async def _ours(url: str, opened: AsyncExitStack) -> Application:
    # The log is written as ever, but to nowhere.
    nowhere = opened.enter_context(open(os.devnull, "w"))  # noqa: ASYNC230, PTH123, SIM115  # closed with the rest
    configure_logs(level="info", log_format="json", stream=nowhere)
    token = await make_token(url)
    settings = Settings.load(
        {"AUTH": "required", "DATABASE_POOL_SIZE": str(POOL_SIZE)}, dotenv=None
    )
    app = application(settings, database_url=url)
    state = await opened.enter_async_context(app.router.lifespan_context(app))
    headers = [(b"authorization", f"Bearer {token}".encode())]
    return Application(app, Contract(our_cursor), headers, dict(state or {}))


async def _endpoint(url: str, opened: AsyncExitStack) -> Application:
    await opened.enter_async_context(endpoint.connected(url, pool_size=POOL_SIZE))
    return Application(endpoint.app, Handwritten(), [], {})


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
