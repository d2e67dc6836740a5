"""Connections whose input is refused, because too much of all connections waits to be parsed."""

import logging
from collections.abc import AsyncIterator

import pytest

from app.http.received_input import ReceivedInput
from app.server import input_scheduler
from tests.app.server.echo import POST, rejection, until_closed
from tests.app.server.test_received_input import Open, _App, open_websocket, serving
from tests.proof.wire import frame, frames, statuses

MESSAGE = frame(1, b"x" * 10_000)
BODY = POST + b"Connection: close\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
LIMIT = "67,108,864 bytes"


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no input wait any more, as if others had sent as much as may wait."""
    monkeypatch.setattr(input_scheduler, "MAX_WAITING_BYTES", 0)
    monkeypatch.setattr(input_scheduler, "MAX_SHARE_BYTES", 1000)


@pytest.fixture
async def open_one() -> AsyncIterator[Open]:
    """Run a server, and return a function that connects to it."""
    async with serving(_App(), ReceivedInput(max_body_bytes=2**20)) as open_one:
        yield open_one


@pytest.mark.usefixtures("full")
async def test_a_websocket_receives_a_close_frame_with_the_limit(
    open_one: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(3):
        reader, writer = await open_websocket(open_one)
        writer.write(MESSAGE)
        answer = await until_closed(reader)
        [payload] = [payload for opcode, payload in frames(answer) if opcode == 8]
        assert int.from_bytes(payload[:2]) == 1013
        assert LIMIT in payload[2:].decode()
    assert len([line for line in caplog.messages if "input refused" in line]) == 1
    assert "websocket rejected" not in caplog.messages


@pytest.mark.usefixtures("full")
async def test_a_request_is_answered_with_the_limit(
    open_one: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(3):
        reader, writer = await open_one()
        writer.write(BODY)
        writer.write_eof()
        answer = await until_closed(reader)
        assert b"\r\nretry-after: 1\r\n" in answer
        problem = rejection(answer, 503)
        assert problem["code"] == "SERVICE_UNAVAILABLE"
        assert LIMIT in str(problem["detail"])
    assert len([line for line in caplog.messages if "input refused" in line]) == 1
    assert "request rejected" not in caplog.messages


async def test_the_same_input_is_accepted_if_less_waits(open_one: Open) -> None:
    reader, writer = await open_websocket(open_one)
    writer.write(MESSAGE)
    assert await reader.readexactly(9) == b"\x81\x07handled"
    reader, writer = await open_one()
    writer.write(BODY)
    assert statuses(await until_closed(reader)) == [200]
