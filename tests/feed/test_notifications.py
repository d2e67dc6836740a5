import asyncio
from contextlib import suppress

import pytest
from tortoise.transactions import in_transaction

from engine.database.transactions import add_commit_topic
from engine.streaming.notifications import Notifier
from tests.feed.following import connected


async def _heard(notifier: Notifier) -> asyncio.Event:
    # The ring of its own beginning comes first.
    heard = asyncio.Event()
    notifier.subscribe(heard.set)
    async with asyncio.timeout(5):
        await heard.wait()
    await asyncio.sleep(0.1)
    heard.clear()
    return heard


async def test_a_commit_is_heard_in_this_process_and_in_others(
    notifier: Notifier, database_url: str
) -> None:
    heard_here, heard_there = await _heard(notifier), asyncio.Event()
    async with connected(database_url) as other:
        await other.add_listener("commits", lambda *_: heard_there.set())
        async with in_transaction() as connection:
            await connection.execute_query("SELECT 1")
        async with asyncio.timeout(0.5):
            await heard_here.wait()
            await heard_there.wait()


async def test_what_is_rolled_back_rings_no_bell(notifier: Notifier) -> None:
    heard = await _heard(notifier)
    with suppress(LookupError):
        async with in_transaction() as connection:
            await connection.execute_query("SELECT 1")
            raise LookupError
    await asyncio.sleep(0.2)
    assert not heard.is_set()


async def test_many_commits_at_once_are_told_to_others_a_few_times(
    notifier: Notifier, database_url: str
) -> None:
    await _heard(notifier)
    async with connected(database_url) as other:
        told: list[str] = []
        await other.add_listener("commits", lambda *_: told.append("commit"))
        for _ in range(1000):
            notifier.notify()
            await asyncio.sleep(0)
        await asyncio.sleep(0.3)
        assert 1 <= len(told) <= 30


async def test_a_connection_that_drops_is_made_again_and_rings_for_what_was_missed(
    notifier: Notifier, database_url: str
) -> None:
    heard = await _heard(notifier)
    async with connected(database_url) as other:
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE '%commits%'"
            " AND pid <> pg_backend_pid()"
        )
        async with asyncio.timeout(5):
            await heard.wait()
        heard.clear()
        await asyncio.sleep(0.2)
        heard.clear()
        await other.execute("NOTIFY commits")
        async with asyncio.timeout(1):
            await heard.wait()


@pytest.mark.usefixtures("database")
async def test_a_callback_that_fails_makes_nobody_deaf(database_url: str) -> None:
    calls = []

    def fail_at_first() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise LookupError

    notifier = Notifier(database_url)
    notifier.subscribe(fail_at_first)
    async with notifier, connected(database_url) as other:
        heard = await _heard(notifier)
        await other.execute("NOTIFY commits")
        async with asyncio.timeout(5):
            await heard.wait()


async def test_who_waits_for_one_topic_hears_of_no_other(
    notifier: Notifier, database_url: str
) -> None:
    await _heard(notifier)
    here, there = asyncio.Event(), asyncio.Event()
    notifier.subscribe(here.set, "parcels")
    async with Notifier(database_url, topics=("parcels",)) as other:
        other.subscribe(there.set, "parcels")
        async with asyncio.timeout(5):
            # It begins with a ring of its own.
            await there.wait()
        there.clear()
        async with in_transaction() as connection:
            await connection.execute_query("SELECT 1")
        await asyncio.sleep(0.2)
        assert not here.is_set()
        assert not there.is_set()
        async with in_transaction() as connection:
            add_commit_topic(connection, "parcels")
        assert here.is_set()
        async with asyncio.timeout(5):
            await there.wait()


async def test_only_the_outermost_transaction_has_a_commit_to_be_told(notifier: Notifier) -> None:  # noqa: ARG001  # models need it
    async with in_transaction(), in_transaction() as inner:
        with pytest.raises(TypeError):
            add_commit_topic(inner, "parcels")


@pytest.mark.parametrize("steps", range(5))
async def test_it_can_be_left_just_after_a_ring(
    database: None,  # noqa: ARG001  # as above
    database_url: str,
    steps: int,
) -> None:
    """As a process does that stops: however far the ringing has come, it is not held up."""
    async with asyncio.timeout(10):
        async with Notifier(database_url) as notifier:
            await _heard(notifier)
            notifier.notify()
            for _ in range(steps):
                await asyncio.sleep(0)


async def test_what_could_not_be_told_is_told_when_there_is_a_connection_again(
    notifier: Notifier, database_url: str
) -> None:
    await _heard(notifier)
    async with connected(database_url) as other:
        told = asyncio.Event()
        await other.add_listener("commits", lambda *_: told.set())
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE '%commits%'"
            " AND pid <> pg_backend_pid()"
        )
        notifier.notify()
        async with asyncio.timeout(5):
            await told.wait()
