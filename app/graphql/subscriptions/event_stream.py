"""Server-sent events: graphql-sse, its distinct connections mode.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md: each result is an
event "next", and "complete" says that no more will come. When the server stops, the
stream just ends, so that clients connect again.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from app.graphql.connection_registry import ConnectionRegistry
from app.graphql.errors import Shown, codes_of, request_error, shown_fault
from app.graphql.operations import Content, Refused, encode
from app.http.access_check import wait_until_denied
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
    """The answer to an operation, as an ASGI application; what it has is given back at its end."""

    def __init__(
        self,
        results: AsyncGenerator[str, None],
        standing: ConnectionRegistry,
        has: ExitStack | None = None,
    ) -> None:
        self._results = results
        self._standing = standing
        self._has = has or ExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the results until there are no more, or nobody to take them."""
        with self._has:
            await self._stream(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        writing, leaving, *others = (
            asyncio.create_task(work)
            for work in (
                self._write(scope, send),
                _leave(receive),
                _keep_alive(send),
                _unwelcome(scope),
            )
        )
        tasks = {writing, leaving, *others}
        try:
            with self._standing.connection(writing.cancel):
                ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            # One that was never begun ends nothing by itself.
            await self._results.aclose()
        if leaving in ended:
            return
        for task in ended:
            # One that was cancelled was so because the server stops.
            errors = None if task.cancelled() else task.result()
            if errors is not None:
                await _refuse(scope, send, errors)
        await _send(send, b"", more_body=False)

    async def _write(self, scope: Scope, send: Send) -> None:
        # Whoever gets this comment listens: what is committed from now on is not missed.
        await _send(send, _COMMENT)
        try:
            async for result in self._results:
                await _send(send, _next(result))
            await _send(send, _COMPLETE)
        except Refused as refused:
            await _refuse(scope, send, refused.errors)


async def _refuse(scope: Scope, send: Send, errors: list[Shown]) -> None:
    record_of(scope).error_codes = codes_of(errors)
    await _send(send, _next(encode({"errors": errors})))
    await _send(send, _COMPLETE)


def _next(result: str) -> bytes:
    # JSON as we write it has no line break, or it would take several lines of data.
    return f"event: next\ndata: {result}\n\n".encode()


async def _send(send: Send, body: bytes, *, more_body: bool = True) -> None:
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await send({"type": "http.response.body", "body": body, "more_body": more_body})
    except TimeoutError:
        raise ClientDisconnect from None


async def _unwelcome(scope: Scope) -> list[Shown]:
    """Wait until the caller may hear no more, and return why: also that nobody can tell."""
    try:
        problem = await wait_until_denied(scope)
    except Exception as error:  # noqa: BLE001  # whoever cannot be looked at is not let on
        return shown_fault(error, request_id=record_of(scope).request_id)
    return [request_error(problem.code, str(problem))]


async def _keep_alive(send: Send) -> None:
    while True:
        await asyncio.sleep(KEEP_ALIVE_S)
        await _send(send, _COMMENT)


async def _leave(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
