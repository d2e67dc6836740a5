"""Statements over TLS, whose bytes are counted after they are decrypted.

The embedded PostgreSQL is built without TLS, so a proxy decrypts before it, as poolers do.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.database.byte_counter import counter_of
from engine.database.client import Client
from engine.database.memory_grants import ReadTooLarge, counting_memory
from engine.database.pool import open_pools
from engine.database.queries import fetch
from engine.database.shares import PoolUser, pool_user
from tests.engine.pools import all_returned, only_pools
from tests.ops.authority import Authority

MIB = 2**20
# The length and code of SSLRequest.
SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with closing(writer), suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


@pytest.fixture
async def dsn(database_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """Return the DSN of the database behind a proxy that requires TLS."""
    target = urlsplit(database_url)
    [folder] = parse_qs(target.query).get("host", [""])
    [port] = parse_qs(target.query).get("port", [str(target.port or 5432)])
    context = Authority(tmp_path).server_context("127.0.0.1")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(8) == SSL_REQUEST
        writer.write(b"S")
        await writer.start_tls(context)
        if folder:
            inner, to_inner = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{port}")
        else:
            inner, to_inner = await asyncio.open_connection(target.hostname, int(port))
        await asyncio.gather(forward(reader, to_inner), forward(inner, writer))

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        [listener] = server.sockets
        user = target.netloc.rpartition("@")[0]
        host = f"{user}@127.0.0.1:{listener.getsockname()[1]}"
        yield target._replace(netloc=host, query="sslmode=require").geturl()


async def test_statements_over_tls_are_counted_stopped_and_cancelled(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A connection whose statement is cancelled later than this is closed.
    monkeypatch.setattr("engine.database.checkout.RELEASE_TIMEOUT_S", 60)
    client = Client(dsn, connection_name="tls", minsize=1, maxsize=1)
    with only_pools():
        async with client.acquire_connection() as connection:
            assert connection._transport.get_extra_info("ssl_object") is not None
            assert counter_of(connection) is not None
        [pool] = open_pools
        [[before]] = await fetch("SELECT pg_backend_pid()", [])
        with pytest.raises(ReadTooLarge):
            await asyncio.create_task(read(10_000))
        await all_returned(pool)
        assert await asyncio.create_task(read(10)) == 10 * (MIB // 10)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await fetch("SELECT pg_sleep(600)", [])
        await all_returned(pool)
        [[after]] = await fetch("SELECT pg_backend_pid()", [])
        # Both statements were cancelled in PostgreSQL, and the connection was kept.
        assert after == before
        await client.close()


async def read(rows: int) -> int:
    """Read rows of a tenth of a MiB as an operation that may receive 4 MiB; return their size."""
    pool_user.set(PoolUser("caller"))
    text = "SELECT repeat('x', $2::int) FROM generate_series(1, $1::int)"
    with counting_memory(max_bytes=4 * MIB):
        return sum(len(row[0]) for row in await fetch(text, [rows, MIB // 10]))
