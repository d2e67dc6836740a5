"""Few requests start in a turn of the event loop, and those that wait have limited memory."""

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import uvloop

from app.server.backlog import Backlog
from app.server.request_scheduler import (
    MAX_BACKLOG_STARTS,
    MAX_SHARE_BYTES,
    MAX_STARTS,
    MAX_WAITING_BYTES,
    RequestScheduler,
    WaitingRequests,
)

REQUESTS = 5 * MAX_STARTS
FULL = 16


def _start(scheduler: RequestScheduler, group: str, start: Callable[[], None]) -> None:
    if scheduler.admits():
        start()
    else:
        scheduler.wait(group, start)


def test_few_requests_start_in_a_turn() -> None:
    async def run() -> list[int]:
        scheduler = RequestScheduler(Backlog(accepts_per_turn=FULL))
        started: list[int] = []
        for number in range(REQUESTS):
            _start(scheduler, "caller", partial(started.append, number))
        counts = [len(started)]
        async with asyncio.timeout(10):
            while len(started) < REQUESTS:
                await asyncio.sleep(0)
                counts.append(len(started))
        assert started == [*range(REQUESTS)]
        return counts

    counts = uvloop.run(run())
    assert counts[0] == MAX_STARTS
    assert all(after - before <= MAX_STARTS for before, after in pairwise(counts))


def test_fewer_start_while_clients_wait_to_be_accepted() -> None:
    async def run() -> list[int]:
        backlog = Backlog(accepts_per_turn=1)
        scheduler = RequestScheduler(backlog)
        started: list[int] = []
        backlog.add()
        for number in range(REQUESTS):
            _start(scheduler, "caller", partial(started.append, number))
        counts = [len(started)]
        async with asyncio.timeout(10):
            while len(started) < REQUESTS:
                backlog.add()
                await asyncio.sleep(0)
                counts.append(len(started))
        return counts

    counts = uvloop.run(run())
    assert counts[0] == MAX_BACKLOG_STARTS
    assert all(after - before <= MAX_BACKLOG_STARTS for before, after in pairwise(counts))


def test_groups_take_turns() -> None:
    async def run() -> list[str]:
        scheduler = RequestScheduler(Backlog(accepts_per_turn=FULL))
        started: list[str] = []
        for _ in range(REQUESTS):
            _start(scheduler, "flood", partial(started.append, "flood"))
        _start(scheduler, "light", partial(started.append, "light"))
        async with asyncio.timeout(10):
            while len(started) <= REQUESTS:  # noqa: ASYNC110  # to count turns
                await asyncio.sleep(0)
        return started

    started = uvloop.run(run())
    assert started.index("light") <= MAX_STARTS + 1


def test_waiting_requests_of_a_group_are_limited_only_if_memory_is_scarce() -> None:
    waiting = WaitingRequests()
    assert waiting.add("flood", MAX_WAITING_BYTES)
    assert not waiting.add("flood", 1)
    assert waiting.add("light", MAX_SHARE_BYTES)
    assert not waiting.add("light", 1)
    waiting.remove("flood", MAX_WAITING_BYTES)
    assert waiting.add("light", 1)
