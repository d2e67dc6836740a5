"""Writing of responses, and cancellation after a disconnect."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from uvicorn.protocols.http.flow_control import FlowControl

from app.http import request_cycle as module
from app.http.request_cycle import RequestCycle

BODY = b'{"data":null}'
JSON = (b"content-type", b"application/json")


class RecordingTransport(asyncio.Transport):
    """Transport that records its system calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes | str] = []

    def write(self, data: Any) -> None:
        """Record a write."""
        self.calls.append(bytes(data))

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Record a write of several parts."""
        self.calls.append(b"".join(list_of_data))

    def close(self) -> None:
        """Record the close."""
        self.calls.append("close")

    def is_closing(self) -> bool:
        """Return whether it is closed."""
        return "close" in self.calls


def new_cycle(
    *, method: str = "POST", version: str = "1.1", keep_alive: bool = True
) -> tuple[RequestCycle, list[bytes | str]]:
    """Return the cycle of a received request, and the list of its system calls.

    Like a connection, it closes the transport after a response without keep-alive.
    """
    transport = RecordingTransport()
    logger = logging.getLogger("test")
    exchange = RequestCycle(
        asyncio.get_running_loop(),
        scope={"type": "http", "method": method, "http_version": version, "state": {}},
        transport=transport,
        flow=FlowControl(transport),
        logger=logger,
        access_logger=logger,
        access_log=False,
        default_headers=[(b"date", b"today")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda cycle: None if cycle.keep_alive else transport.close(),
    )
    exchange.more_body = False
    return exchange, transport.calls


def response_start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body_part(body: bytes, *, more_body: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more_body}


async def test_a_complete_response_is_written_at_once() -> None:
    exchange, calls = new_cycle()
    await exchange.send(response_start(JSON))
    assert calls == []
    await exchange.send(body_part(BODY))
    head = b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-type: application/json\r\n"
    assert calls == [head + b"content-length: 13\r\n\r\n" + BODY]
    assert exchange.response_complete


async def test_the_last_response_closes_the_connection() -> None:
    exchange, calls = new_cycle(keep_alive=False)
    await exchange.send(response_start(JSON))
    await exchange.send(body_part(BODY))
    assert b"\r\nconnection: close\r\n" in bytes(calls[0])  # type: ignore[arg-type]  # the first is a write
    assert calls[1:] == ["close"]


async def test_each_part_of_a_streamed_response_is_written_at_once() -> None:
    exchange, calls = new_cycle()
    await exchange.send(response_start(JSON))
    await exchange.send(body_part(b":\n\n", more_body=True))
    assert b"".join(calls).endswith(b"\r\ntransfer-encoding: chunked\r\n\r\n3\r\n:\n\n\r\n")  # type: ignore[arg-type]  # all are writes
    before = len(calls)
    await exchange.send(body_part(b"event", more_body=True))
    await exchange.send(body_part(b""))
    assert calls[before:] == [b"5\r\nevent\r\n", b"0\r\n\r\n"]


async def test_a_response_to_head_has_the_length_but_no_body() -> None:
    exchange, calls = new_cycle(method="HEAD")
    await exchange.send(response_start((b"content-length", b"13")))
    await exchange.send(body_part(BODY))
    assert b"".join(calls).endswith(b"\r\ncontent-length: 13\r\n\r\n")  # type: ignore[arg-type]  # all are writes


async def test_a_stream_to_http_1_0_ends_with_its_connection() -> None:
    exchange, calls = new_cycle(version="1.0")
    await exchange.send(response_start(JSON))
    await exchange.send(body_part(b":\n\n", more_body=True))
    head, _, body = bytes(calls[0]).partition(b"\r\n\r\n")  # type: ignore[arg-type]  # the first is a write
    assert head.endswith(b"\r\nconnection: close")
    assert b"transfer-encoding" not in head
    assert body == b":\n\n"
    await exchange.send(body_part(b"event"))
    assert calls[1:] == [b"event", "close"]


async def test_keep_alive_is_confirmed_to_http_1_0() -> None:
    exchange, calls = new_cycle(version="1.0")
    await exchange.send(response_start(JSON))
    await exchange.send(body_part(BODY))
    assert b"\r\nconnection: keep-alive\r\n" in bytes(calls[0])  # type: ignore[arg-type]  # the first is a write
    assert len(calls) == 1


@pytest.mark.parametrize("size", [12, 14])
async def test_a_body_must_have_its_declared_length(size: int) -> None:
    exchange, _ = new_cycle()
    await exchange.send(response_start((b"content-length", b"%d" % size)))
    with pytest.raises(RuntimeError, match="Content-Length"):
        await exchange.send(body_part(BODY))
    assert not exchange.response_complete


async def test_nothing_follows_a_complete_response() -> None:
    exchange, calls = new_cycle()
    with pytest.raises(RuntimeError, match="precedes"):
        await exchange.send(body_part(BODY))
    await exchange.send(response_start(JSON))
    await exchange.send(body_part(BODY))
    with pytest.raises(RuntimeError, match="complete"):
        await exchange.send(body_part(BODY))
    assert len(calls) == 1


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_body_has_no_length(status: int) -> None:
    exchange, calls = new_cycle(method="GET")
    await exchange.send(response_start(status=status))
    await exchange.send(body_part(b""))
    assert b"".join(calls).endswith(b"\r\ndate: today\r\n\r\n")  # type: ignore[arg-type]  # all are writes


@pytest.mark.parametrize(
    "header",
    [
        (b"location", b"/tickets/1\r\nset-cookie: a=b"),
        (b"location", b"/tickets/\n"),
        (b"x\r\ny", b"z"),
        (b"location", b"\0"),
        (b"content-length", b"12"),
    ],
)
async def test_an_invalid_header_is_not_sent(header: tuple[bytes, bytes]) -> None:
    exchange, calls = new_cycle()
    await exchange.send(response_start(header))
    with pytest.raises(RuntimeError):
        await exchange.send(body_part(BODY))
    assert not any(b"set-cookie" in bytes(call) for call in calls if isinstance(call, bytes))
    assert not exchange.response_complete


async def test_a_failure_before_the_response_is_written_is_a_500() -> None:
    exchange, calls = new_cycle()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(response_start(JSON))
        raise ValueError

    await exchange.run_asgi(app)
    assert bytes(calls[0]).startswith(b"HTTP/1.1 500 ")  # type: ignore[arg-type]  # the first is a write
    assert exchange.response_complete


async def test_a_received_body_can_be_taken_once() -> None:
    exchange, _ = new_cycle()
    exchange.body += BODY
    assert exchange.take_body() == BODY
    assert exchange.take_body() == b""


async def test_an_incomplete_body_cannot_be_taken() -> None:
    exchange, _ = new_cycle()
    exchange.body += BODY
    exchange.more_body = True
    assert exchange.take_body() is None


async def test_a_task_is_cancelled_some_time_after_a_disconnect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CANCEL_DELAY_S", 0.01)
    exchange, _ = new_cycle()

    async def work() -> None:
        with exchange:
            await asyncio.sleep(60)

    working = asyncio.create_task(work())
    await asyncio.sleep(0.05)
    assert not working.done()
    exchange.on_disconnect()
    with pytest.raises(ClientDisconnect):
        await working
    assert not working.cancelling()


@pytest.mark.parametrize("leaves_first", [False, True], ids=["during", "before"])
async def test_a_disconnect_cancels_a_task_that_started_after_it(
    monkeypatch: pytest.MonkeyPatch, *, leaves_first: bool
) -> None:
    monkeypatch.setattr(module, "CANCEL_DELAY_S", 0.01)
    exchange, _ = new_cycle()
    exchange.on_disconnect()
    exchange.disconnected = True
    if leaves_first:
        await asyncio.sleep(0.05)
    with pytest.raises(ClientDisconnect), exchange:
        await asyncio.sleep(60)


async def test_a_task_that_finishes_in_time_is_not_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CANCEL_DELAY_S", 0.01)
    exchange, _ = new_cycle()
    with exchange:
        exchange.on_disconnect()
    await asyncio.sleep(0.05)


async def test_another_cancellation_is_propagated() -> None:
    exchange, _ = new_cycle()

    async def work() -> None:
        with exchange:
            await asyncio.sleep(60)

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
