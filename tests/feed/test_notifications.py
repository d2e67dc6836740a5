import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress

import pytest
from tortoise.transactions import in_transaction

from engine.database.commits import on_commit
from engine.database.transactions import add_commit_topic
from engine.streaming import notifications
from engine.streaming.notifications import Notifier
from tests.feed.readers import connected
from tests.waiting import until

# Less than the interval of the heartbeats, which notify too.
WAIT_S = 20


async def _subscribed(notifier: Notifier) -> asyncio.Event:
    # A new notifier first notifies its own subscribers.
    notified = asyncio.Event()
    notifier.subscribe(notified.set)
    async with asyncio.timeout(WAIT_S):
        await notified.wait()
    await asyncio.sleep(0.1)
    notified.clear()
    return notified


async def test_a_commit_notifies_this_process_and_others(
    notifier: Notifier, database_url: str
) -> None:
    notified_here, notified_there = await _subscribed(notifier), asyncio.Event()
    async with connected(database_url) as other:
        await other.add_listener("commits", lambda *_: notified_there.set())
        async with in_transaction() as connection:
            await connection.execute_query("SELECT 1")
        async with asyncio.timeout(WAIT_S):
            await notified_here.wait()
            await notified_there.wait()


async def test_a_rollback_does_not_notify(notifier: Notifier, database_url: str) -> None:
    await _subscribed(notifier)
    async with connected(database_url) as other, AsyncExitStack() as subscribed:
        commits: list[Sequence[str]] = []
        subscribed.callback(on_commit(commits.append))
        sent: list[object] = []
        await other.add_listener("commits", lambda *arguments: sent.append(arguments[-1]))
        async with in_transaction() as connection:
            await connection.execute_query("SELECT 1")
        # The next heartbeat is long after this notification.
        await until(lambda: notifier._id in sent)
        assert len(commits) == 1
        with suppress(LookupError):
            async with in_transaction() as connection:
                await connection.execute_query("SELECT 1")
                raise LookupError
        await asyncio.sleep(0.2)
        assert len(commits) == sent.count(notifier._id) == 1


async def test_many_commits_share_a_few_notifications(
    notifier: Notifier, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _subscribed(notifier)
    assert notifications.INTERVAL_S >= 0.01
    # Longer than the test, on a machine of any speed.
    monkeypatch.setattr(notifications, "INTERVAL_S", 600)
    async with connected(database_url) as other:
        sent: list[object] = []
        await other.add_listener("commits", lambda *arguments: sent.append(arguments[-1]))
        for _ in range(1000):
            notifier.notify()
            await asyncio.sleep(0)
        await until(lambda: notifier._id in sent)
        await asyncio.sleep(0.3)
        assert sent.count(notifier._id) == 1


async def test_a_lost_connection_is_replaced_and_notifies_for_missed_commits(
    notifier: Notifier, database_url: str
) -> None:
    notified = await _subscribed(notifier)
    async with connected(database_url) as other:
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE '%commits%'"
            " AND pid <> pg_backend_pid()"
        )
        async with asyncio.timeout(WAIT_S):
            await notified.wait()
        notified.clear()
        await asyncio.sleep(0.2)
        notified.clear()
        await other.execute("NOTIFY commits")
        async with asyncio.timeout(WAIT_S):
            await notified.wait()


@pytest.mark.usefixtures("database")
async def test_a_failing_callback_does_not_stop_notifications(database_url: str) -> None:
    calls = []

    def fail_at_first() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise LookupError

    notifier = Notifier(database_url)
    notifier.subscribe(fail_at_first)
    async with connected(database_url) as other, notifier:
        notified = await _subscribed(notifier)
        await other.execute("NOTIFY commits")
        async with asyncio.timeout(WAIT_S):
            await notified.wait()


async def test_a_subscriber_is_notified_only_of_its_topic(
    notifier: Notifier, database_url: str
) -> None:
    await _subscribed(notifier)
    here, there = asyncio.Event(), asyncio.Event()
    notifier.subscribe(here.set, "parcels")
    async with Notifier(database_url, topics=("parcels",)) as other:
        other.subscribe(there.set, "parcels")
        async with asyncio.timeout(WAIT_S):
            # The notification of its own start.
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
        async with asyncio.timeout(WAIT_S):
            await there.wait()


async def test_only_an_outermost_transaction_accepts_a_topic(notifier: Notifier) -> None:  # noqa: ARG001  # initializes the models
    async with in_transaction(), in_transaction() as inner:
        with pytest.raises(TypeError):
            add_commit_topic(inner, "parcels")


@pytest.mark.parametrize("steps", range(5))
async def test_a_notifier_can_be_closed_just_after_a_notification(
    database: None,  # noqa: ARG001  # as above
    database_url: str,
    steps: int,
) -> None:
    """As in a process that stops: at any point of sending, closing does not hang."""
    async with asyncio.timeout(60):
        async with Notifier(database_url) as notifier:
            await _subscribed(notifier)
            notifier.notify()
            for _ in range(steps):
                await asyncio.sleep(0)


async def test_an_unsent_notification_is_sent_after_reconnecting(
    notifier: Notifier, database_url: str
) -> None:
    await _subscribed(notifier)
    async with connected(database_url) as other:
        received = asyncio.Event()
        await other.add_listener("commits", lambda *_: received.set())
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE '%commits%'"
            " AND pid <> pg_backend_pid()"
        )
        notifier.notify()
        async with asyncio.timeout(WAIT_S):
            await received.wait()
