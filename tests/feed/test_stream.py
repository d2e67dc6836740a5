import asyncio
import logging
import random
from contextlib import suppress

import asyncpg
import pytest

from engine.database.pool import open_pools
from engine.database.shares import count_as
from engine.database.timeouts import Timeouts
from engine.streaming import stream as stream_module
from engine.streaming import subscriber as subscriber_module
from engine.streaming.commit_order import Position, position_of, take_snapshot
from engine.streaming.notifications import Notifier
from engine.streaming.pacing import POLL_S
from engine.streaming.stream import BUFFER_SIZE, Stream, UnknownPosition
from engine.streaming.subscriber import Event, SlowConsumer, Subscriber
from resolvers.tables import EVENTS
from tests.feed.readers import (
    WAIT_S,
    Reader,
    connected,
    visible_at_once,
    write,
    write_many,
)
from tests.waiting import until

chance = random.Random()  # noqa: S311  # varies the tests, protects nothing


async def _write_transactions(database_url: str, notifier: Notifier) -> dict[str, str]:
    """Write and commit events, some of them in long transactions; return their tickets."""
    committed: dict[str, str] = {}
    async with connected(database_url) as connection:
        for _ in range(40):
            written = {}
            async with connection.transaction():
                for _ in range(chance.choice([1, 1, 1, 3])):
                    ticket_id = chance.choice("abc")
                    written[await write(connection, ticket_id)] = ticket_id
                    if chance.random() < 0.1:
                        await asyncio.sleep(chance.random() * 0.2)
            committed |= written
            notifier.notify()
    return committed


async def _read(stream: Stream, received: list[Event], *, only: str | None, leaves: bool) -> None:
    """Follow the stream. If ``leaves``, disconnect at random and resume after the last event."""
    events = await stream.follow(only=only)
    while True:
        async for event in events:
            received.append(event)
            if leaves and chance.random() < 0.05:
                break
        await events.aclose()
        await asyncio.sleep(chance.random() * 0.05)
        events = await stream.follow(after=received[-1].position, only=only)


async def test_events_are_not_lost_duplicated_or_reordered_under_concurrent_writers(
    stream: Stream, notifier: Notifier, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [(None, False)] * 5 + [(None, True)] * 5 + [("b", False), ("b", True)]
    readers = []
    for only, leaves in wanted:
        received: list[Event] = []
        work = _read(stream, received, only=only, leaves=leaves)
        readers.append((only, received, asyncio.create_task(work)))
    await until(lambda: stream.subscriber_count == len(readers))

    writers = [_write_transactions(database_url, notifier) for _ in range(10)]
    committed: dict[str, str] = {}
    for written in await asyncio.gather(*writers):
        committed |= written
    expected = {
        only: {one for one, of in committed.items() if only in {None, of}} for only in (None, "b")
    }
    with suppress(TimeoutError):
        # The assertions below show what is missing.
        await until(
            lambda: all(len(received) >= len(expected[only]) for only, received, _ in readers)
        )
    # Receive what a reader would get twice.
    await asyncio.sleep(0.5)
    for _, _, task in readers:
        task.cancel()
    await asyncio.wait([task for _, _, task in readers])

    for only, received, _ in readers:
        ids = [event.value.id for event in received]
        assert len(ids) == len(set(ids))
        assert set(ids) == expected[only]
        positions = [event.position for event in received]
        assert positions == sorted(positions)
    with capsys.disabled():
        print(f" {len(committed)} events, {len(readers)} readers: 0 lost, 0 twice", end="")  # noqa: T201


async def test_an_event_waits_for_an_older_running_transaction(
    stream: Stream, database_url: str
) -> None:
    async with (
        connected(database_url) as slow,
        connected(database_url) as quick,
        Reader.following(stream) as reader,
    ):
        transaction = slow.transaction()
        await transaction.start()
        first = await write(slow)
        second = await write(quick)
        await asyncio.sleep(1.2)
        assert reader.ids == []

        await transaction.commit()
        assert await reader.wait_for(2) == [first, second]


async def test_events_continue_after_a_rollback(stream: Stream, database_url: str) -> None:
    async with (
        connected(database_url) as slow,
        connected(database_url) as quick,
        Reader.following(stream) as reader,
    ):
        transaction = slow.transaction()
        await transaction.start()
        await write(slow)
        kept = await write(quick)
        await transaction.rollback()
        # A rollback sends no notification.
        assert await reader.wait_for(1) == [kept]


async def test_without_a_position_the_feed_starts_with_later_commits(
    stream: Stream, notifier: Notifier, database_url: str
) -> None:
    """Rows that had committed are excluded, even above an older transaction that still runs."""
    async with connected(database_url) as slow, connected(database_url) as quick:
        transaction = slow.transaction()
        await transaction.start()
        under_way = await write(slow)
        await write(quick)
        async with Reader.following(stream) as reader:
            await transaction.commit()
            later = await write(quick)
            notifier.notify()
            assert await reader.wait_for(2) == [under_way, later]


async def test_a_position_above_a_running_transaction_does_not_hide_its_events(
    stream: Stream, notifier: Notifier, database_url: str
) -> None:
    """A history shows rows that the feed does not show yet, with cursors of the feed."""
    async with connected(database_url) as slow, connected(database_url) as quick:
        transaction = slow.transaction()
        await transaction.start()
        under_way = await write(slow, "slow")
        await write(quick)
        [newest] = await quick.fetch(
            "SELECT transaction, sequence FROM ticket_events WHERE ticket_id = 'a'"
        )
        async with Reader.following(stream, after=position_of(newest)) as reader:
            await transaction.commit()
            later = await write(quick)
            notifier.notify()
            assert await reader.wait_for(2) == [under_way, later]


async def _position(connection: asyncpg.Connection, event_id: str) -> Position:
    statement = "SELECT transaction, sequence FROM ticket_events WHERE id = $1"
    return position_of(await connection.fetchrow(statement, event_id))


async def test_resuming_below_the_first_position_repeats_events_but_loses_none(
    stream: Stream, database_url: str
) -> None:
    """A client that started above a running transaction resumes after an event of it."""
    async with connected(database_url) as slow, connected(database_url) as quick:
        transaction = slow.transaction()
        await transaction.start()
        late = await write(slow)
        known = await write(quick)
        async with Reader.following(stream, after=await _position(quick, known)) as reader:
            await transaction.commit()
            assert await reader.wait_for(1) == [late]
        async with Reader.following(stream, after=await _position(quick, late)) as reader:
            assert await reader.wait_for(1) == [known]


async def test_with_a_position_all_later_events_precede_live_ones(
    stream: Stream, notifier: Notifier, database_url: str
) -> None:
    """Also if they are more than one chunk."""
    async with connected(database_url) as connection:
        await write_many(connection, 1500)
        rows = await connection.fetch(
            "SELECT id, transaction, sequence FROM ticket_events ORDER BY transaction, sequence"
        )
        wanted = [row["id"] for row in rows[100:]]
        async with Reader.following(stream, after=position_of(rows[99])) as reader:
            assert await reader.wait_for(1400) == wanted
            wanted.append(await write(connection))
            notifier.notify()
            assert await reader.wait_for(1401) == wanted


async def test_a_feed_can_be_limited_to_one_ticket(
    stream: Stream, notifier: Notifier, database_url: str
) -> None:
    async with connected(database_url) as connection:
        start = (await take_snapshot(EVENTS)).position
        before = [await write(connection, ticket_id) for ticket_id in "abab"]
        async with Reader.following(stream, after=start, only="b") as reader:
            await reader.wait_for(2)
            live = [await write(connection, ticket_id) for ticket_id in "abab"]
            notifier.notify()
            assert await reader.wait_for(4) == [before[1], before[3], live[1], live[3]]


async def test_a_slow_consumer_can_resume_without_missing_events(
    stream: Stream, notifier: Notifier, database_url: str
) -> None:
    async with connected(database_url) as connection:
        events = await stream.follow()
        first = asyncio.create_task(anext(events))
        await until(lambda: stream.subscriber_count == 1)
        await write(connection)
        notifier.notify()
        seen = [(await first).value.id]
        await write_many(connection, BUFFER_SIZE + 500)
        notifier.notify()
        [subscriber] = stream._all_subscribers()
        await until(lambda: subscriber.has_overflowed)

        async def take_the_rest() -> None:
            async for event in events:
                seen.append(event.value.id)  # events before the error count

        with pytest.raises(SlowConsumer) as error:
            await take_the_rest()
        assert stream.subscriber_count == 0

        rest = BUFFER_SIZE + 501 - len(seen)
        async with Reader.following(stream, after=error.value.position) as reader:
            seen += await reader.wait_for(rest)
        rows = await connection.fetch("SELECT id FROM ticket_events ORDER BY transaction, sequence")
        assert seen == [row["id"] for row in rows]


@pytest.mark.parametrize("reason", ["waits for its turn", "takes events"])
async def test_a_consumer_that_is_not_slow_reads_the_table_again(
    stream: Stream,
    notifier: Notifier,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    reason: str,
) -> None:
    """The event loop is too busy for it, although its client reads."""
    has_turn = asyncio.Event()
    has_turn.set()
    monkeypatch.setattr(stream_module, "pause", has_turn.wait)
    if reason == "takes events":
        monkeypatch.setattr(subscriber_module, "SLOW_AFTER_S", 3600)
    else:
        monkeypatch.setattr(subscriber_module, "has_waiting_work", lambda: not has_turn.is_set())
    count = BUFFER_SIZE + 500
    async with connected(database_url) as connection, Reader.following(stream) as reader:
        await until(lambda: stream.subscriber_count == 1)
        await visible_at_once(connection, lambda: write(connection))
        notifier.notify()
        await reader.wait_for(1)
        has_turn.clear()
        await write_many(connection, count)
        notifier.notify()
        [subscriber] = stream._all_subscribers()
        await until(lambda: subscriber.has_overflowed)
        has_turn.set()
        received = await reader.wait_for(1 + count)
        assert len(set(received)) == len(received) == 1 + count
        # It is live again.
        await until(lambda: stream.subscriber_count == 1)
        seen = [await write(connection)]
        notifier.notify()
        assert (await reader.wait_for(2 + count))[-1:] == seen


async def test_a_burst_of_any_size_reaches_subscribers_that_keep_up(
    stream: Stream, notifier: Notifier, database_url: str
) -> None:
    count = 5 * BUFFER_SIZE
    async with connected(database_url) as connection:
        async with Reader.following(stream) as one, Reader.following(stream) as other:
            await until(lambda: stream.subscriber_count == 2)
            await write_many(connection, count)
            notifier.notify()
            ids = await one.wait_for(count)
            assert await other.wait_for(count) == ids
        assert len(set(ids)) == count


async def test_a_thousand_subscribers_share_one_statement(
    stream: Stream, notifier: Notifier, database_url: str, statements: list[str]
) -> None:
    async with connected(database_url) as connection:
        listening = [await stream.follow() for _ in range(1000)]
        waiting = [asyncio.create_task(anext(events)) for events in listening]
        await until(lambda: stream.subscriber_count == 1000)
        await asyncio.sleep(0.1)
        # Behind an older transaction of the cluster, the reader would read repeatedly.
        event_id = await visible_at_once(connection, lambda: write(connection))
        statements.clear()
        notifier.notify()
        events = await asyncio.gather(*waiting)
        assert {event.value.id for event in events} == {event_id}
        # Polling and transactions of other tests add some statements, but not one each.
        assert len([text for text in statements if 'FROM "ticket_events"' in text]) < 50
        for one in listening:
            await one.aclose()


async def test_nothing_remains_after_the_last_subscriber_leaves(
    stream: Stream, notifier: Notifier, statements: list[str]
) -> None:
    async with Reader.following(stream), Reader.following(stream, only="a"):
        await until(lambda: stream.subscriber_count == 2)
    assert stream.subscriber_count == 0
    await until(lambda: stream._reader is None)
    statements.clear()
    notifier.notify()
    await asyncio.sleep(0.1)
    assert [text for text in statements if "ticket_events" in text] == []


async def test_the_feed_continues_when_all_connections_are_terminated(
    stream: Stream, notifier: Notifier, database_url: str
) -> None:
    """As in a restart of PostgreSQL. The notifier's connection is among them."""
    async with connected(database_url) as connection, Reader.following(stream) as reader:
        wanted = []
        for _ in range(3):
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            wanted += [await write(connection) for _ in range(5)]
            notifier.notify()
            assert await reader.wait_for(len(wanted)) == wanted


@pytest.mark.usefixtures("database")
async def test_events_without_a_notification_arrive_within_a_second(
    database_url: str, statements: list[str]
) -> None:
    assert POLL_S <= 1
    # This notifier is not connected. The process has others, which must not wake the reader.
    stream = Stream(EVENTS, Notifier(database_url), key="ticket_id")
    async with connected(database_url) as connection, Reader.following(stream) as reader:
        await until(lambda: stream.subscriber_count == 1)
        event_id = await visible_at_once(connection, lambda: write(connection))
        statements.clear()
        assert await reader.wait_for(1) == [event_id]
        # The reader has polled once.
        assert len([text for text in statements if 'FROM "ticket_events"' in text]) <= 1
    await stream.close()


async def test_a_position_that_the_database_has_not_reached_is_rejected(stream: Stream) -> None:
    unreached: Position = ((await take_snapshot(EVENTS)).next + 1000, 1)
    with pytest.raises(UnknownPosition):
        await stream.follow(after=unreached)


async def test_closing_ends_all_subscribers(stream: Stream) -> None:
    events = await stream.follow()
    waiting = asyncio.create_task(anext(events, "the end"))
    await until(lambda: stream.subscriber_count == 1)
    await stream.close()
    assert await waiting == "the end"
    assert await anext(await stream.follow(), "the end") == "the end"


async def test_closing_ends_subscribers_that_are_catching_up(
    stream: Stream, database_url: str
) -> None:
    async with connected(database_url) as connection:
        start = (await take_snapshot(EVENTS)).newest
        # One read contains both. A subscriber whose first read found nothing would be live.
        await visible_at_once(connection, lambda: write_many(connection, 2))
    events = await stream.follow(after=start)
    await anext(events)
    await stream.close()
    async with asyncio.timeout(WAIT_S):
        assert len([event async for event in events]) == 1


async def test_a_failed_subscriber_receives_no_later_event(
    stream: Stream, database_url: str
) -> None:
    """A new reader may start at a later position, so that events in between would be missing."""
    async with connected(database_url) as connection, Reader.following(stream) as reader:
        await write(connection)
        await reader.wait_for(1)
    listener = Subscriber(None, size=2)
    listener.end(ZeroDivisionError())
    listener.put(reader.events[0])
    with pytest.raises(ZeroDivisionError):
        await listener.next()


async def test_a_replay_that_waits_for_its_caller_is_no_outage_of_the_feed(
    stream: Stream,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    pool = open_pools[-1]
    monkeypatch.setattr(pool._shares, "_timeouts", Timeouts(0.01))
    async with connected(database_url) as connection, Reader.following(stream) as reader:
        await write(connection)
        second = await write(connection)
        await reader.wait_for(2)
    held: list[int] = []
    has_begun, may_read, may_release = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        count_as("busy")
        held_connection = await pool.acquire()
        held.append(1)
        await may_release.wait()
        pool.return_clean(held_connection)

    async def replay() -> str:
        count_as("busy")
        events = await stream.follow(after=reader.events[0].position)
        has_begun.set()
        await may_read.wait()
        event = await anext(events)
        await events.aclose()
        return str(event.value.id)

    async with asyncio.timeout(WAIT_S):
        replaying = asyncio.create_task(replay())
        await has_begun.wait()
        holding = [asyncio.create_task(hold()) for _ in range(pool._shares.per_caller)]
        await until(lambda: len(held) == len(holding))
        may_read.set()
        await until(lambda: "replay waits for its caller" in caplog.messages)
        may_release.set()
        assert await replaying == second
        await asyncio.gather(*holding)
    assert stream._outage.ended_at == stream._replay_outage.ended_at == 0
    assert [one for one in caplog.records if one.levelno > logging.INFO] == []


async def test_a_permanent_failure_is_raised_to_subscribers(
    stream: Stream, notifier: Notifier, database_url: str
) -> None:
    waiting = asyncio.ensure_future(anext(await stream.follow()))
    await until(lambda: stream.subscriber_count == 1)
    async with connected(database_url) as connection:
        await connection.execute("ALTER TABLE ticket_events RENAME TO elsewhere")
        try:
            notifier.notify()
            with pytest.raises(asyncpg.UndefinedTableError):
                async with asyncio.timeout(WAIT_S):
                    await waiting
        finally:
            await connection.execute("ALTER TABLE elsewhere RENAME TO ticket_events")
