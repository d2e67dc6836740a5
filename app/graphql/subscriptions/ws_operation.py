"""One operation on a WebSocket: a query, a mutation or a subscription, from begin to end."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack, aclosing

from graphql import OperationType
from starlette.types import Scope

from app.auth.concurrency_limit import ConcurrencyLimitReached
from app.graphql.connection_registry import ConnectionRegistry
from app.graphql.errors import Shown, codes_of, request_error, shown_fault
from app.graphql.operations import Operations, Refused, encode
from app.graphql.subscriptions.ws_messages import Subscribe
from app.http.problem import HttpProblem
from app.http.rate_limiting import rate_limit_key
from app.http.request_record import RequestRecord
from app.middleware.request_log import log_request
from engine.documents.documents import PreparedOperation
from models.columns import new_id
from resolvers.context import Context

__all__ = ["Operation"]

OK = 200


class Operation:
    """An operation with the id that its client gave it; in the log it is a request of its own."""

    def __init__(
        self,
        message: Subscribe,
        scope: Scope,
        *,
        tell: Callable[[str], Awaitable[None]],
        free: Callable[["Operation"], None],
    ) -> None:
        self.id = message.id
        self.task: asyncio.Task[None] | None = None
        self._request = message.request
        self._tell = tell
        self._free = free
        self._record = RequestRecord(new_id())
        self.scope = {**scope, "state": {**scope["state"], "record": self._record}}
        self._results: AsyncGenerator[str, None] | None = None
        # What it takes of its caller's share.
        self._has = ExitStack()

    async def begin(
        self, operations: Operations, context: Context, standing: ConnectionRegistry
    ) -> bool:
        """Make ready to run it; tell why where it cannot. A subscription stands from here on."""
        try:
            prepared = operations.prepare(self.scope, self._request)
            if prepared.kind is OperationType.SUBSCRIPTION:
                with ExitStack() as has:
                    asker = rate_limit_key(self.scope, context)
                    has.enter_context(standing.subscriptions.acquire(asker))
                    self._results = await operations.subscribe(
                        prepared, variables=self._request.variables, context=context
                    )
                    self._has = has.pop_all()
            else:
                self._results = self._result(operations, prepared, context)
        except Refused as refused:
            await self._refuse(refused.errors)
        except HttpProblem as problem:
            await self._refuse([request_error(problem.code, str(problem))])
        except ConcurrencyLimitReached as error:
            await self._refuse([request_error("RATE_LIMITED", str(error))])
        else:
            return True
        self._log()
        return False

    async def run(self) -> None:
        """Tell the results, each as it comes, and their end."""
        assert self._results is not None  # noqa: S101  # `begin` has said so
        start = f'{{"id":{encode(self.id)},"type":"next","payload":'
        try:
            async with aclosing(self._results) as results:
                async for result in results:
                    await self._tell(f"{start}{result}}}")
            self._free(self)
            await self._tell(encode({"id": self.id, "type": "complete"}))
        except Refused as refused:
            await self._refuse(refused.errors)
            return
        finally:
            self._log()

    def give_back(self) -> None:
        """Give back what it took, once: also where it was cancelled before it ran."""
        self._has.close()

    def cancel(self) -> None:
        """End it without a word: its client wants no more of it, and may want another."""
        self.give_back()
        if self.task is not None:
            self.task.cancel()

    async def refuse(self, code: str, message: str) -> None:
        """Tell that it is not begun."""
        await self._refuse([request_error(code, message)])
        self._log()

    async def fail(self, error: Exception) -> None:
        """Tell that a fault has kept it from beginning."""
        await self._refuse(shown_fault(error, request_id=self._record.request_id))
        self._log()

    async def _result(
        self, operations: Operations, prepared: PreparedOperation, context: Context
    ) -> AsyncGenerator[str, None]:
        try:
            content = await operations.run(
                prepared, variables=self._request.variables, context=context
            )
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001  # nothing of ours may reach the client
            raise Refused(shown_fault(error, request_id=context.request_id)) from None
        self._record.error_codes = codes_of(content.get("errors", ()))
        yield encode(content)

    async def _refuse(self, errors: list[Shown]) -> None:
        self._record.error_codes = codes_of(errors)
        self._free(self)
        await self._tell(encode({"id": self.id, "type": "error", "payload": errors}))

    def _log(self) -> None:
        # What its client has ended has ended well, too.
        self._record.status = OK
        log_request(self.scope, self._record)
