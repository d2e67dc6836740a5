"""Execution of subscriptions: one response to an event serves all equal subscriptions."""

import asyncio
from collections import Counter
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Coroutine,
    Hashable,
    Mapping,
)
from contextlib import aclosing
from typing import Any, TypeAlias, TypeVar, cast

from graphql import ExecutionResult, GraphQLError, GraphQLResolveInfoHelpers
from graphql.execution import create_source_event_stream

from engine.database.memory_grants import counting_memory
from engine.documents.prepared import PreparedOperation
from engine.execution.execution import build_executor, build_operation_context
from engine.execution.executor import ProjectingExecutor
from engine.projection.response_size import NO_LIMIT, ResponseTooLarge, max_read_bytes
from engine.streaming.response_sharing import is_shareable, response_variables
from engine.streaming.subscriber import Event

__all__ = ["NoSource", "subscribe"]

T = TypeVar("T")
_Respond: TypeAlias = Callable[[Any], Coroutine[Any, Any, Any]]


class NoSource(Exception):
    """The subscription field returned errors instead of an event stream."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


async def subscribe(
    operation: PreparedOperation,
    *,
    variables: Mapping[str, Any],
    context: Any,
    max_cost: int,
    max_response_bytes: int = NO_LIMIT,
    timeout_s: float,
    render: Callable[[ExecutionResult], T],
    shared_by: Hashable,
) -> AsyncGenerator[T, None]:
    """Start a subscription and return its rendered responses, one for each event.

    Subscriptions share a response if they have the same operation, variables and ``shared_by``,
    which must differ between callers that may see different data. They share none if a field
    may read more of the request than that (`is_shareable`). Raises InvalidVariables,
    LimitExceeded and NoSource. Exceptions of the source are raised by the returned generator.
    """
    # A subscription keeps its variables, and so must not have others than it declares.
    definitions = operation.node.variable_definitions or ()
    declared = {definition.variable.name.value for definition in definitions}
    operation_context, _ = await build_operation_context(
        operation,
        variables={name: value for name, value in variables.items() if name in declared},
        context=context,
        max_cost=max_cost,
        max_response_bytes=max_response_bytes,
    )
    executor = build_executor(operation_context)
    helpers = executor.async_helpers
    try:
        source: Any = create_source_event_stream(executor)
        if executor.is_awaitable(source):
            source = await source
    finally:
        executor.close()
    if isinstance(source, ExecutionResult):
        raise NoSource(source.errors or [])
    key: Hashable = None
    if is_shareable(operation_context):
        key = (operation, response_variables(operation_context), shared_by)

    size = operation_context.response_size

    async def respond(value: Any) -> T:
        size.reset()
        with counting_memory(max_bytes=max_read_bytes(max_response_bytes)) as memory:
            result = await _execute(executor, helpers, value, timeout_s)
        try:
            size.check(memory)
            size.check_built(result.data)
        except ResponseTooLarge as error:
            result = ExecutionResult(None, [GraphQLError(str(error), original_error=error)])
        return render(result)

    return _responses(source, respond, key)


async def _responses(
    source: AsyncIterable[Any], respond: _Respond, key: Hashable
) -> AsyncGenerator[Any, None]:
    """Respond to each event; subscriptions with the same key share responses, None shares none."""
    _active[key] += 1
    try:
        async with aclosing(cast("AsyncGenerator[Any, None]", aiter(source))) as events:
            async for event in events:
                yield await _shared_response(event, respond, key)
    finally:
        _active[key] -= 1
        if not _active[key]:
            del _active[key]


# The number of equal subscriptions in this process.
_active: Counter[Hashable] = Counter()


async def _shared_response(event: Any, respond: _Respond, key: Hashable) -> Any:
    if not isinstance(event, Event):
        return await respond(event)
    if key is None or event.responses is None or _active[key] == 1:
        return await respond(event.value)
    shared = event.responses.get(key)
    if shared is None:
        shared = event.responses[key] = _SharedResult(respond(event.value))
    return await shared.result()


class _SharedResult:
    """A result with several waiters, whose cancellation does not cancel the work.

    (`asyncio.shield` does the same for one waiter, and cost a quarter of the whole execution.)
    """

    __slots__ = ("_task", "_waiters")

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._waiters: list[asyncio.Future[None]] = []
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(self._wake)

    async def result(self) -> Any:
        if not self._task.done():
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        return self._task.result()

    def _wake(self, task: asyncio.Task[Any]) -> None:
        # Retrieve the exception, because asyncio logs it if all waiters were cancelled.
        if not task.cancelled():
            task.exception()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()


async def _execute(
    executor: ProjectingExecutor, helpers: GraphQLResolveInfoHelpers, value: Any, timeout_s: float
) -> ExecutionResult:
    event_executor = executor.build_per_event_executor(value)
    # The executor of the subscription is closed, to prevent a cycle of references.
    event_executor.async_helpers = helpers
    result: Any = event_executor.execute_operation(serially=False)
    if not event_executor.is_awaitable(result):
        return cast("ExecutionResult", result)
    try:
        async with asyncio.timeout(timeout_s):
            return cast("ExecutionResult", await result)
    except TimeoutError as error:
        return ExecutionResult(None, [GraphQLError("Timeout.", original_error=error)])
