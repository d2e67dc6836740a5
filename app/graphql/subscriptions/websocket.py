"""WebSockets: the subprotocol graphql-transport-ws, to the letter.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md, whose words are used
here. Messages are handled one after the other, and a subscription stands before the
next one is looked at: whoever gets the pong to a ping that was sent after the
"subscribe" knows that nothing is missed that is committed from then on.
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import ExitStack
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from app.auth.concurrency_limit import ConcurrencyLimitReached
from app.config.settings import Settings
from app.graphql.connection_registry import ConnectionRegistry
from app.graphql.operations import Operations, encode
from app.graphql.subscriptions.ws_messages import (
    ClientMessage,
    Complete,
    ConnectionInit,
    InvalidMessage,
    Ping,
    Subscribe,
    read_message,
)
from app.graphql.subscriptions.ws_operation import Operation
from app.http.access_check import wait_until_denied
from app.http.authentication import authenticate
from app.http.cross_origin import refuse_cross_origin
from app.http.problem import HttpProblem, problem_response
from app.http.rate_limiting import check_rate_limit, rate_limit_key
from engine.database.errors import is_unavailable
from resolvers.context import Context

__all__ = ["GraphQLWebSocket"]

PROTOCOL = "graphql-transport-ws"
INIT_TIMEOUT_S = 10.0
# At once, on one socket.
MAX_OPERATIONS = 100
# RFC 6455, section 5.5: a control frame has at most 125 bytes, of which two are the code.
MAX_REASON_BYTES = 123
# How a socket is closed: the code and the reason.
_UNAUTHORIZED = (4401, "Unauthorized")
_TRY_LATER = (1013, "Try again later")
_REFUSALS = {401: _UNAUTHORIZED, 429: (4429, "Too many requests"), 503: _TRY_LATER}

_logger = logging.getLogger(__name__)


class GraphQLWebSocket:
    """An ASGI application that executes the operations that come through a WebSocket."""

    def __init__(
        self,
        settings: Settings,
        operations: Operations,
        standing: ConnectionRegistry,
        *,
        init_timeout_s: float = INIT_TIMEOUT_S,
    ) -> None:
        self.settings = settings
        self.operations = operations
        self.standing = standing
        self.init_timeout_s = init_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until one of the two sides closes it."""
        try:
            refuse_cross_origin(scope, allowed_origins=self.settings.cors_origins)
        except HttpProblem as problem:
            await problem_response(problem, scope)(scope, receive, send)
            return
        await _Socket(self, scope, receive, send).serve()


class _Close(Exception):
    """The socket must be closed, for a reason that the protocol has a code for."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Socket:
    """One socket, and the operations that are under way on it."""

    def __init__(
        self, endpoint: GraphQLWebSocket, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._endpoint = endpoint
        self._scope = scope
        self._receive = receive
        self._pass = send
        self._is_closed = False
        self._is_init_received = False
        self._init_timer: asyncio.TimerHandle | None = None
        self._is_acknowledged = False
        # By their ids, which are taken as long as they are here.
        self._operations: dict[str, Operation] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        # What it takes of its caller's share.
        self._has = ExitStack()

    async def serve(self) -> None:
        """Handle messages until the socket is closed."""
        await self._receive()
        try:
            if PROTOCOL not in self._scope["subprotocols"]:
                await self._send({"type": "websocket.accept"})
                await self._close(4406, "Subprotocol not acceptable")
                return
            await self._send({"type": "websocket.accept", "subprotocol": PROTOCOL})
            loop = asyncio.get_running_loop()
            self._init_timer = loop.call_later(self._endpoint.init_timeout_s, self._init_missing)
            with self._endpoint.standing.connection(self._go_away):
                await self._handle_all()
        except ClientDisconnect:
            return
        finally:
            # Nothing can be told any more.
            self._is_closed = True
            if self._init_timer is not None:
                self._init_timer.cancel()
            await self._cancel_all()
            self._has.close()

    async def _handle_all(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            if self._is_closed:
                continue
            try:
                await self._handle(read_message(message))
            except InvalidMessage as invalid:
                await self._close(4400, str(invalid))
            except _Close as close:
                await self._close(close.code, close.reason)
            except ClientDisconnect:
                raise
            except Exception as error:  # noqa: BLE001  # told, and logged
                await self._fail(error)

    async def _handle(self, message: ClientMessage) -> None:
        match message:
            case ConnectionInit(payload):
                await self._init(payload or {})
            case Ping(payload):
                pong: dict[str, Any] = {"type": "pong"}
                await self._tell(encode(pong | {"payload": payload} if payload else pong))
            case Subscribe():
                await self._subscribe(message)
            case Complete(id):
                operation = self._operations.pop(id, None)
                if operation is not None:
                    operation.cancel()

    async def _init(self, payload: dict[str, Any]) -> None:
        if self._is_init_received:
            raise _Close(4429, "Too many initialisation requests")
        self._is_init_received = True
        if self._init_timer is not None:
            self._init_timer.cancel()
        # A page cannot give a WebSocket headers, so the credential may stand here.
        for name in ("authorization", "Authorization"):
            if isinstance(credential := payload.get(name), str):
                self._scope = _with_credential(self._scope, credential)
        context = await self._authenticate(self._scope)
        if not context.caller.scopes:
            # Known, but nothing can be asked for here that it may have.
            raise _Close(4403, "Forbidden")
        try:
            # Counted from here on: before, nobody is known, and it does not last.
            allotted = self._endpoint.standing.connections.acquire(
                rate_limit_key(self._scope, context)
            )
            self._has.enter_context(allotted)
        except ConcurrencyLimitReached as error:
            raise _Close(4429, str(error)) from None
        self._is_acknowledged = True
        if self._endpoint.settings.auth == "required":
            self._start(self._watch_access())
        await self._tell('{"type":"connection_ack"}')

    async def _subscribe(self, message: Subscribe) -> None:
        if not self._is_acknowledged:
            raise _Close(*_UNAUTHORIZED)
        if message.id in self._operations:
            raise _Close(4409, f"Subscriber for {message.id} already exists")
        operation = Operation(message, self._scope, tell=self._tell, free=self._free)
        if len(self._operations) >= MAX_OPERATIONS:
            reason = f"At most {MAX_OPERATIONS} operations may be under way on one socket."
            await operation.refuse("RATE_LIMITED", reason)
            return
        try:
            context = await self._authenticate(operation.scope)
            await check_rate_limit(operation.scope, context)
        except HttpProblem as problem:
            await operation.refuse(problem.code, problem.detail or problem.code)
            return
        except _Close:
            raise
        except Exception as error:  # noqa: BLE001  # it is no fault of those that are under way
            await operation.fail(error)
            return
        self._operations[message.id] = operation
        if await operation.begin(self._endpoint.operations, context, self._endpoint.standing):
            operation.task = self._start(operation.run())
            operation.task.add_done_callback(lambda _: operation.give_back())

    async def _authenticate(self, scope: Scope) -> Context:
        try:
            return await authenticate(scope)
        except HttpProblem as problem:
            raise _Close(*_REFUSALS[problem.status]) from None

    def _free(self, operation: Operation) -> None:
        """Let the id of an operation that has ended be used again."""
        if self._operations.get(operation.id) is operation:
            del self._operations[operation.id]

    async def _send(self, message: Message) -> None:
        """Send to the client; raises ClientDisconnect where it has left."""
        try:
            await self._pass(message)
        except OSError:
            # So says ASGI; what else is an OSError here must not be taken for that.
            raise ClientDisconnect from None

    async def _tell(self, text: str) -> None:
        """Send a message, unless the socket is closed."""
        if not self._is_closed:
            await self._send({"type": "websocket.send", "text": text})

    async def _close(self, code: int, reason: str) -> None:
        """Close the socket, unless it is closed."""
        if not self._is_closed:
            self._is_closed = True
            short = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
            await self._send({"type": "websocket.close", "code": code, "reason": short})

    async def _fail(self, error: BaseException) -> None:
        """Close the socket for a fault of ours, or of the database."""
        if is_unavailable(error):
            await self._close(*_TRY_LATER)
        else:
            _logger.error("unexpected exception", exc_info=error)
            await self._close(4500, "Internal server error")

    async def _watch_access(self) -> None:
        await wait_until_denied(self._scope)
        await self._close(*_UNAUTHORIZED)

    def _init_missing(self) -> None:
        self._start(self._close(4408, "Connection initialisation timeout"))

    def _go_away(self) -> None:
        self._start(self._close(1001, "Going away"))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something beside the messages, as long as the socket is served."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        # To send to a client who has left is no fault: receiving tells it, too.
        if error is not None and not isinstance(error, ClientDisconnect):
            # What should have been done beside the messages is not: above all to look
            # whether the client may still hear them.
            self._start(self._fail(error))

    async def _cancel_all(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _with_credential(scope: Scope, credential: str) -> Scope:
    headers = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
    headers.append((b"authorization", credential.encode("latin-1", "replace")))
    return {**scope, "headers": headers}
