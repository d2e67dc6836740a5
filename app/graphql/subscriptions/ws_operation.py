"""One operation on a WebSocket: a query, a mutation or a subscription."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack, aclosing

from graphql import OperationType
from starlette.types import Scope

from app.auth.concurrency_limit import ConcurrencyLimitReached
from app.graphql.errors import FormattedError, codes_of, format_exception, request_error
from app.graphql.operations import GraphQLRequestError, OperationRunner, encode
from app.graphql.request import GraphQLRequest
from app.graphql.server_choice import add_sent_position
from app.graphql.subscriptions.limits import SubscriptionLimits
from app.http.problem import HttpProblem
from app.http.rate_limiting import event_counter, rate_limit_key
from app.http.request_record import RequestRecord, limits_key_of
from app.middleware.request_log import log_request
from engine.documents.prepared import PreparedOperation
from engine.long_work import pause
from models.columns import new_id
from resolvers.context import Context

__all__ = ["SocketOperation"]

OK = 200


class SocketOperation:
    """An operation under the id that its client chose; the log has a line for each.

    Call ``start`` and then ``run``, or only ``reject`` or ``fail``. ``send`` sends a message;
    ``release_id`` lets the client use the id again.
    """

    def __init__(
        self,
        id: str,
        scope: Scope,
        *,
        send: Callable[[str], Awaitable[None]],
        release_id: Callable[["SocketOperation"], None],
    ) -> None:
        self.id = id
        self.task: asyncio.Task[None] | None = None
        self._send = send
        self._release_id = release_id
        self._record = RequestRecord(new_id(), limits_key=limits_key_of(scope, client=None))
        self.scope = {**scope, "state": {**scope["state"], "record": self._record}}
        self._results: AsyncGenerator[str, None] | None = None
        # Counts a subscription against its caller's limit while it is open.
        self._reservation = ExitStack()

    async def start(
        self,
        request: GraphQLRequest,
        *,
        runner: OperationRunner,
        context: Context,
        limits: SubscriptionLimits,
    ) -> bool:
        """Prepare the operation, and open the source of events of a subscription.

        The request is not kept: a subscription can be open for days.

        Return false if that fails; the errors have then been sent to the client.
        """
        try:
            add_sent_position(context, request)
            prepared = await runner.prepare(self.scope, request)
            if prepared.kind is OperationType.SUBSCRIPTION:
                with ExitStack() as reservation:
                    key = rate_limit_key(self.scope, context)
                    reservation.enter_context(limits.subscriptions.acquire(key))
                    self._results = await runner.subscribe(
                        prepared,
                        variables=request.variables,
                        context=context,
                        count=event_counter(self.scope, context),
                    )
                    self._reservation = reservation.pop_all()
            else:
                self._results = self._single_result(runner, prepared, request, context)
        except GraphQLRequestError as error:
            await self._send_errors(error.errors)
        except HttpProblem as problem:
            await self._send_errors([request_error(problem.code, str(problem))])
        except ConcurrencyLimitReached as error:
            await self._send_errors([request_error("RATE_LIMITED", str(error))])
        else:
            return True
        self._log()
        return False

    async def run(self, *, is_large: bool = False) -> None:
        """Send each result, and then "complete".

        A request of a large message starts in a turn of its own.
        """
        assert self._results is not None  # noqa: S101  # `start` has returned true
        prefix = f'{{"id":{encode(self.id)},"type":"next","payload":'
        try:
            async with aclosing(self._results) as results:
                if is_large:
                    await pause()
                async for result in results:
                    await self._send(f"{prefix}{result}}}")
            self._release_id(self)
            await self._send(encode({"id": self.id, "type": "complete"}))
        except GraphQLRequestError as error:
            await self._send_errors(error.errors)
            return
        finally:
            self._log()

    def release_reservation(self) -> None:
        """Release the caller's limit. Can be called more than once."""
        self._reservation.close()

    def end(self, _: asyncio.Task[None]) -> None:
        """Release what the operation holds, because its task has ended."""
        # The exception of a cancelled task refers to this operation.
        self.task = None
        self.release_reservation()

    def cancel(self) -> None:
        """Stop without a message, at the client's request."""
        # At once, because the client may subscribe again in its next message.
        self.release_reservation()
        if self.task is not None:
            self.task.cancel()

    async def reject(self, code: str, message: str) -> None:
        """Send the reason why the operation is not started."""
        await self._send_errors([request_error(code, message)])
        self._log()

    async def fail(self, error: Exception) -> None:
        """Send the error of the server that prevented the start of the operation."""
        await self._send_errors(format_exception(error, request_id=self._record.request_id))
        self._log()

    async def _single_result(
        self,
        runner: OperationRunner,
        prepared: PreparedOperation,
        request: GraphQLRequest,
        context: Context,
    ) -> AsyncGenerator[str, None]:
        try:
            result = await runner.run(prepared, variables=request.variables, context=context)
            text = runner.encode(result).decode()
        except GraphQLRequestError:
            raise
        except Exception as error:  # noqa: BLE001  # internal details must not reach the client
            errors = format_exception(error, request_id=context.request_id)
            raise GraphQLRequestError(errors) from None
        self._record.error_codes = codes_of(result.get("errors", ()))
        yield text

    async def _send_errors(self, errors: list[FormattedError]) -> None:
        self._record.error_codes = codes_of(errors)
        self._release_id(self)
        await self._send(encode({"id": self.id, "type": "error", "payload": errors}))

    def _log(self) -> None:
        # Operations that the client stopped count as successful.
        self._record.status = OK
        log_request(self.scope, self._record)
