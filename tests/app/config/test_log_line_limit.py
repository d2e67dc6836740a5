"""Log lines before a credential: the first are written, the others are counted."""

import asyncio
import logging
from typing import Any

import pytest

from app.config import log_line_limit
from app.config.log_line_limit import (
    MAX_COUNTED_ADDRESSES,
    MAX_LINES,
    MAX_LINES_PER_ADDRESS,
    PERIOD_S,
    LineLimit,
)

LOGGER = logging.getLogger("test")


class Clock:
    """A clock that the test sets, in seconds."""

    now = 1_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def limit(clock: Clock) -> LineLimit:
    """Return a limit in a running event loop."""
    return LineLimit(clock)


def reports(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the fields of the lines that report what was left out."""
    return [
        vars(record)["fields"]
        for record in caplog.records
        if record.message == "log lines left out"
    ]


async def test_an_address_has_a_number_of_lines_in_a_period(limit: LineLimit) -> None:
    admitted = [limit.admits("192.0.2.1", "request 401") for _ in range(MAX_LINES_PER_ADDRESS + 5)]
    assert admitted == [True] * MAX_LINES_PER_ADDRESS + [False] * 5
    assert limit.admits("192.0.2.2", "request 401")


async def test_all_addresses_have_a_number_of_lines_together(limit: LineLimit) -> None:
    admitted = [limit.admits(str(number), "request 404") for number in range(MAX_LINES + 5)]
    assert admitted == [True] * MAX_LINES + [False] * 5
    assert not limit.admits("0", "request 404")


async def test_the_first_line_after_the_period_reports_what_was_left_out(
    limit: LineLimit, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        for _ in range(MAX_LINES_PER_ADDRESS):
            assert limit.admits(address, "request 200")
    for kind in ("request 401", "request 401", "request rejected"):
        assert not limit.admits("192.0.2.1", kind)
    assert not limit.admits("192.0.2.2", "request 404")
    clock.now += PERIOD_S - 1
    assert not limit.admits("192.0.2.1", "request 401")
    assert not reports(caplog)
    clock.now += 1
    assert limit.admits("192.0.2.1", "request 401")
    assert reports(caplog) == [
        {
            "left_out": 5,
            "addresses": 2,
            "kinds": {"request 401": 3, "request rejected": 1, "request 404": 1},
            "period_s": PERIOD_S,
        }
    ]
    # The new period has all of its lines.
    admitted = [limit.admits("192.0.2.1", "request 401") for _ in range(MAX_LINES_PER_ADDRESS)]
    assert admitted == [True] * (MAX_LINES_PER_ADDRESS - 1) + [False]


async def test_a_period_without_lines_left_out_reports_nothing(
    limit: LineLimit, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        assert limit.admits("192.0.2.1", "request 401")
        clock.now += PERIOD_S
    limit.end_period()
    assert not reports(caplog)


async def test_the_report_does_not_wait_for_another_line(
    clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_line_limit, "PERIOD_S", 0.01)
    limit = LineLimit(clock)
    while limit.admits("192.0.2.1", "request 401"):
        pass
    while not reports(caplog):  # noqa: ASYNC110  # there is no event
        await asyncio.sleep(0.01)
    [report] = reports(caplog)
    assert report["kinds"] == {"request 401": 1}
    assert limit.admits("192.0.2.1", "request 401")


async def test_an_attack_of_many_addresses_takes_bounded_memory(
    limit: LineLimit, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(MAX_LINES + MAX_COUNTED_ADDRESSES + 10):
        limit.admits(str(number), "request 401")
    assert len(limit._admitted) == MAX_LINES
    assert len(limit._addresses_left_out) == MAX_COUNTED_ADDRESSES
    limit.end_period()
    [report] = reports(caplog)
    assert (report["left_out"], report["addresses"]) == (
        MAX_COUNTED_ADDRESSES + 10,
        MAX_COUNTED_ADDRESSES,
    )
    assert not limit._admitted
    assert not limit._addresses_left_out


async def test_an_event_below_the_level_of_the_log_counts_nowhere(
    limit: LineLimit, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for _ in range(MAX_LINES_PER_ADDRESS + 1):
        limit.log(LOGGER, logging.INFO, "jwt rejected", {}, address="192.0.2.1")
    limit.log(LOGGER, logging.WARNING, "request refused", {"a": 1}, address="192.0.2.1")
    limit.end_period()
    assert [record.message for record in caplog.records] == ["request refused"]
    assert vars(caplog.records[0])["fields"] == {"a": 1}
