import asyncio
import random

import asyncpg
import pytest

from engine.streaming.commit_order import Position, position_of, take_snapshot
from engine.streaming.notifications import Notifier
from engine.streaming.stream import BUFFER_SIZE, Stream, UnknownPosition
from engine.streaming.subscriber import Event, SlowConsumer, Subscriber
from resolvers.tables import EVENTS
from tests.feed.following import Reader, connected, until, write, write_many

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


async def _read(stream: Stream, came: list[Event], *, only: str | None, leaves: bool) -> None:
    """Follow; who leaves comes back soon, with the place of the last event that came."""
    events = await stream.follow(only=only)
    while True:
        async for event in events:
            came.append(event)
            if leaves and chance.random() < 0.05:
                break
        await events.aclose()
        await asyncio.sleep(chance.random() * 0.05)
        events = await stream.follow(after=came[-1].position, only=only)


async def test_nothing_is_lost_doubled_or_out_of_order_under_concurrent_writers(
    stream: Stream, notifier: Notifier, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [(None, False)] * 5 + [(None, True)] * 5 + [("b", False), ("b", True)]
    readers = []
    for only, leaves in wanted:
        came: list[Event] = []
        work = _read(stream, came, only=only, leaves=leaves)
        readers.append((only, came, asyncio.create_task(work)))
    await until(lambda: stream.subscriber_count == len(readers))

    writers = [_write_transactions(database_url, notifier) for _ in range(10)]
    committed: dict[str, str] = {}
    for written in await asyncio.gather(*writers):
        committed |= written
    await asyncio.sleep(1.5)
    for _, _, task in readers:
        task.cancel()
    await asyncio.wait([task for _, _, task in readers])

    for only, came, _ in readers:
        ids = [event.value.id for event in came]
        assert len(ids) == len(set(ids))
        assert set(ids) == {one for one, of in committed.items() if only in {None, of}}
        positions = [event.position for event in came]
        assert positions == sorted(positions)
    with capsys.disabled():
        print(f" {len(committed)} events, {len(readers)} readers: 0 lost, 0 twice", end="")  # noqa: T201


async def test_an_event_waits_for_the_older_transaction_whose_place_is_before_it(
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


async def test_a_transaction_that_is_rolled_back_holds_nobody_up(
    stream: Stream, database_url: str
) -> None:
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
        # Nobody rings at a rollback.
        assert await reader.wait_for(1) == [kept]


async def test_following_begins_with_what_commits_after_it_was_asked_for(
    stream: Stream, notifier: Notifier, database_url: str
) -> None:
    """Not with what was committed, even if that is above an older transaction that still runs."""
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


async def test_a_place_above_a_running_transaction_does_not_hide_what_that_commits(
    stream: Stream, notifier: Notifier, database_url: str
) -> None:
    """A history shows what a feed does not show yet, and its cursors are good for the feed."""
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


async def test_with_a_place_all_since_then_comes_first(
    stream: Stream, notifier: Notifier, database_url: str
) -> None:
    """Also when that is more than one read of the table brings."""
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


async def test_only_the_events_of_one_ticket_come_where_that_is_asked_for(
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


async def test_who_takes_events_too_slowly_is_told_where_to_go_on(
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
        await asyncio.sleep(1)

        async def go_on() -> None:
            async for event in events:
                seen.append(event.value.id)  # what came before the error counts

        with pytest.raises(SlowConsumer) as error:
            await go_on()
        assert stream.subscriber_count == 0

        rest = BUFFER_SIZE + 501 - len(seen)
        async with Reader.following(stream, after=error.value.position) as reader:
            seen += await reader.wait_for(rest)
        rows = await connection.fetch("SELECT id FROM ticket_events ORDER BY transaction, sequence")
        assert seen == [row["id"] for row in rows]


async def test_a_burst_reaches_everyone_who_takes_it_however_large_it_is(
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


async def test_a_thousand_listeners_cost_one_statement_for_each_event(
    stream: Stream, notifier: Notifier, database_url: str, statements: list[str]
) -> None:
    async with connected(database_url) as connection:
        listening = [await stream.follow() for _ in range(1000)]
        waiting = [asyncio.create_task(anext(events)) for events in listening]
        await until(lambda: stream.subscriber_count == 1000, within_s=30)
        await asyncio.sleep(0.1)
        statements.clear()
        event_id = await write(connection)
        notifier.notify()
        events = await asyncio.gather(*waiting)
        assert {event.value.id for event in events} == {event_id}
        # There is a look each second, and there are some more while a transaction of
        # another test holds the event up: but none for each listener.
        assert len([text for text in statements if 'FROM "ticket_events"' in text]) < 50
        for one in listening:
            await one.aclose()


async def test_who_leaves_leaves_nothing_behind(
    stream: Stream, notifier: Notifier, statements: list[str]
) -> None:
    async with Reader.following(stream), Reader.following(stream, only="a"):
        await until(lambda: stream.subscriber_count == 2)
    await asyncio.sleep(0.1)
    assert stream.subscriber_count == 0
    assert stream._reader is None
    statements.clear()
    notifier.notify()
    await asyncio.sleep(0.1)
    assert [text for text in statements if "ticket_events" in text] == []


async def test_following_goes_on_when_all_connections_are_terminated(
    stream: Stream, notifier: Notifier, database_url: str
) -> None:
    """As by a restart of PostgreSQL; among them is the one that listens."""
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


async def test_what_others_write_without_ringing_comes_within_a_second(
    stream: Stream, database_url: str
) -> None:
    async with connected(database_url) as connection, Reader.following(stream) as reader:
        await until(lambda: stream.subscriber_count == 1)
        event_id = await write(connection)
        assert await reader.wait_for(1, within_s=2) == [event_id]


async def test_a_place_that_the_database_has_not_come_to_is_refused(stream: Stream) -> None:
    unreached: Position = ((await take_snapshot(EVENTS)).next + 1000, 1)
    with pytest.raises(UnknownPosition):
        await stream.follow(after=unreached)


async def test_closing_ends_the_events_of_everyone(stream: Stream) -> None:
    events = await stream.follow()
    waiting = asyncio.create_task(anext(events, "the end"))
    await until(lambda: stream.subscriber_count == 1)
    await stream.close()
    assert await waiting == "the end"
    assert await anext(await stream.follow(), "the end") == "the end"


async def test_closing_ends_the_events_of_who_has_not_come_up_yet(
    stream: Stream, database_url: str
) -> None:
    async with connected(database_url) as connection:
        start = (await take_snapshot(EVENTS)).newest
        for _ in range(2):
            await write(connection)
    events = await stream.follow(after=start)
    await anext(events)
    await stream.close()
    async with asyncio.timeout(5):
        assert len([event async for event in events]) == 1


async def test_who_listens_is_told_of_a_failure_and_of_nothing_that_comes_after_it(
    stream: Stream, database_url: str
) -> None:
    """Another may begin to read again where he has not been: between them events are missing."""
    async with connected(database_url) as connection, Reader.following(stream) as reader:
        await write(connection)
        await reader.wait_for(1)
    listener = Subscriber(None, size=2)
    listener.end(ZeroDivisionError())
    listener.put(reader.events[0])
    with pytest.raises(ZeroDivisionError):
        await listener.next()


async def test_a_failure_that_no_waiting_mends_is_told_to_who_listens(
    stream: Stream, notifier: Notifier, database_url: str
) -> None:
    waiting = asyncio.ensure_future(anext(await stream.follow()))
    await until(lambda: stream.subscriber_count == 1)
    async with connected(database_url) as connection:
        await connection.execute("ALTER TABLE ticket_events RENAME TO elsewhere")
        try:
            notifier.notify()
            with pytest.raises(asyncpg.UndefinedTableError):
                async with asyncio.timeout(5):
                    await waiting
        finally:
            await connection.execute("ALTER TABLE elsewhere RENAME TO ticket_events")
