"""Connections parse what they received in parts, and groups of them take turns."""

import asyncio
import time

import pytest
import uvloop

from app.http.input_usage import UNPARSED
from app.server.backlog import Backlog
from app.server.input_scheduler import (
    MAX_BACKLOG_TURN_S,
    MAX_SHARE_BYTES,
    MAX_TURN_S,
    MAX_UNITS,
    MAX_WAITING_BYTES,
    READ_UNITS,
    InputScheduler,
)

LARGE = 100_000
FULL = 16


class Connection:
    """A connection with some parts to parse."""

    def __init__(self, group: str, parts: int, log: list[str], *, took_s: float = 0) -> None:
        self.group = group
        self.parts = parts
        self.is_closed = self.is_refused = False
        self._log = log
        self.took_s = took_s

    def parse_part(self) -> bool:
        """Parse one of them."""
        self._log.append(self.group)
        time.sleep(self.took_s)
        self.parts -= 1
        return self.parts > 0

    def refuse_input(self) -> None:
        """Record that the input is refused."""
        self.is_refused = True

    def abort(self) -> None:
        """Record that the connection is closed."""
        self.is_closed = True


async def until_done(*connections: Connection) -> None:
    async with asyncio.timeout(10):
        while any(one.parts for one in connections):  # noqa: ASYNC110  # to count turns
            await asyncio.sleep(0)


async def test_groups_take_turns() -> None:
    scheduler = InputScheduler(Backlog(accepts_per_turn=FULL))
    log: list[str] = []
    flood = [Connection("flood", 5, log) for _ in range(20)]
    light = Connection("light", 3, log)
    for one in [*flood, light]:
        scheduler.wait(one, LARGE)
    await until_done(*flood, light)
    assert log[:6] == ["flood", "light"] * 3
    assert log.count("flood") == 100


async def test_light_input_precedes_a_backlog_of_its_group() -> None:
    scheduler = InputScheduler(Backlog(accepts_per_turn=FULL))
    log: list[str] = []
    flood = [Connection("caller", 5, log) for _ in range(20)]
    light = Connection("caller", 1, log)
    for one in flood:
        scheduler.wait(one, LARGE)
    scheduler.wait(light, 100)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert light.parts == 0
    await until_done(*flood)


async def test_the_event_loop_continues_between_parts() -> None:
    scheduler = InputScheduler(Backlog(accepts_per_turn=FULL))
    log: list[str] = []
    flood = Connection("flood", 10, log, took_s=2 * MAX_TURN_S)
    scheduler.wait(flood, LARGE)
    turns = 0
    while flood.parts:
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 10


async def test_little_is_parsed_in_a_turn_while_clients_wait_to_be_accepted() -> None:
    backlog = Backlog(accepts_per_turn=1)
    scheduler = InputScheduler(backlog)
    log: list[str] = []
    flood = Connection("flood", 10, log, took_s=2 * MAX_BACKLOG_TURN_S)
    assert flood.took_s < MAX_TURN_S
    backlog.add()
    scheduler.wait(flood, LARGE)
    async with asyncio.timeout(60):
        while flood.parts:
            before = flood.parts
            backlog.add()
            await asyncio.sleep(0)
            assert flood.parts in (before, before - 1)


def test_few_reads_are_parsed_in_a_turn_however_short_they_are() -> None:
    async def run() -> int:
        scheduler = InputScheduler(Backlog(accepts_per_turn=FULL))
        return sum(scheduler.admits(0) for _ in range(2 * MAX_UNITS // READ_UNITS))

    assert uvloop.run(run()) == MAX_UNITS // READ_UNITS


def test_pipelined_requests_count_as_reads() -> None:
    async def run() -> list[bool]:
        scheduler = InputScheduler(Backlog(accepts_per_turn=FULL))
        admitted = [scheduler.admits(0)]
        scheduler.count(MAX_UNITS - READ_UNITS)
        return [*admitted, scheduler.admits(0)]

    assert uvloop.run(run()) == [True, False]


async def test_input_waits_while_other_input_does() -> None:
    scheduler = InputScheduler(Backlog(accepts_per_turn=FULL))
    assert scheduler.admits(100)
    assert not scheduler.admits(MAX_UNITS + 1)
    log: list[str] = []
    flood = Connection("flood", 3, log)
    scheduler.wait(flood, LARGE)
    await asyncio.sleep(0.01)
    assert scheduler.admits(100)
    scheduler.wait(flood, LARGE)
    assert not scheduler.admits(100)
    scheduler.leave(flood)
    scheduler.leave(flood)
    await asyncio.sleep(0.01)
    assert scheduler.admits(100)


async def test_a_connection_that_fails_is_closed_and_the_others_continue() -> None:
    class Failing(Connection):
        def parse_part(self) -> bool:
            raise ValueError

    scheduler = InputScheduler(Backlog(accepts_per_turn=FULL))
    log: list[str] = []
    failing, other = Failing("a", 1, log), Connection("b", 3, log)
    scheduler.wait(failing, LARGE)
    scheduler.wait(other, LARGE)
    await until_done(other)
    assert failing.is_closed


async def test_waiting_bytes_are_limited_by_refusing_those_who_send_most(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refused_before, used_before = UNPARSED.refused, UNPARSED.used
    scheduler = InputScheduler(Backlog(accepts_per_turn=FULL))
    log: list[str] = []
    waiting = [Connection("flood", 1, log) for _ in range(65)]
    for one in waiting:
        scheduler.wait(one, MAX_WAITING_BYTES // 64)
    light = Connection("light", 1, log)
    scheduler.wait(light, MAX_SHARE_BYTES)
    assert [one.is_refused for one in waiting] == [False] * 64 + [True]
    assert not light.is_refused
    assert UNPARSED.used - used_before == MAX_WAITING_BYTES + MAX_SHARE_BYTES
    for _ in range(100):
        scheduler.wait(Connection("flood", 1, log), MAX_WAITING_BYTES // 64)
    assert UNPARSED.refused - refused_before == 101
    [line] = caplog.messages
    assert line == "received input refused because too much waits"
    for one in (*waiting, light):
        scheduler.leave(one)
    assert UNPARSED.used == used_before
