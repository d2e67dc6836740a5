"""Server-sent events: graphql-sse, its distinct connections mode.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md: each result is an
event "next", and "complete" says that no more will come. When the server stops, the
stream just ends, so that clients connect again.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from starlette.types import Receive, Scope, Send

from app.graphql.errors import Shown, codes_of
from app.graphql.operations import Content, Refused, encode
from app.graphql.standing import Standing
from app.http.request_record import record_of

__all__ = ["EventStream", "single"]

# A proxy may close a connection on which nothing moves: a comment is something.
KEEP_ALIVE_S = 12.0
# A client that has taken nothing for so long is as good as gone.
SEND_TIMEOUT_S = 30.0

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"vary", b"Accept"),
    # A proxy must not collect events before it passes them on.
    (b"x-accel-buffering", b"no"),
]
_COMMENT = b":\n\n"
# Without data a browser's EventSource would not tell of it.
_COMPLETE = b"event: complete\ndata: \n\n"


async def single(content: Content) -> AsyncGenerator[str, None]:
    """Return the result of what has only one."""
    yield encode(content)


class EventStream:
    """The answer to an operation, as an ASGI application."""

    def __init__(self, results: AsyncGenerator[str, None], standing: Standing) -> None:
        self._results = results
        self._standing = standing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the results until there are no more, or nobody to take them."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        writing = asyncio.create_task(self._write(scope, send))
        others = {asyncio.create_task(_keep_alive(send)), asyncio.create_task(_leave(receive))}
        try:
            with self._standing.connection(lambda: _cancel(writing)):
                await asyncio.wait({writing, *others}, return_when=asyncio.FIRST_COMPLETED)
            has_left = not writing.done()
        finally:
            for task in (writing, *others):
                task.cancel()
            await asyncio.wait({writing, *others})
            # One that was never begun ends nothing by itself.
            await self._results.aclose()
        if has_left:
            return
        if not writing.cancelled():
            writing.result()
        with suppress(TimeoutError):
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, scope: Scope, send: Send) -> None:
        # Whoever gets this comment listens: what is committed from now on is not missed.
        await _send(send, _COMMENT)
        try:
            async for result in self._results:
                await _send(send, _next(result))
        except Refused as refused:
            record_of(scope).error_codes = codes_of(refused.errors)
            await _send(send, _next(refusal(refused.errors)))
        await _send(send, _COMPLETE)


def refusal(errors: list[Shown]) -> str:
    """Return the result of an operation that was not executed."""
    return encode({"errors": errors})


def _next(result: str) -> bytes:
    # JSON as we write it has no line break, or it would take several lines of data.
    return f"event: next\ndata: {result}\n\n".encode()


async def _send(send: Send, body: bytes) -> None:
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await send({"type": "http.response.body", "body": body, "more_body": True})


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


async def _keep_alive(send: Send) -> None:
    while True:
        await asyncio.sleep(KEEP_ALIVE_S)
        await _send(send, _COMMENT)


async def _leave(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
