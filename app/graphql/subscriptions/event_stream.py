"""Subscriptions over server-sent events: the protocol graphql-sse, distinct connections mode.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md. Each result is an event "next";
the event "complete" says that no more results follow. On shutdown the stream ends without
"complete", so that clients reconnect.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from app.graphql.errors import FormattedError, codes_of, format_exception, request_error
from app.graphql.operations import GraphQLRequestError, Result, encode
from app.graphql.subscriptions.connection_registry import ConnectionRegistry
from app.http.access_check import wait_until_denied
from app.http.request_record import record_of

__all__ = ["EventStream", "single_result"]

# Interval of comments, which keep proxies from closing an idle connection.
KEEP_ALIVE_S = 12.0
# The stream ends if the client reads nothing for this long.
SEND_TIMEOUT_S = 30.0

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"vary", b"Accept"),
    # Tells nginx and other proxies to forward each event at once.
    (b"x-accel-buffering", b"no"),
]
_COMMENT = b":\n\n"
# With an empty data line, because a browser's EventSource drops events without data.
_COMPLETE = b"event: complete\ndata: \n\n"


async def single_result(result: Result) -> AsyncGenerator[str, None]:
    """Return the results of an operation that has exactly one."""
    yield encode(result)


class EventStream:
    """ASGI application that sends the results of one operation as events.

    It releases its reservation of the caller's limits when it ends.
    """

    def __init__(
        self,
        results: AsyncGenerator[str, None],
        registry: ConnectionRegistry,
        reservation: ExitStack | None = None,
    ) -> None:
        self._results = results
        self._registry = registry
        self._reservation = reservation or ExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send results until the last one, a disconnect or a shutdown."""
        with self._reservation:
            await self._stream(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        writing = asyncio.create_task(self._write(scope, send))
        disconnect = asyncio.create_task(_wait_for_disconnect(receive))
        keeping_alive = asyncio.create_task(_keep_alive(send))
        denial = asyncio.create_task(_wait_for_denial(scope))
        tasks = {writing, disconnect, keeping_alive, denial}
        try:
            with self._registry.registered(writing.cancel):
                ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            # If writing was cancelled before its first step, the generator is still open.
            await self._results.aclose()
        if disconnect in ended:
            return
        for task in ended:
            # Only a shutdown cancels a task (writing) before this point.
            errors = None if task.cancelled() else task.result()
            if errors is not None:
                await _send_errors(scope, send, errors)
        await _send(send, b"", more_body=False)

    async def _write(self, scope: Scope, send: Send) -> None:
        # After this comment the client receives every event that is committed.
        await _send(send, _COMMENT)
        try:
            async for result in self._results:
                await _send(send, _next_event(result))
            await _send(send, _COMPLETE)
        except GraphQLRequestError as error:
            await _send_errors(scope, send, error.errors)


async def _send_errors(scope: Scope, send: Send, errors: list[FormattedError]) -> None:
    record_of(scope).error_codes = codes_of(errors)
    await _send(send, _next_event(encode({"errors": errors})))
    await _send(send, _COMPLETE)


def _next_event(result: str) -> bytes:
    # One data line is enough, because the encoded JSON contains no line breaks.
    return f"event: next\ndata: {result}\n\n".encode()


async def _send(send: Send, body: bytes, *, more_body: bool = True) -> None:
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await send({"type": "http.response.body", "body": body, "more_body": more_body})
    except TimeoutError:
        raise ClientDisconnect from None


async def _wait_for_denial(scope: Scope) -> list[FormattedError]:
    """Wait until the caller loses access, or access cannot be checked, and return the errors."""
    try:
        problem = await wait_until_denied(scope)
    except Exception as error:  # noqa: BLE001  # without a check the stream must not continue
        return format_exception(error, request_id=record_of(scope).request_id)
    return [request_error(problem.code, str(problem))]


async def _keep_alive(send: Send) -> None:
    while True:
        await asyncio.sleep(KEEP_ALIVE_S)
        await _send(send, _COMMENT)


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
