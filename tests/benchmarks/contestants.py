"""Who is compared: this server and its peers, each as it is started and asked."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import orjson

from tests.benchmarks.dialects import (
    Contract,
    Dialect,
    Handwritten,
    PostGraphile,
    our_cursor,
    plain_cursor,
)
from tests.benchmarks.load import Requests
from tests.benchmarks.node import install
from tests.benchmarks.operations import Operation, Variables
from tests.benchmarks.places import PEERS
from tests.benchmarks.processes import Server, free_port, started
from tests.benchmarks.progress import say
from tests.benchmarks.samples import Samples

POOL_SIZE = 10
OURS = "ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a server is started, and what must go with each request to it."""

    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A server that can be compared."""

    name: str
    title: str
    dialect: Dialect
    # Makes all ready, given the URL of the database.
    prepare: Callable[[str], Awaitable[Launch]]
    needs_node: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """A contestant that listens."""

    contestant: Contestant
    server: Server
    headers: Mapping[str, str]

    def requests(self, operation: Operation, samples: Samples) -> Requests:
        """Return all requests of an operation."""
        dialect = self.contestant.dialect
        bodies = [dialect.body(operation, one) for one in operation.variables(samples)]
        return Requests(self._url(operation), bodies, self.headers)

    async def ask(self, operation: Operation, variables: Variables) -> tuple[Any, int]:
        """Return the data of one answer in the contract's shape, and how many bytes it had."""
        dialect = self.contestant.dialect
        async with httpx2.AsyncClient(timeout=30, trust_env=False) as client:
            answer = await client.post(
                self._url(operation),
                content=dialect.body(operation, variables),
                headers={"Content-Type": "application/json", **self.headers},
            )
        return dialect.read(operation, orjson.loads(answer.content)), len(answer.content)

    def _url(self, operation: Operation) -> str:
        path = self.contestant.dialect.path(operation)
        return f"http://127.0.0.1:{self.server.port}{path}"


async def start(contestant: Contestant, url: str, opened: AsyncExitStack) -> Running:
    """Start a contestant, to run until what is opened is closed; raises NotStarted."""
    say(f"Starting {contestant.title}")
    launch = await contestant.prepare(url)
    port = free_port()
    common = {"DATABASE_URL": url, "DATABASE_POOL_SIZE": str(POOL_SIZE), "PORT": str(port)}
    server = await opened.enter_async_context(
        started(contestant.name, launch.command, {**common, **launch.environ}, port=port)
    )
    return Running(contestant, server, launch.headers)


async def launch_ours(url: str, *, caller: str = "benchmark") -> Launch:
    """Return how this server is started, and make a token for its caller."""
    # As it is run for others than oneself: everything of its defaults, and access required.
    token = await make_token(url, name=caller)
    return Launch(
        command=[sys.executable, "-m", "app", "serve"],
        environ={"AUTH": "required", "SHUTDOWN_DELAY_MS": "0"},
        headers={"Authorization": f"Bearer {token}"},
    )


def other_checkout(folder: Path) -> Contestant:
    """Return the server of another checkout, to compare a change with the state before it.

    It runs with the Python of that checkout's own virtual environment if there is one, else with
    this one. Both must have the same version of the database schema.
    """
    own_python = folder / ".venv" / "bin" / "python"
    python = str(own_python) if own_python.exists() else sys.executable

    async def prepare(url: str) -> Launch:
        launch = await launch_ours(url, caller="other checkout")
        return Launch(
            command=[python, "-m", "app", "serve"],
            environ={**launch.environ, "PYTHONPATH": str(folder)},
            headers=launch.headers,
        )

    return Contestant(
        name="other",
        title="This server, other checkout",
        dialect=Contract(our_cursor),
        prepare=prepare,
    )


async def make_token(url: str, *, name: str = "benchmark") -> str:
    """Return the secret of an API token that may read and write."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "token", "create", name),
        *("--scope", "read", "--scope", "write"),
        env=os.environ | {"DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    return output.decode().split()[-1]


async def _node(folder: str, url: str) -> Launch:
    if (PEERS / folder / "schema.sql").exists():
        connection = await asyncpg.connect(url)
        await connection.execute((PEERS / folder / "schema.sql").read_text())
        await connection.close()
    installed = await install(PEERS / folder)
    return Launch(
        command=["node", str(installed / "server.js")],
        environ={"NODE_ENV": "production", "GRAPHILE_TURBO": "1"},
    )


async def _uvicorn(module: str, url: str) -> Launch:  # noqa: ARG001  # one signature for all
    quiet = ["--no-access-log", "--log-level", "warning"]
    start = "import os, sys, uvicorn; sys.argv += ['--port', os.environ['PORT']]; uvicorn.main()"
    return Launch(
        command=[sys.executable, "-c", start, f"tests.benchmarks.peers.{module}:app", *quiet]
    )


CONTESTANTS = (
    Contestant(name=OURS, title="This server", dialect=Contract(our_cursor), prepare=launch_ours),
    Contestant(
        name="endpoint",
        title="Python without GraphQL",
        dialect=Handwritten(),
        prepare=partial(_uvicorn, "endpoint"),
    ),
    Contestant(
        name="mercurius",
        title="Fastify + Mercurius (JIT)",
        dialect=Contract(plain_cursor),
        prepare=partial(_node, "mercurius"),
        needs_node=True,
    ),
    Contestant(
        name="postgraphile",
        title="PostGraphile",
        dialect=PostGraphile(),
        prepare=partial(_node, "postgraphile"),
        needs_node=True,
    ),
    Contestant(
        name="manuals",
        title="Strawberry + Tortoise",
        dialect=Contract(plain_cursor),
        prepare=partial(_uvicorn, "manuals"),
    ),
)
