"""Tests of long work: one step in each turn of the event loop, and callers take turns."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from engine import long_work
from engine.database.shares import count_as
from engine.documents.documents import Documents, InvalidDocument
from engine.documents.limits import Limits
from engine.documents.prepared import SchemaRules
from engine.long_work import MAX_TURN_S, is_turn_used, must_pause, next_turn, pause
from schema.access import required_scopes
from schema.build import graphql_schema

SCHEMA = graphql_schema()
RULES = SchemaRules(costs={}, scopes=required_scopes(SCHEMA))


def work() -> None:
    """Take so long that the turn is used up."""
    ends_s = time.perf_counter() + 1.2 * MAX_TURN_S
    while time.perf_counter() < ends_s:
        pass


@asynccontextmanager
async def counted_turns() -> AsyncIterator[Callable[[], int]]:
    """Yield a function that returns the number of the event loop's current turn."""
    number = 0

    async def count() -> None:
        nonlocal number
        while True:
            number += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    try:
        yield lambda: number
    finally:
        counting.cancel()


async def test_one_step_of_long_work_runs_in_each_turn() -> None:
    async with counted_turns() as turn:
        steps: list[int] = []

        async def long() -> None:
            for _ in range(3):
                await pause()
                steps.append(turn())
                work()

        await asyncio.gather(*(long() for _ in range(5)))
    assert len(steps) == 15
    assert len(set(steps)) == 15, steps


async def test_callers_take_turns() -> None:
    order: list[str] = []

    async def long(caller: str) -> None:
        count_as(caller)
        await pause()
        order.append(caller)
        work()

    callers = ["many"] * 10 + ["other", "third"]
    await asyncio.gather(*(asyncio.create_task(long(caller)) for caller in callers))
    assert len(order) == len(callers)
    # The first one began before any other waited.
    assert {"other", "third"} < set(order[1:4]), order


async def test_work_that_continues_ends_before_its_caller_begins_more() -> None:
    order: list[tuple[str, int]] = []

    async def long(caller: str, number: int) -> None:
        count_as(caller)
        for step in range(3):
            if is_turn_used(begins=step == 0):
                await next_turn(continues=step > 0)
            order.append((caller, number))
            work()

    begun = [("many", number) for number in range(4)] + [("other", number) for number in range(4)]
    await asyncio.gather(*(asyncio.create_task(long(*one)) for one in begun))
    for caller in ("many", "other"):
        numbers = [number for name, number in order if name == caller]
        assert numbers == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    # The callers take turns meanwhile.
    first_half = {caller for caller, _ in order[:12]}
    assert first_half == {"many", "other"}


async def test_work_that_begins_does_not_overtake_its_callers_waiting_work() -> None:
    order: list[str] = []

    async def short(task: str) -> None:
        for number in range(2):
            if is_turn_used(begins=True):
                await next_turn()
            order.append(f"{task}{number}")

    async def use_turn() -> None:
        await pause()
        work()

    await asyncio.gather(use_turn(), short("a"), short("b"))
    assert order == ["a0", "b0", "a1", "b1"]


async def test_short_steps_of_a_caller_are_not_slower_than_a_long_one() -> None:
    order: list[str] = []

    async def steps(caller: str, step_s: float, count: int) -> None:
        count_as(caller)
        for _ in range(count):
            await next_turn()
            order.append(caller)
            ends_s = time.perf_counter() + step_s
            while time.perf_counter() < ends_s:
                pass

    await asyncio.gather(
        asyncio.create_task(steps("long", 4 * MAX_TURN_S, 20)),
        asyncio.create_task(steps("short", MAX_TURN_S / 10, 20)),
    )
    # One short step for each long one would end with the last one.
    assert max(index for index, caller in enumerate(order) if caller == "short") < 35


async def test_cancelled_work_holds_up_no_other() -> None:
    """Whether it is cancelled before its turn comes, or when it has come."""
    for turns in range(4):
        done: list[int] = []

        async def long(number: int, done: list[int] = done) -> None:
            await pause()
            done.append(number)
            work()

        tasks = [asyncio.create_task(long(number)) for number in range(4)]
        for _ in range(turns):
            await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.wait(tasks)
        assert {0, 2, 3} <= set(done)
        async with asyncio.timeout(10):
            await next_turn()
    assert long_work._current()._resumed is None
    assert not long_work._current()._waiting


async def test_short_work_does_not_wait() -> None:
    async with asyncio.timeout(10):
        await next_turn()
        # The turn begins with the next step.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not is_turn_used()
    assert not must_pause(time.perf_counter())
    started_s = time.perf_counter()
    work()
    assert must_pause(started_s)


def test_each_event_loop_has_its_own_turns() -> None:
    async def left_behind() -> None:
        asyncio.get_running_loop().call_soon(asyncio.get_running_loop().stop)
        is_turn_used()
        work()
        await pause()

    loop = asyncio.new_event_loop()
    waiting = loop.create_task(left_behind())
    loop.run_forever()
    assert not waiting.done()

    async def again() -> None:
        async with asyncio.timeout(10):
            await next_turn()

    asyncio.run(again())
    waiting.cancel()
    loop.run_until_complete(asyncio.wait([waiting]))
    loop.close()


async def test_requests_with_the_same_new_document_prepare_it_once() -> None:
    documents = Documents(SCHEMA, Limits(), rules=RULES)

    async def other_work() -> None:
        await pause()
        work()

    before = asyncio.create_task(other_work())
    first, *others = [
        asyncio.create_task(documents.prepare_in_turns("{ viewer { name } }")) for _ in range(5)
    ]
    await asyncio.sleep(0)
    # The others must not wait for a request that has ended.
    assert before.done()
    assert not first.done()
    first.cancel()
    prepared = await asyncio.gather(*others)
    assert len({id(document) for document in prepared}) == 1
    assert documents.prepare("{ viewer { name } }") is prepared[0]
    assert not documents._in_preparation


async def test_an_invalid_document_is_rejected_for_each_of_its_requests() -> None:
    documents = Documents(SCHEMA, Limits(), rules=RULES)
    text = f"{{ {' '.join(f'unknown{number}' for number in range(900))} }}"
    rejected = await asyncio.gather(
        *(documents.prepare_in_turns(text) for _ in range(3)), return_exceptions=True
    )
    assert [type(error) for error in rejected] == [InvalidDocument] * 3
    assert not documents._in_preparation
