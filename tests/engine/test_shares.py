"""Tests of the shares of the pool: bounded, in order, and never lost; and of its reserve."""

import asyncio
import random
from collections import Counter
from contextlib import suppress

import pytest

from engine.database.pool import RESERVED_CONNECTIONS, Pool
from engine.database.queries import fetch
from engine.database.shares import (
    ConnectionShareExceeded,
    PoolUser,
    Shares,
    count_as,
    pool_user,
    reserved,
)
from engine.database.timeouts import Timeouts
from tests.engine.pools import all_returned


async def _run_as(user: PoolUser, seconds: float) -> None:
    pool_user.set(user)
    await fetch("SELECT pg_sleep($1)", [seconds])


async def _hold_as(user: PoolUser, pool: Pool, can_end: asyncio.Event) -> None:
    """Hold a connection until the event."""
    pool_user.set(user)
    connection = await pool.acquire()
    await can_end.wait()
    pool.return_clean(connection)


async def _all_hold(users: list[PoolUser]) -> None:
    """Wait until each of these users has its share."""
    async with asyncio.timeout(60):
        while not all(user.in_use for user in users):  # noqa: ASYNC110  # no event to wait for
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("size", "per_operation", "per_caller"),
    [(1, 1, 1), (2, 1, 1), (3, 1, 2), (4, 1, 3), (10, 3, 7), (100, 33, 75)],
)
def test_a_share_is_a_part_of_the_pool_and_at_least_one_connection(
    size: int, per_operation: int, per_caller: int
) -> None:
    shares = Shares(size, timeout_s=1)
    assert (shares.per_operation, shares.per_caller) == (per_operation, per_caller)


async def test_an_operation_and_a_caller_hold_at_most_their_shares(pool: Pool) -> None:
    shares = pool._shares
    greedy = [PoolUser("greedy") for _ in range(5)]
    running = [
        asyncio.create_task(_run_as(user, 0.05)) for user in greedy for _ in range(pool.max_size)
    ]
    while not all(task.done() for task in running):
        assert all(user.in_use <= shares.per_operation for user in greedy)
        # Not those that are available: idle ones can be closed meanwhile.
        assert sum(user in greedy for user in pool._users.values()) <= shares.per_caller
        await asyncio.sleep(0.005)
    await asyncio.gather(*running)
    await all_returned(pool)
    assert not shares._callers
    assert not pool._users
    assert not any(user.in_use for user in greedy)


async def test_others_are_answered_at_once_while_a_caller_waits_for_its_share(pool: Pool) -> None:
    # As long as this, others would wait too if the caller had all connections.
    greedy = [asyncio.create_task(_run_as(PoolUser("greedy"), 600)) for _ in range(50)]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(60):
        await asyncio.create_task(_run_as(PoolUser("other"), 0))
        await fetch("SELECT 1", [])
    for task in greedy:
        task.cancel()
    await asyncio.gather(*greedy, return_exceptions=True)
    await all_returned(pool)
    assert not pool._shares._callers


async def test_a_caller_that_waits_too_long_learns_its_share(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool._shares, "_timeouts", Timeouts(0.05))
    users = [PoolUser("greedy") for _ in range(pool._shares.per_caller)]
    can_end = asyncio.Event()
    running = [asyncio.create_task(_hold_as(user, pool, can_end)) for user in users]
    await _all_hold(users)
    with pytest.raises(ConnectionShareExceeded, match="DATABASE_POOL_SIZE"):
        await asyncio.create_task(_run_as(PoolUser("greedy"), 0))
    await asyncio.create_task(_run_as(PoolUser("other"), 0))
    can_end.set()
    await asyncio.gather(*running)
    await asyncio.create_task(_run_as(PoolUser("greedy"), 0))
    await all_returned(pool)
    assert not pool._shares._callers


async def test_an_operation_waits_for_its_own_statements_as_long_as_it_runs(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty-five lists, of which the last ones wait longer than the timeout of a share."""
    monkeypatch.setattr(pool._shares, "_timeouts", Timeouts(0.05))
    user = PoolUser("slow")
    async with asyncio.timeout(60):
        await asyncio.gather(*(asyncio.create_task(_run_as(user, 0.03)) for _ in range(25)))
    await all_returned(pool)
    assert not pool._shares._callers


async def test_the_timeout_begins_when_only_the_caller_is_waited_for(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = pool._shares
    monkeypatch.setattr(shares, "_timeouts", Timeouts(0.05))
    others = [PoolUser("greedy") for _ in range(shares.per_caller - shares.per_operation)]
    held = [asyncio.create_task(_run_as(user, 0.8)) for user in others]
    user = PoolUser("greedy")
    own = [asyncio.create_task(_run_as(user, 0.2)) for _ in range(shares.per_operation)]
    await asyncio.sleep(0.05)
    # It receives the slots of a statement of its operation, and then those of the caller.
    await asyncio.create_task(_run_as(user, 0))
    await asyncio.gather(*held, *own)
    await all_returned(pool)
    assert not shares._callers


async def test_a_share_is_never_lost(pool: Pool) -> None:
    """Whenever a request is cancelled: while it waits, while it runs, or as it receives a slot."""
    chance = random.Random(13)  # noqa: S311  # repeatable
    users = [PoolUser(f"caller {number % 3}") for number in range(9)]

    async def one() -> None:
        task = asyncio.create_task(_run_as(chance.choice(users), chance.choice((0, 0, 0.002))))
        await asyncio.sleep(chance.choice((0, 0.001, 0.004)))
        if chance.random() < 0.5:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    for _ in range(20):
        await asyncio.gather(*(one() for _ in range(60)))
    await all_returned(pool)
    assert not pool._users
    assert not pool._shares._callers
    assert Counter(user.in_use for user in users) == {0: 9}


async def test_all_shares_are_back_after_cancels_errors_timeouts_and_killed_backends(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = pool._shares
    monkeypatch.setattr(shares, "_timeouts", Timeouts(0.02))
    chance = random.Random(31)  # noqa: S311  # repeatable
    users = [PoolUser(f"caller {number % 3}") for number in range(12)]
    statements: list[tuple[str, list[int | float]]] = [
        ("SELECT pg_sleep($1)", [0.01]),
        ("SELECT pg_sleep($1)", [0.2]),
        ("SELECT 1 / $1::int", [0]),
        ("SELECT pg_terminate_backend(pg_backend_pid())", []),
        ("SELECT 1 FROM no_such_table", []),
        ("SELECT $1::int", [1]),
    ]
    outcomes: Counter[str] = Counter()

    async def one(user: PoolUser) -> None:
        pool_user.set(user)
        statement, values = chance.choice(statements)
        await fetch(statement, values)

    async def interrupted(user: PoolUser) -> None:
        task = asyncio.create_task(one(user))
        if chance.random() < 0.4:
            await asyncio.sleep(chance.choice((0, 0.001, 0.01)))
            task.cancel()
        [result] = await asyncio.gather(task, return_exceptions=True)
        outcomes[type(result).__name__] += 1

    for _ in range(6):
        await asyncio.gather(*(interrupted(chance.choice(users)) for _ in range(80)))
    await all_returned(pool)
    # Each of the paths was taken.
    assert outcomes.keys() >= {
        "CancelledError",
        "ConnectionShareExceeded",
        "DivisionByZeroError",
        "UndefinedTableError",
        "NoneType",
    }, outcomes
    assert not pool._users
    assert not shares._callers
    assert not any(user.in_use or user.waiters for user in users)
    assert (pool._free_in_reserve, len(pool._waiters)) == (RESERVED_CONNECTIONS, 0)
    # All of the pool can be used again.
    async with asyncio.timeout(60):
        await asyncio.gather(*(fetch("SELECT pg_sleep(0.1)", []) for _ in range(pool.max_size)))


async def test_the_reserve_works_while_all_other_connections_are_in_use(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than the test takes on a slow machine.
    monkeypatch.setattr(pool, "_timeouts", Timeouts(600))
    taken = [await pool.acquire() for _ in range(pool.max_size)]
    waiting = asyncio.create_task(fetch("SELECT 1", []))
    with reserved():
        async with asyncio.timeout(60):
            # More than the reserve at once: they pass it on.
            await asyncio.gather(*(fetch("SELECT 1", []) for _ in range(20)))
            with pytest.raises(Exception, match="division by zero"):
                await fetch("SELECT 1 / 0", [])
            # A connection that has been closed is replaced.
            [row] = await fetch("SELECT pg_backend_pid() AS pid", [])
            with suppress(Exception):
                await fetch("SELECT pg_terminate_backend($1)", [row["pid"]])
            with suppress(Exception):
                await fetch("SELECT 1", [])
            await fetch("SELECT 1", [])
        assert not waiting.done()
        cancelled = [asyncio.create_task(fetch("SELECT pg_sleep(9)", [])) for _ in range(9)]
        await asyncio.sleep(0.05)
        for task in cancelled:
            task.cancel()
        await asyncio.gather(*cancelled, return_exceptions=True)
    for connection in taken:
        pool.return_clean(connection)
    await waiting
    await all_returned(pool)
    async with asyncio.timeout(60):
        while pool._free_in_reserve < RESERVED_CONNECTIONS:  # noqa: ASYNC110  # in the background
            await asyncio.sleep(0.01)
    assert not pool._users


async def test_a_small_pool_serves_many_operations(pool: Pool) -> None:
    pool._shares.per_operation = pool._shares.per_caller = 1

    async def one(number: int) -> None:
        count_as(f"caller {number % 2}")
        await asyncio.gather(*(fetch("SELECT 1", []) for _ in range(5)))

    async with asyncio.timeout(60):
        await asyncio.gather(*(asyncio.create_task(one(number)) for number in range(20)))
    assert not pool._shares._callers
