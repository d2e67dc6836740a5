"""Failed requests, and ended connections, are freed without the garbage collector.

A collection of everything stops the process: for a second after some thousand such requests.
"""

import asyncio
import gc
import os
from collections import Counter
from collections.abc import Iterator
from types import FrameType, TracebackType

import pytest

from app.graphql.subscriptions.ws_operation import SocketOperation
from app.http.request_cycle import RequestCycle
from app.server.http_connection import HttpConnection
from app.server.websocket_connection import WebSocketConnection
from engine.projection.context import OperationContext
from tests.api.requests_to_free import KINDS, Client
from tests.waiting import until

# The background and asyncio's transports leave some objects now and then, but not for each request.
COUNT = 10
PACKAGES = {"app", "engine", "graphql", "httptools", "ops", "resolvers", "schema", "uvicorn"}
PACKAGES |= {"starlette", "strawberry", "websockets"}
# Everything else that a request uses is freed before or together with these.
LONGEST_USED = {
    HttpConnection,
    OperationContext,
    RequestCycle,
    SocketOperation,
    WebSocketConnection,
}


@pytest.fixture
def collector_keeps_all() -> Iterator[None]:
    """Collect only on demand, and keep what is found in `gc.garbage`."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.skipif(
    os.environ.get("GRAPHQL_SHORTCUTS") == "false",
    reason="graphql-core leaves reference cycles behind",
)
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.usefixtures("collector_keeps_all")
async def test_requests_leave_nothing_to_the_garbage_collector(server: str, name: str) -> None:
    kind = KINDS[name]
    # The first ones fill caches.
    for _ in range(2):
        await Client(server).run(kind)
    used = _in_use()
    gc.garbage.clear()
    for _ in range(COUNT):
        await Client(server).run(kind)

    def is_over() -> bool:
        gc.collect()
        return _in_use() <= used

    await until(is_over)
    left = Counter(_kind(one) for one in gc.garbage if _is_of_requests(type(one)))
    assert not {kind: count for kind, count in left.items() if count >= COUNT}


def _in_use() -> set[int]:
    """Return the ids of the objects of requests that are not found to be garbage."""
    found = {id(one) for one in gc.get_objects() if type(one) in LONGEST_USED}
    return found - {id(one) for one in gc.garbage}


def _kind(one: object) -> str:
    """Return the type of an object, and where a frame is: one error leaves many other frames."""
    name = type(one).__qualname__
    frame = one.tb_frame if isinstance(one, TracebackType) else one
    return f"{name} of {frame.f_code.co_qualname}" if isinstance(frame, FrameType) else name


def _is_of_requests(found: type) -> bool:
    return (
        issubclass(found, (FrameType, TracebackType, BaseException, asyncio.Future))
        or found.__module__.partition(".")[0] in PACKAGES
    )
