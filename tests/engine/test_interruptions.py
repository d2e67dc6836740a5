"""Tests that cancel a caller each time it waits: all of its connections and memory come back."""

import asyncio
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from engine.database.memory_grants import GRANTS, OperationMemory, counting_memory
from engine.database.memory_limits import CALLER_BYTES
from engine.database.pool import Pool
from engine.database.queries import fetch, write
from engine.database.shares import PoolUser, pool_user
from tests.engine.pools import all_returned

MIB = 2**20
MAX_BYTES = 32 * MIB
# More than is negligible; PostgreSQL sends it in several parts.
LARGE = "SELECT repeat('x', 20000) FROM generate_series(1, 20)"
# More often than any work below waits.
MAX_WAITS = 500


@types.coroutine
def _cancelled_at(
    work: Coroutine[Any, Any, None], number: int, *, is_over: bool
) -> Generator[Any, Any, None]:
    """Run work in the current task, which is cancelled the time of this number that it waits.

    With ``is_over`` it is cancelled when what it waits for has happened, before it can continue.
    """
    task = asyncio.current_task()
    assert task is not None
    waits = 0
    step: Callable[[Any], Any] = work.send
    argument: BaseException | None = None
    while True:
        try:
            waited_for = step(argument)
        except StopIteration:
            return
        if waits == number and is_over and waited_for is not None:
            waited_for.add_done_callback(lambda _: task.cancel())
        elif waits == number:
            task.cancel()
        waits += 1
        step, argument = work.send, None
        try:
            yield waited_for
        except BaseException as error:  # noqa: BLE001  # raised where the work waits
            step, argument = work.throw, error


async def _read() -> None:
    """Read little, much, and by several statements at once, of which some wait for their share."""
    await fetch("SELECT 1", [], is_repeatable=True)
    await fetch(LARGE, [], is_repeatable=True)
    await fetch(LARGE, [])
    await asyncio.gather(*(fetch("SELECT 1", [], is_repeatable=True) for _ in range(6)))


async def _write() -> None:
    await write("SELECT 1", [])
    await write("SELECT pg_sleep(0.001)", [])


@asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def _beside_others() -> AsyncIterator[None]:
    """Let operations of the same and of another caller use the pool for a moment."""
    async with _others(["one", "other"] * 12):
        yield


@asynccontextmanager
async def _beside_work_without_a_share() -> AsyncIterator[None]:
    """Let work that has no share use all connections of the pool for a moment."""
    async with _others([None] * 24):
        yield


@asynccontextmanager
async def _others(callers: Sequence[str | None]) -> AsyncIterator[None]:
    async def other(caller: str | None) -> None:
        pool_user.set(None if caller is None else PoolUser(caller))
        await fetch("SELECT pg_sleep(0.005)", [])

    others = [asyncio.create_task(other(caller)) for caller in callers]
    await asyncio.sleep(0)
    yield
    await asyncio.gather(*others)


@asynccontextmanager
async def _while_memory_is_scarce() -> AsyncIterator[None]:
    """Let another operation have the grant of the caller for a moment, and a third its bytes."""
    held, full = (OperationMemory(GRANTS, "one", MAX_BYTES) for _ in range(2))
    assert held.receive(CALLER_BYTES + MIB)
    assert held.has_grant
    full.receive(CALLER_BYTES + 1)
    assert GRANTS.are_scarce
    asyncio.get_running_loop().call_later(0.005, held.end)
    yield
    held.end()
    full.end()


_Surroundings = Callable[[], AbstractAsyncContextManager[None]]


@pytest.mark.parametrize("is_over", [False, True], ids=["while waiting", "when it is over"])
@pytest.mark.parametrize(
    "surroundings", [_alone, _beside_others, _beside_work_without_a_share, _while_memory_is_scarce]
)
@pytest.mark.parametrize("work", [_read, _write])
async def test_everything_is_returned_wherever_a_caller_is_cancelled(
    work: Callable[[], Coroutine[Any, Any, None]],
    surroundings: _Surroundings,
    is_over: bool,  # noqa: FBT001  # a parameter of pytest
    pool: Pool,
) -> None:
    async def one(number: int) -> None:
        pool_user.set(PoolUser("one"))
        with counting_memory(MAX_BYTES):
            await _cancelled_at(work(), number, is_over=is_over)

    for number in range(MAX_WAITS):
        async with surroundings():
            [error] = await asyncio.gather(asyncio.create_task(one(number)), return_exceptions=True)
        await all_returned(pool)
        _check_returned(pool)
        if error is None:
            break
        assert isinstance(error, asyncio.CancelledError)
    else:
        pytest.fail("the work never ended")
    # It was cancelled at least once for each of its statements.
    assert number >= 2
    async with asyncio.timeout(60):
        await asyncio.gather(*(fetch("SELECT pg_sleep(0.01)", []) for _ in range(pool.max_size)))


def _check_returned(pool: Pool) -> None:
    shares = pool._shares
    assert not pool._users
    assert not shares._callers
    assert not shares._waiting
    assert (shares._in_use, shares.waiting, len(pool._waiters)) == (0, 0, 0)
    assert (GRANTS.usage, GRANTS.bytes, GRANTS.are_scarce) == ((0, 0), 0, False)
    assert not GRANTS._bytes
    assert not GRANTS._granted
