"""Tests of turns: one at a time for each key, in order, and none is lost."""

import asyncio
from contextlib import suppress

import pytest

from engine.database import turns
from engine.database.turns import TooManyWaiting, take_turn


async def test_turns_of_one_key_are_taken_in_order() -> None:
    events: list[str] = []

    async def one(name: str) -> None:
        async with take_turn("a"):
            events.append(f"{name} begins")
            await asyncio.sleep(0)
            events.append(f"{name} ends")

    await asyncio.gather(*(one(str(number)) for number in range(20)))
    assert events == [f"{number} {what}" for number in range(20) for what in ("begins", "ends")]
    assert not turns._waiting


async def test_turns_of_different_keys_are_independent() -> None:
    async with take_turn("a"), asyncio.timeout(60), take_turn("b"):
        pass
    assert not turns._waiting


async def test_a_turn_that_is_given_up_goes_to_the_next() -> None:
    """Whether it is given up before, after or at the same time as its turn comes."""
    for steps in range(4):
        first, second = take_turn("a"), take_turn("a")
        await first.__aenter__()
        waiting = asyncio.create_task(second.__aenter__())
        last = asyncio.create_task(_take("a"))
        await asyncio.sleep(0)
        if steps:
            await first.__aexit__(None, None, None)
        for _ in range(steps - 1):
            await asyncio.sleep(0)
        waiting.cancel()
        try:
            await waiting
        except asyncio.CancelledError:
            pass
        else:
            await second.__aexit__(None, None, None)
        if not steps:
            await first.__aexit__(None, None, None)
        async with asyncio.timeout(60):
            await last
        assert not turns._waiting


async def test_the_number_of_those_that_wait_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MAX_WAITING", 3)
    async with take_turn("a"):
        waiting = [asyncio.create_task(_take("a")) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyWaiting, match="at most 3"):
            await _take("a")
        waiting[0].cancel()
        with suppress(asyncio.CancelledError):
            await waiting[0]
        waiting.append(asyncio.create_task(_take("a")))
        await asyncio.sleep(0)
    await asyncio.gather(*waiting[1:])
    assert not turns._waiting


async def _take(key: str) -> None:
    async with take_turn(key):
        pass
