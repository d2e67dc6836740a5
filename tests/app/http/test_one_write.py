"""The head of an answer and its body leave in one write; what comes later is not waited for."""

import asyncio
from collections.abc import Iterable
from typing import Any

from app.http.one_write import OneWriteTransport

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Recorder(asyncio.Transport):
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


def transport() -> tuple[OneWriteTransport, list[bytes | str]]:
    inner = Recorder()
    return OneWriteTransport(inner, asyncio.get_running_loop()), inner.calls


async def test_a_head_leaves_with_its_body() -> None:
    sent, calls = transport()
    sent.write(HEAD)
    sent.write(b"body")
    assert calls == [HEAD + b"body"]
    await asyncio.sleep(0)
    assert calls == [HEAD + b"body"]


async def test_a_head_whose_body_comes_later_does_not_wait_for_it() -> None:
    sent, calls = transport()
    sent.write(HEAD)
    await asyncio.sleep(0)
    assert calls == [HEAD]
    sent.write(b"an event")
    assert calls == [HEAD, b"an event"]


async def test_answers_one_after_the_other_stay_apart_and_in_order() -> None:
    sent, calls = transport()
    for body in (b"one", b"two"):
        sent.write(HEAD)
        sent.write(body)
    assert calls == [HEAD + b"one", HEAD + b"two"]


async def test_what_is_held_is_sent_before_the_end() -> None:
    sent, calls = transport()
    sent.write(HEAD)
    sent.close()
    await asyncio.sleep(0)
    assert calls == [HEAD, "close"]
