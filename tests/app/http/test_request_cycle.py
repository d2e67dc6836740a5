"""An answer that is whole leaves in one write; any other as it comes; none with what may not be."""

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


class OutcomeWriter(asyncio.Transport):
    """A transport that notes each of its system calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes | str] = []

    def write(self, data: Any) -> None:
        """Note a write."""
        self.calls.append(bytes(data))

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Note one write of several parts."""
        self.calls.append(b"".join(list_of_data))

    def close(self) -> None:
        """Note the end."""
        self.calls.append("close")

    def is_closing(self) -> bool:
        """Tell whether it is closed."""
        return "close" in self.calls


def begun(
    *, method: str = "POST", keep_alive: bool = True
) -> tuple[RequestCycle, list[bytes | str]]:
    """Return an exchange whose request has come, and what is sent of its answer."""
    transport = OutcomeWriter()
    logger = logging.getLogger("test")
    exchange = RequestCycle(
        asyncio.get_running_loop(),
        scope={"type": "http", "method": method, "state": {}},
        transport=transport,
        flow=FlowControl(transport),
        logger=logger,
        access_logger=logger,
        access_log=False,
        default_headers=[(b"date", b"today")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: None,
    )
    exchange.more_body = False
    return exchange, transport.calls


def beginning(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def piece(body: bytes, *, more_body: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more_body}


async def test_an_answer_leaves_in_one_write() -> None:
    exchange, calls = begun()
    await exchange.send(beginning(JSON))
    assert calls == []
    await exchange.send(piece(BODY))
    head = b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-type: application/json\r\n"
    assert calls == [head + b"content-length: 13\r\n\r\n" + BODY]
    assert exchange.response_complete


async def test_the_last_answer_of_a_connection_says_so_and_closes_it() -> None:
    exchange, calls = begun(keep_alive=False)
    await exchange.send(beginning(JSON))
    await exchange.send(piece(BODY))
    assert b"\r\nconnection: close\r\n" in bytes(calls[0])  # type: ignore[arg-type]  # the first is a write
    assert calls[1:] == ["close"]


async def test_what_comes_in_pieces_leaves_in_pieces_each_at_once() -> None:
    exchange, calls = begun()
    await exchange.send(beginning(JSON))
    await exchange.send(piece(b":\n\n", more_body=True))
    assert b"".join(calls).endswith(b"\r\ntransfer-encoding: chunked\r\n\r\n3\r\n:\n\n\r\n")  # type: ignore[arg-type]  # all are writes
    before = len(calls)
    await exchange.send(piece(b"event", more_body=True))
    await exchange.send(piece(b""))
    assert calls[before:] == [b"5\r\nevent\r\n", b"0\r\n\r\n"]


async def test_the_answer_to_a_head_has_the_length_of_a_body_and_none() -> None:
    exchange, calls = begun(method="HEAD")
    await exchange.send(beginning((b"content-length", b"13")))
    await exchange.send(piece(BODY))
    assert b"".join(calls).endswith(b"\r\ncontent-length: 13\r\n\r\n")  # type: ignore[arg-type]  # all are writes


@pytest.mark.parametrize("status", [204, 304])
async def test_what_has_no_body_has_no_length(status: int) -> None:
    exchange, calls = begun(method="GET")
    await exchange.send(beginning(status=status))
    await exchange.send(piece(b""))
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
async def test_a_header_that_may_not_be_is_not_sent(header: tuple[bytes, bytes]) -> None:
    exchange, calls = begun()
    await exchange.send(beginning(header))
    with pytest.raises(RuntimeError):
        await exchange.send(piece(BODY))
    assert not any(b"set-cookie" in bytes(call) for call in calls if isinstance(call, bytes))
    assert not exchange.response_complete


async def test_the_fault_of_an_answer_that_was_begun_but_not_sent_is_told() -> None:
    exchange, calls = begun()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(beginning(JSON))
        raise ValueError

    await exchange.run_asgi(app)
    assert bytes(calls[0]).startswith(b"HTTP/1.1 500 ")  # type: ignore[arg-type]  # the first is a write
    assert exchange.response_complete


async def test_a_body_that_is_here_is_taken_once() -> None:
    exchange, _ = begun()
    exchange.body += BODY
    assert exchange.take_body() == BODY
    assert exchange.take_body() == b""


async def test_a_body_that_is_on_its_way_cannot_be_taken() -> None:
    exchange, _ = begun()
    exchange.body += BODY
    exchange.more_body = True
    assert exchange.take_body() is None


async def test_who_works_for_a_client_alone_is_ended_when_it_has_been_gone_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CANCEL_DELAY_S", 0.01)
    exchange, _ = begun()

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
async def test_a_client_that_has_gone_ends_also_what_was_begun_after(
    monkeypatch: pytest.MonkeyPatch, *, leaves_first: bool
) -> None:
    monkeypatch.setattr(module, "CANCEL_DELAY_S", 0.01)
    exchange, _ = begun()
    exchange.on_disconnect()
    exchange.disconnected = True
    if leaves_first:
        await asyncio.sleep(0.05)
    with pytest.raises(ClientDisconnect), exchange:
        await asyncio.sleep(60)


async def test_what_ends_in_time_is_not_ended_for_a_client_that_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CANCEL_DELAY_S", 0.01)
    exchange, _ = begun()
    with exchange:
        exchange.on_disconnect()
    await asyncio.sleep(0.05)


async def test_who_is_cancelled_by_another_is_cancelled() -> None:
    exchange, _ = begun()

    async def work() -> None:
        with exchange:
            await asyncio.sleep(60)

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
