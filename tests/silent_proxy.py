"""A TCP proxy in front of PostgreSQL that can fall silent, like a path that drops packets.

The system acknowledges what is sent to the proxy, so that no setting of TCP notices the silence.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, quote, urlsplit

PORT = 5432
# The message with which asyncpg prepares a statement: its name and its text.
_PREPARED = re.compile(rb"(__asyncpg_stmt_\w+__)\0([^\0]*)")


class SilentProxy:
    """A running proxy; ``url`` is that of the database behind it."""

    def __init__(self, database_url: str) -> None:
        self._parts = urlsplit(database_url)
        self.port = 0
        self.accepted = 0
        self._is_silent = asyncio.Event()
        # Parts of statements, the first execution of which is still awaited.
        self._awaited: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def running(
        cls, database_url: str, *, is_silent: bool = False
    ) -> AsyncIterator["SilentProxy"]:
        """Run a proxy until the end of the block."""
        proxy = cls(database_url)
        if is_silent:
            proxy.fall_silent()
        server = await asyncio.start_server(proxy._accept, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            for task in proxy._tasks:
                task.cancel()
            await asyncio.gather(*proxy._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """The URL of the database, through the proxy."""
        return self.url_of(f"127.0.0.1:{self.port}")

    def url_of(self, hosts: str) -> str:
        """Return the URL of the database on these hosts."""
        user, _, _ = self._parts.netloc.rpartition("@")
        user = user or quote(self._parts.username or "")
        return f"postgresql://{user}@{hosts}{self._parts.path}"

    def lead_to(self, database_url: str) -> None:
        """Forward new connections to another server."""
        self._parts = urlsplit(database_url)

    def fall_silent(self) -> None:
        """Forward nothing more on any connection, and nothing on new ones."""
        self._is_silent.set()

    async def swallow(self, *statements: str) -> None:
        """Swallow one execution of a statement with each of these parts, then fall silent.

        The connection of a swallowed statement is silent at once.
        """
        self._awaited = [text.encode() for text in statements]
        while self._awaited:  # noqa: ASYNC110  # for a few seconds in tests
            await asyncio.sleep(0.01)
        self.fall_silent()

    def recover(self) -> None:
        """Forward again on new connections; those that were silent stay silent for ever."""
        self._is_silent = asyncio.Event()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        silence = self._is_silent
        try:
            if silence.is_set():
                await asyncio.Event().wait()
            server_reader, server_writer = await self._connect()
            try:
                await asyncio.wait(
                    [
                        asyncio.ensure_future(
                            _forward(reader, server_writer, silence, self._swallower())
                        ),
                        asyncio.ensure_future(_forward(server_reader, writer, silence)),
                    ],
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                server_writer.close()
        finally:
            self._tasks.discard(task)
            writer.close()

    def _swallower(self) -> Callable[[bytes], bool]:
        """Return a function that says whether what a client sends is to be swallowed."""
        # By the name of a prepared statement, which later executions send without its text.
        texts: dict[bytes, bytes] = {}

        def swallows(data: bytes) -> bool:
            texts.update(_PREPARED.findall(data))
            executed = [text for name, text in texts.items() if name in data]
            for part in self._awaited:
                if part in data or any(part in text for text in executed):
                    self._awaited.remove(part)
                    return True
            return False

        return swallows

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = parse_qs(self._parts.query).get("host", [""])[0]
        port = self._parts.port or PORT
        if folder:
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{port}")
        return await asyncio.open_connection(self._parts.hostname, port)


async def _forward(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    silence: asyncio.Event,
    swallows: Callable[[bytes], bool] = lambda _: False,
) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            if silence.is_set() or swallows(data):
                await asyncio.Event().wait()
            writer.write(data)
            await writer.drain()
        if silence.is_set():
            await asyncio.Event().wait()
