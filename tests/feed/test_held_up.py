"""Tests of rows that an open transaction holds up."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.database.embedded import VOLATILE, EmbeddedPostgres
from engine.database.client import Client
from engine.streaming.blocking_transactions import find_blocking_transaction
from engine.streaming.stream import Stream
from tests.app.conftest import new_data_dir
from tests.engine.pools import only_pools
from tests.feed.readers import Reader, connected, write
from tests.waiting import until

BEGINNING, END = "rows held up by an open transaction", "rows no longer held up"


@asynccontextmanager
async def open_transaction(database_url: str) -> AsyncIterator[tuple[asyncpg.Connection, int]]:
    """Have a transaction with a number in the block; yield its connection and its number."""
    async with connected(database_url) as connection, connection.transaction():
        yield connection, await connection.fetchval("SELECT txid_current()")


def fields_of(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    """Return the fields of the log lines with a message."""
    return [vars(line)["fields"] for line in caplog.records if line.message == message]


async def test_the_log_names_the_session_that_holds_up_rows(
    stream: Stream,
    database_url: str,
    empty_database_url: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also if it is in another database of the same server."""
    monkeypatch.setattr("engine.streaming.pacing.LONG_S", 0.0)
    caplog.set_level(logging.WARNING, logger="engine.streaming.pacing")
    async with Reader.following(stream) as reader, connected(database_url) as writer:
        await until(lambda: stream.subscriber_count == 1)
        async with open_transaction(empty_database_url) as (holder, transaction):
            pid = holder.get_server_pid()
            event_id = await write(writer)

            def reported() -> list[dict[str, Any]]:
                # Other tests can have older transactions, which are reported before.
                lines = fields_of(caplog, BEGINNING)
                return [line for line in lines if line["transaction"] == transaction]

            await until(lambda: bool(reported()), within_s=60)
            assert not reader.events
        assert await reader.wait_for(1) == [event_id]
        await until(lambda: len(fields_of(caplog, END)) == len(fields_of(caplog, BEGINNING)))
    [fields] = reported()
    assert fields["table"] == "ticket_events"
    assert fields["pid"] == pid
    assert fields["database"] == urlsplit(empty_database_url).path[1:]


@pytest.mark.usefixtures("database")
async def test_a_transaction_that_has_ended_is_not_found(database_url: str) -> None:
    async with open_transaction(database_url) as (_, transaction):
        assert await find_blocking_transaction(transaction)
    assert await find_blocking_transaction(transaction) == {}


async def test_a_prepared_transaction_is_named() -> None:
    options = VOLATILE | {"max_prepared_transactions": "1"}
    with new_data_dir() as folder, EmbeddedPostgres(folder, options=options) as url, only_pools():
        client = Client(url, connection_name="prepared", minsize=0, maxsize=1)
        async with client.acquire_connection() as connection:
            await connection.execute("BEGIN")
            transaction = await connection.fetchval("SELECT txid_current()")
            await connection.execute("PREPARE TRANSACTION 'the name'")
        found = await find_blocking_transaction(transaction)
        await client.close()
    assert found == {"database": "ticketops", "role": "ticketops", "prepared": "the name"}
