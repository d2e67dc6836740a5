"""Tests of shared timeouts, which must behave like `asyncio.timeout`."""

import asyncio
from collections.abc import Awaitable

import pytest

from engine.database.timeouts import MAX_EXPIRED, Timeouts


async def test_a_slow_block_raises_timeout_error() -> None:
    timeouts = Timeouts(0.05)
    with pytest.raises(TimeoutError), timeouts.apply():
        await asyncio.Event().wait()
    assert not timeouts._running


async def test_a_quick_block_is_not_affected() -> None:
    timeouts = Timeouts(0.05)
    with timeouts.apply():
        await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    assert not timeouts._running
    assert timeouts._timer is None


async def test_each_block_has_its_own_time() -> None:
    timeouts = Timeouts(2)
    ended = []

    endless, first_has_ended = asyncio.Event(), asyncio.Event()

    async def wait(name: str, work: Awaitable[object]) -> None:
        try:
            with timeouts.apply():
                await work
            ended.append(name)
        except TimeoutError:
            ended.append(f"{name} too late")
            first_has_ended.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(wait("first", endless.wait()))
        await asyncio.sleep(1)
        group.create_task(wait("second", first_has_ended.wait()))
        group.create_task(wait("third", endless.wait()))
    assert ended == ["first too late", "second", "third too late"]


async def test_a_cancellation_by_another_task_is_not_a_timeout() -> None:
    timeouts = Timeouts(5)

    async def wait() -> None:
        with timeouts.apply():
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not timeouts._running


async def test_an_error_in_the_block_is_propagated() -> None:
    timeouts = Timeouts(5)
    with pytest.raises(LookupError), timeouts.apply():
        raise LookupError


class Recorded:
    """A timeout that records when it expires."""

    def __init__(self, expired: list[int], number: int) -> None:
        self.ends_at = 0.0
        self._expired = expired
        self._number = number

    def expire(self) -> None:
        """Record the timeout."""
        self._expired.append(self._number)


async def test_few_timeouts_expire_in_one_turn_of_the_event_loop() -> None:
    timeouts = Timeouts(0.05)
    expired: list[int] = []
    number = 10 * MAX_EXPIRED + 1
    for one in range(number):
        timeouts.begin(Recorded(expired, one))
    seen = 0
    async with asyncio.timeout(60):
        while seen < number:
            await asyncio.sleep(0)
            assert len(expired) - seen <= MAX_EXPIRED
            seen = len(expired)
    assert expired == list(range(number))
    assert timeouts._timer is None


class Failing(Recorded):
    """A timeout whose handling fails."""

    def expire(self) -> None:
        """Record the timeout, and fail."""
        super().expire()
        raise LookupError(self._number)


async def test_timeouts_expire_after_the_handling_of_another_one_has_failed() -> None:
    timeouts = Timeouts(0.05)
    expired: list[int] = []
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(repr(context["exception"]))
    )
    for number in range(5):
        timeouts.begin((Failing if number % 2 else Recorded)(expired, number))
    async with asyncio.timeout(60):
        while len(expired) < 5:  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(0)
    assert expired == list(range(5))
    assert reported == ["LookupError(1)", "LookupError(3)"]
    assert timeouts._timer is None
