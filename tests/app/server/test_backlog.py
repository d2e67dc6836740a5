"""A turn that accepts as many connections as it can shows that others wait."""

import asyncio

from app.server.backlog import Backlog

FULL = 4


async def turns() -> None:
    """Wait for two turns, in any order with the callbacks of the same turn."""
    for _ in range(2):
        await asyncio.sleep(0)


async def test_a_full_turn_is_known_in_the_next_one_and_then_forgotten() -> None:
    backlog = Backlog(accepts_per_turn=FULL)
    for _ in range(FULL):
        assert not backlog.is_full_turn
        backlog.add()
    assert backlog.is_full_turn
    await asyncio.sleep(0)
    assert backlog.is_full_turn
    await turns()
    assert not backlog.is_full_turn


async def test_connections_of_several_turns_are_not_added_up() -> None:
    backlog = Backlog(accepts_per_turn=FULL)
    for _ in range(2 * FULL):
        backlog.add()
        await turns()
        assert not backlog.is_full_turn
