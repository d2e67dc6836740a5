"""GraphQL over WebSocket: the protocol graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. Messages are handled one after
the other, and a subscription is open before the next message is handled. So a client that
sends "ping" after "subscribe" knows, when it receives the "pong", that it will receive every
event committed from then on.
"""

import asyncio
from contextlib import ExitStack
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from app.auth.concurrency_limit import ConcurrencyLimitReached
from app.config.settings import Settings
from app.graphql.operations import OperationRunner
from app.graphql.subscriptions.connection_registry import ConnectionRegistry
from app.graphql.subscriptions.limits import SubscriptionLimits
from app.graphql.subscriptions.ws_channel import TRY_LATER, CloseSocket, SocketChannel
from app.graphql.subscriptions.ws_messages import (
    ClientMessage,
    Complete,
    ConnectionInit,
    InvalidMessage,
    Ping,
    Subscribe,
    read_message,
)
from app.graphql.subscriptions.ws_operation import SocketOperation
from app.http.access_check import wait_until_denied
from app.http.authentication import authenticate
from app.http.body import LARGE_BYTES
from app.http.cross_origin import refuse_cross_origin
from app.http.problem import HttpProblem, problem_response
from app.http.rate_limiting import check_rate_limit, rate_limit_key
from engine.exact_json import dumps
from engine.long_work import pause
from resolvers.context import Context

__all__ = ["GraphQLWebSocket"]

PROTOCOL = "graphql-transport-ws"
INIT_TIMEOUT_S = 10.0
# Operations that may run at the same time on one WebSocket.
MAX_OPERATIONS = 100
# The close code of a missing or invalid credential, with its reason.
_UNAUTHORIZED = (4401, "Unauthorized")
# By the HTTP status of a failed authentication.
_CLOSE_CODES = {401: _UNAUTHORIZED, 429: (4429, "Too many requests"), 503: TRY_LATER}


class GraphQLWebSocket:
    """ASGI application that executes GraphQL operations over a WebSocket."""

    def __init__(
        self,
        settings: Settings,
        runner: OperationRunner,
        registry: ConnectionRegistry,
        limits: SubscriptionLimits,
        *,
        init_timeout_s: float = INIT_TIMEOUT_S,
    ) -> None:
        self.settings = settings
        self.runner = runner
        self.registry = registry
        self.limits = limits
        self.init_timeout_s = init_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket until one side closes it."""
        try:
            refuse_cross_origin(scope, allowed_origins=self.settings.cors_origins)
        except HttpProblem as problem:
            await problem_response(problem, scope)(scope, receive, send)
            return
        await _Socket(self, scope, receive, send).serve()


class _Socket:
    """One WebSocket with its running operations."""

    def __init__(
        self, endpoint: GraphQLWebSocket, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._endpoint = endpoint
        self._scope = scope
        self._receive = receive
        self._channel = SocketChannel(scope, send)
        self._is_init_received = False
        self._init_timer: asyncio.TimerHandle | None = None
        self._is_acknowledged = False
        # By id; an id can be used again once its operation is removed.
        self._operations: dict[str, SocketOperation] = {}
        # Counts the WebSocket against its caller's limit while it is open.
        self._reservation = ExitStack()

    async def serve(self) -> None:
        """Handle messages until the WebSocket is closed."""
        await self._receive()
        try:
            if PROTOCOL not in self._scope["subprotocols"]:
                await self._channel.send({"type": "websocket.accept"})
                await self._channel.close(4406, "Subprotocol not acceptable")
                return
            await self._channel.send({"type": "websocket.accept", "subprotocol": PROTOCOL})
            loop = asyncio.get_running_loop()
            self._init_timer = loop.call_later(self._endpoint.init_timeout_s, self._on_init_timeout)
            with self._endpoint.registry.registered(self._go_away):
                await self._handle_all()
        except ClientDisconnect:
            return
        finally:
            if self._init_timer is not None:
                self._init_timer.cancel()
            await self._channel.stop()
            # They refer to this WebSocket.
            self._operations.clear()
            self._reservation.close()

    async def _handle_all(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            if not self._channel.is_closed:
                await self._handle_one(message)
            # An idle WebSocket must not keep its last message.
            del message

    async def _handle_one(self, message: Message) -> None:
        """Handle a message; an invalid one, or a failure, closes the WebSocket."""
        try:
            is_large = len(message.get("text") or "") > LARGE_BYTES
            # Also before a small message, because each of many WebSockets may have one.
            await pause()
            content = read_message(message, max_values=self._endpoint.settings.max_json_values)
            if is_large:
                await pause()
            await self._handle(content, is_large=is_large)
        except InvalidMessage as invalid:
            await self._channel.close(4400, str(invalid))
        except CloseSocket as close:
            await self._channel.close(close.code, close.reason)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001  # the client learns only that it failed
            await self._channel.fail(error)

    async def _handle(self, message: ClientMessage, *, is_large: bool) -> None:
        match message:
            case ConnectionInit(payload):
                await self._initialize(payload or {})
            case Ping(payload):
                pong: dict[str, Any] = {"type": "pong"}
                # The payload can have numbers that only their text represents.
                pong |= {"payload": payload} if payload else {}
                await self._channel.send_text(dumps(pong).decode())
            case Subscribe():
                await self._subscribe(message, is_large=is_large)
            case Complete(id):
                operation = self._operations.pop(id, None)
                if operation is not None:
                    operation.cancel()

    async def _initialize(self, payload: dict[str, Any]) -> None:
        if self._is_init_received:
            raise CloseSocket(4429, "Too many initialisation requests")
        self._is_init_received = True
        if self._init_timer is not None:
            self._init_timer.cancel()
        # Browsers cannot set headers of a WebSocket, so the payload may contain the credential.
        for name in ("authorization", "Authorization"):
            if isinstance(credential := payload.get(name), str):
                self._scope = _with_credential(self._scope, credential)
        context = await self._authenticate(self._scope)
        if not context.caller.scopes:
            # The credential is valid, but allows no operation.
            raise CloseSocket(4403, "Forbidden")
        try:
            # Counted from here on: the caller was unknown before, for at most INIT_TIMEOUT_S.
            self._reservation.enter_context(
                self._endpoint.limits.connections.acquire(rate_limit_key(self._scope, context))
            )
        except ConcurrencyLimitReached as error:
            raise CloseSocket(4429, str(error)) from None
        self._is_acknowledged = True
        if self._endpoint.settings.auth == "required":
            self._channel.start_task(self._close_on_denial())
        await self._channel.send_text('{"type":"connection_ack"}')

    async def _subscribe(self, message: Subscribe, *, is_large: bool) -> None:
        if not self._is_acknowledged:
            raise CloseSocket(*_UNAUTHORIZED)
        if message.id in self._operations:
            raise CloseSocket(4409, f"Subscriber for {message.id} already exists")
        operation = SocketOperation(
            message.id, self._scope, send=self._channel.send_text, release_id=self._release_id
        )
        if len(self._operations) >= MAX_OPERATIONS:
            reason = (
                f"At most {MAX_OPERATIONS} operations may run on one WebSocket, which is a fixed"
                " limit. Complete one, or open another WebSocket."
            )
            await operation.reject("RATE_LIMITED", reason)
            return
        try:
            context = await self._authenticate(operation.scope)
            await check_rate_limit(operation.scope, context)
        except HttpProblem as problem:
            await operation.reject(problem.code, problem.detail or problem.code)
            return
        except CloseSocket:
            raise
        except Exception as error:  # noqa: BLE001  # only this operation fails
            await operation.fail(error)
            return
        self._operations[message.id] = operation
        endpoint = self._endpoint
        if await operation.start(
            message.request, runner=endpoint.runner, context=context, limits=endpoint.limits
        ):
            operation.task = self._channel.start_task(operation.run(is_large=is_large))
            operation.task.add_done_callback(operation.end)

    async def _authenticate(self, scope: Scope) -> Context:
        try:
            return await authenticate(scope)
        except HttpProblem as problem:
            raise CloseSocket(*_CLOSE_CODES[problem.status]) from None

    def _release_id(self, operation: SocketOperation) -> None:
        """Let the client use the id of an operation again."""
        if self._operations.get(operation.id) is operation:
            del self._operations[operation.id]

    async def _close_on_denial(self) -> None:
        await wait_until_denied(self._scope)
        await self._channel.close(*_UNAUTHORIZED)

    def _on_init_timeout(self) -> None:
        self._channel.start_task(self._channel.close(4408, "Connection initialisation timeout"))

    def _go_away(self) -> None:
        self._channel.start_task(self._channel.close(1001, "Going away"))


def _with_credential(scope: Scope, credential: str) -> Scope:
    headers = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
    headers.append((b"authorization", credential.encode("latin-1", "replace")))
    return {**scope, "headers": headers}
