"""A time limit ends what takes too long, as `asyncio.timeout` does."""

import asyncio

import pytest

from engine.database.timeouts import Timeouts


async def test_what_takes_too_long_is_ended() -> None:
    deadlines = Timeouts(0.05)
    with pytest.raises(TimeoutError), deadlines.apply():
        await asyncio.Event().wait()
    assert not deadlines._running


async def test_what_is_quick_enough_is_left_alone() -> None:
    deadlines = Timeouts(0.05)
    with deadlines.apply():
        await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    assert not deadlines._running
    assert deadlines._timer is None


async def test_each_has_its_own_time() -> None:
    deadlines = Timeouts(0.2)
    ended = []

    async def wait(name: str, work_s: float) -> None:
        try:
            with deadlines.apply():
                await asyncio.sleep(work_s)
            ended.append(name)
        except TimeoutError:
            ended.append(f"{name} too late")

    async with asyncio.TaskGroup() as group:
        group.create_task(wait("first", 5))
        await asyncio.sleep(0.1)
        group.create_task(wait("second", 0.15))
        group.create_task(wait("third", 5))
    assert ended == ["first too late", "second", "third too late"]


async def test_who_is_cancelled_by_another_is_cancelled() -> None:
    deadlines = Timeouts(5)

    async def wait() -> None:
        with deadlines.apply():
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not deadlines._running


async def test_an_error_of_the_block_is_its_own() -> None:
    deadlines = Timeouts(5)
    with pytest.raises(LookupError), deadlines.apply():
        raise LookupError
