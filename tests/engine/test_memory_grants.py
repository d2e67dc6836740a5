"""Tests of the memory that operations may use for what their statements receive."""

import asyncio
import gc
import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from engine.database import checkout, memory_grants
from engine.database.memory_grants import (
    GRANTS,
    MemoryGrants,
    MemoryGrantsExceeded,
    OperationMemory,
    ReadTooLarge,
    counting_memory,
)
from engine.database.memory_limits import CALLER_BYTES, PROCESS_BYTES, PROCESS_GRANTS
from engine.database.pool import Pool
from engine.database.queries import fetch
from engine.database.shares import PoolUser, pool_user
from engine.documents.prepared import PreparedOperation
from engine.execution.execution import execute
from engine.projection.context import OperationContext
from engine.projection.response_size import ResponseTooLarge
from resolvers.context import Context
from tests.engine.execution import NO_LIMIT, prepare
from tests.engine.pools import all_returned

MIB = 2**20
# Rows of 100 kB, which PostgreSQL sends one by one.
ROWS = "SELECT repeat('x', 100000) FROM generate_series(1, $1::int)"
MAX_BYTES = 32 * MIB


@pytest.fixture(autouse=True)
async def balanced(pool: Pool) -> AsyncIterator[None]:
    """Check that everything is returned after a test."""
    yield
    await all_returned(pool)
    assert GRANTS.usage == (0, 0)
    assert not GRANTS._bytes
    assert not GRANTS._granted
    assert not GRANTS._text_granted
    assert not GRANTS.bytes


# The same rows, of which Python takes 400 kB for each.
WIDE_ROWS = ROWS.replace("repeat('x', 100000)", "repeat('x', 99999) || '\U0001f600'")


async def read(
    size: int,
    *,
    caller: str = "greedy",
    max_bytes: int = MAX_BYTES,
    statements: int = 1,
    is_repeatable: bool = True,
    rows: str = ROWS,
) -> int:
    """Read this many bytes with each statement of one operation; return what all have read."""
    pool_user.set(PoolUser(caller))
    with counting_memory(max_bytes=max_bytes):
        results = [
            await fetch(rows, [size // 100_000], is_repeatable=is_repeatable)
            for _ in range(statements)
        ]
        return sum(len(row[0]) for rows in results for row in rows)


def _memory(grants: MemoryGrants, caller: str = "a") -> OperationMemory:
    return OperationMemory(grants, caller, max_bytes=MAX_BYTES)


def test_the_operations_of_a_caller_share_their_bytes_and_one_grant() -> None:
    grants = MemoryGrants()
    first, second, other = _memory(grants), _memory(grants), _memory(grants, "b")
    assert first.receive(CALLER_BYTES)
    # Beyond the bytes of the caller: the first one to need it has the grant.
    assert second.receive(MIB)
    assert second.has_grant
    assert first.receive(0)
    assert not first.receive(MIB)
    assert other.receive(MIB)
    assert not other.has_grant
    second.end()
    assert first.may_begin()
    assert first.has_grant
    first.end()
    other.end()
    assert grants.usage == (0, 0)
    assert not grants.bytes


def test_all_callers_share_the_bytes_and_the_grants_of_the_process() -> None:
    grants = MemoryGrants()
    callers = PROCESS_BYTES // CALLER_BYTES
    small = [_memory(grants, f"small {number}") for number in range(callers)]
    assert all(memory.receive(CALLER_BYTES) for memory in small)
    large = [_memory(grants, f"large {number}") for number in range(PROCESS_GRANTS)]
    assert all(memory.receive(MIB) for memory in large)
    assert all(memory.has_grant for memory in large)
    late = _memory(grants, "late")
    assert not late.receive(MIB)
    late.discard(MIB)
    # So little is not counted.
    assert late.receive(1000)
    for memory in (*small, *large, late):
        memory.end()
    assert (grants.usage, grants.bytes) == ((0, 0), 0)


def test_one_operation_at_a_time_may_have_texts_that_take_more_than_the_maximum() -> None:
    grants = MemoryGrants()
    first, second, other = _memory(grants, "a"), _memory(grants, "b"), _memory(grants, "c")
    for memory in (first, second):
        assert memory.receive(MAX_BYTES // 2, MAX_BYTES // 2)
        assert memory.has_grant
    assert first.receive(MAX_BYTES // 2, MAX_BYTES)
    assert first.has_text_grant
    # What it receives is limited as before.
    assert not first.receive(1)
    assert first.is_exceeded
    assert not second.receive(0, 1)
    assert not second.is_exceeded
    assert not second.may_begin()
    # Operations without such texts do not wait.
    assert other.receive(MAX_BYTES)
    assert other.may_begin()
    first.end()
    assert second.may_begin()
    assert second.has_text_grant
    for memory in (second, other):
        memory.end()
    assert (grants.usage, grants.bytes, grants._text_granted) == ((0, 0), 0, 0)


def test_nothing_is_received_beyond_the_maximum() -> None:
    memory = _memory(MemoryGrants())
    assert memory.receive(MAX_BYTES)
    assert not memory.is_exceeded
    assert not memory.receive(1)
    assert memory.is_exceeded
    memory.end()


async def test_an_operation_that_has_ended_receives_no_grant() -> None:
    grants = MemoryGrants()
    holder, ended, other = (_memory(grants) for _ in range(3))
    assert holder.receive(CALLER_BYTES + MIB)
    assert not ended.receive(CALLER_BYTES + MIB)
    # Its statement is cancelled, but does not know it yet.
    waits = asyncio.create_task(ended.wait_for_grant())
    await asyncio.sleep(0)
    assert grants.usage == (1, 1)
    waits.cancel()
    ended.end()
    holder.end()
    assert grants.usage == (0, 0)
    assert other.receive(CALLER_BYTES + MIB)
    other.end()
    with pytest.raises(asyncio.CancelledError):
        await waits


async def test_a_statement_that_receives_too_much_is_stopped_and_its_connection_kept(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A slow machine would close it.
    monkeypatch.setattr(checkout, "RELEASE_TIMEOUT_S", 60)
    [[before]] = await fetch("SELECT clock_timestamp()", [])
    with pytest.raises(ReadTooLarge):
        # Would take half a minute, and 10 GB.
        await asyncio.create_task(read(10_000 * MIB, max_bytes=MIB))
    await all_returned(pool)
    new = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND backend_start > $1"
    assert await fetch(new, [before]) == []
    assert await asyncio.create_task(read(20 * MIB)) > 19 * MIB


async def test_the_statements_of_an_operation_are_counted_together() -> None:
    with pytest.raises(ReadTooLarge):
        await asyncio.create_task(read(MIB, statements=5, max_bytes=4 * MIB))
    assert await asyncio.create_task(read(MIB, statements=3, max_bytes=4 * MIB)) < 4 * MIB


async def test_operations_with_large_answers_run_one_after_another_and_all_succeed() -> None:
    running = [asyncio.create_task(read(4 * MIB, statements=3)) for _ in range(6)]
    most = 0
    while not all(task.done() for task in running):
        granted, _ = GRANTS.usage
        assert granted <= 1
        most = max(most, GRANTS.bytes)
        await asyncio.sleep(0.001)
    assert {task.result() for task in running} == {3 * (4 * MIB // 100_000) * 100_000}
    # A statement is stopped after a part that was already on its way.
    assert most < CALLER_BYTES + 4 * MIB


async def test_the_texts_of_all_callers_take_turns_and_all_succeed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory_grants, "GRANT_TIMEOUT_S", 60)
    size = 12 * MIB
    held = _memory(GRANTS, "holder")
    assert held.receive(CALLER_BYTES, MAX_BYTES)
    assert held.receive(0)
    assert held.has_text_grant
    running = [
        asyncio.create_task(read(size, caller=f"caller {number}", statements=2, rows=WIDE_ROWS))
        for number in range(3)
    ]
    while sum(memory.needs_text_grant for memory in GRANTS._waiting) < len(running):  # noqa: ASYNC110  # there is no event
        await asyncio.sleep(0.001)
    held.end()
    while not all(task.done() for task in running):
        assert GRANTS._text_granted <= 1
        await asyncio.sleep(0.001)
    assert {task.result() for task in running} == {2 * (size // 100_000) * 100_000}


async def test_other_callers_do_not_wait() -> None:
    held = _memory(GRANTS, "greedy")
    held.receive(20 * MIB)
    assert held.has_grant
    full = _memory(GRANTS, "greedy")
    full.receive(CALLER_BYTES + 1)
    waiting = asyncio.create_task(read(MIB))
    assert await asyncio.create_task(read(20 * MIB, caller="other")) > 19 * MIB
    assert not waiting.done()
    # Nor does a statement that cannot be repeated.
    assert await asyncio.create_task(read(MIB, is_repeatable=False))
    assert GRANTS.usage == (1, 1)
    held.end()
    assert await waiting
    full.end()


async def test_an_operation_that_waits_too_long_learns_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_grants, "GRANT_TIMEOUT_S", 0.05)
    held, full = _memory(GRANTS, "greedy"), _memory(GRANTS, "greedy")
    held.receive(20 * MIB)
    full.receive(CALLER_BYTES + 1)
    with pytest.raises(MemoryGrantsExceeded, match="8,388,608 bytes"):
        await asyncio.create_task(read(MIB))
    held.end()
    full.end()


async def test_an_operation_waits_while_the_holder_of_the_grant_makes_progress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window_s = 0.02
    monkeypatch.setattr(memory_grants, "GRANT_TIMEOUT_S", window_s)
    held, full = _memory(GRANTS, "greedy"), _memory(GRANTS, "greedy")
    held.receive(CALLER_BYTES + MIB)
    full.receive(CALLER_BYTES + 1)
    waiting = asyncio.create_task(read(MIB))
    while GRANTS.usage != (1, 1):  # noqa: ASYNC110  # there is no event
        await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + 10 * window_s
    while loop.time() < ends_at:
        # In each turn of the event loop, so that none of its timers expires before.
        held.receive(1)
        await asyncio.sleep(0)
    assert not waiting.done()
    with pytest.raises(MemoryGrantsExceeded, match="made no progress"):
        await waiting
    held.end()
    full.end()


def test_the_end_of_an_operation_with_a_grant_is_progress() -> None:
    grants = MemoryGrants()
    first, second = _memory(grants), _memory(grants, "b")
    assert first.receive(20 * MIB)
    assert second.receive(20 * MIB)
    seen = {grants.progress}
    assert second.receive(1)
    seen.add(grants.progress)
    first.end()
    seen.add(grants.progress)
    second.end()
    seen.add(grants.progress)
    assert len(seen) == 4


async def test_all_memory_is_returned_after_cancels_errors_and_refusals(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_grants, "CALLER_BYTES", MIB)
    chance = random.Random(17)  # noqa: S311  # repeatable
    outcomes: Counter[str] = Counter()

    async def one() -> None:
        size, caller = chance.choice((0, MIB // 4, 2 * MIB)), f"caller {chance.randrange(2)}"
        if chance.random() < 0.1:
            pool_user.set(PoolUser(caller))
            with counting_memory(max_bytes=MIB):
                await fetch(f"{ROWS} WHERE 1 / (7 - generate_series) > -9", [20])
        await read(size, caller=caller, statements=2, max_bytes=chance.choice((MIB, 9 * MIB)))

    async def interrupted() -> None:
        task = asyncio.create_task(one())
        if chance.random() < 0.4:
            await asyncio.sleep(chance.choice((0, 0.002, 0.02)))
            task.cancel()
        [result] = await asyncio.gather(task, return_exceptions=True)
        outcomes[type(result).__name__] += 1

    for _ in range(5):
        await asyncio.gather(*(interrupted() for _ in range(30)))
    assert outcomes.keys() == {
        "CancelledError",
        "DivisionByZeroError",
        "ReadTooLarge",
        "NoneType",
    }, outcomes
    await all_returned(pool)
    assert not pool._users
    assert not pool._shares._callers


async def _refused(operation: PreparedOperation, context: Context, limit: int) -> bool:
    """Execute an operation, and return whether its answer was too large."""
    work = execute(
        operation,
        variables={},
        context=context,
        max_cost=NO_LIMIT,
        max_response_bytes=limit,
    )
    try:
        await asyncio.create_task(work)
    except ResponseTooLarge:
        return True
    return False


@pytest.mark.parametrize("pages", [1, 10])
async def test_a_refused_answer_is_not_kept_by_its_error(
    pool: Pool, context: Context, pages: int
) -> None:
    """The error refers to frames with the rows: a cycle would keep them until a collection."""
    await fetch(
        "INSERT INTO tickets (id, subject, description, customer_name, customer_email)"
        " SELECT 'large-' || n, 'S', repeat('€', 65536), 'N', 'n@example.com'"
        " FROM generate_series(1, 20) AS n",
        [],
    )
    lists = " ".join(
        f"p{n}: tickets(first: 20) {{ nodes {{ description }} }}" for n in range(pages)
    )
    [operation] = prepare(f"{{ {lists} }}").operations
    pool_user.set(PoolUser("greedy"))
    gc.collect()
    gc.disable()
    try:
        # Stopped while the rows arrive, and counted when they have.
        for limit in (2**16, MIB, 3 * MIB):
            for _ in range(5):
                assert await _refused(operation, context, limit)
        await all_returned(pool)
        left = [one for one in gc.get_objects() if type(one) is OperationContext]
    finally:
        gc.enable()
    # The last one may still be referred to by the event loop.
    assert len(left) <= 1
