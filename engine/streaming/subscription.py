"""Subscriptions executed: an event is answered once for all who ask the same of it."""

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

from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLError,
    Node,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution import create_source_event_stream

from engine.documents.documents import PreparedOperation
from engine.execution.execution import build_executor, build_operation_context
from engine.execution.executor import ProjectingExecutor
from engine.streaming.subscriber import Event

__all__ = ["NoSource", "subscribe"]

T = TypeVar("T")
_Answer: TypeAlias = Callable[[Any], Coroutine[Any, Any, Any]]


class NoSource(Exception):
    """The field that was subscribed to gave no events but errors."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


async def subscribe(
    operation: PreparedOperation,
    *,
    variables: Mapping[str, Any],
    context: Any,
    max_cost: int,
    timeout_s: float,
    render: Callable[[ExecutionResult], T],
    shared_by: Hashable,
) -> AsyncGenerator[T, None]:
    """Start a subscription and return its answers, one for each event, rendered.

    Answers are shared by subscriptions of the same operation and variables whose
    ``shared_by`` is the same: who may see the same. Raises InvalidVariables,
    LimitExceeded and NoSource; the answers raise what the source raises.
    """
    operation_context, _ = build_operation_context(
        operation, variables=variables, context=context, max_cost=max_cost
    )
    executor = build_executor(operation_context)
    source: Any = create_source_event_stream(executor)
    if executor.is_awaitable(source):
        source = await source
    if isinstance(source, ExecutionResult):
        raise NoSource(source.errors or [])
    key = (operation, _own_variables(operation, executor), shared_by)

    async def answer(value: Any) -> T:
        return render(await _execute(executor, value, timeout_s))

    return _answers(source, answer, key)


async def _answers(
    source: AsyncIterable[Any], answer: _Answer, key: Hashable
) -> AsyncGenerator[Any, None]:
    _asking[key] += 1
    try:
        async with aclosing(cast("AsyncGenerator[Any, None]", aiter(source))) as events:
            async for event in events:
                yield await _shared_answer(event, answer, key)
    finally:
        _asking[key] -= 1
        if not _asking[key]:
            del _asking[key]


# How many ask the same, in this process.
_asking: Counter[Hashable] = Counter()


async def _shared_answer(event: Any, answer: _Answer, key: Hashable) -> Any:
    if not isinstance(event, Event):
        return await answer(event)
    if event.answers is None or _asking[key] == 1:
        return await answer(event.value)
    shared = event.answers.get(key)
    if shared is None:
        shared = event.answers[key] = _Shared(answer(event.value))
    return await shared.result()


class _Shared:
    """A result that several wait for; who leaves does not end it for the others.

    (`asyncio.shield` does the same for one, and cost a quarter of the whole.)
    """

    __slots__ = ("_task", "_waiting")

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._waiting: list[asyncio.Future[None]] = []
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(self._wake)

    async def result(self) -> Any:
        if not self._task.done():
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting
        return self._task.result()

    def _wake(self, task: asyncio.Task[Any]) -> None:
        # Nobody may be left who asks what went wrong.
        if not task.cancelled():
            task.exception()
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()


async def _execute(executor: ProjectingExecutor, value: Any, timeout_s: float) -> ExecutionResult:
    own = executor.build_per_event_executor(value)
    result: Any = own.execute_operation(serially=False)
    if not own.is_awaitable(result):
        return cast("ExecutionResult", result)
    try:
        async with asyncio.timeout(timeout_s):
            return cast("ExecutionResult", await result)
    except TimeoutError as error:
        return ExecutionResult(None, [GraphQLError("Time-out.", original_error=error)])


def _own_variables(operation: PreparedOperation, executor: ProjectingExecutor) -> str:
    """Return the variables that an answer depends on, with their values.

    Those that only the arguments of the field itself use choose its events and
    nothing else: with them, each of many that go on from a cursor would be alone.
    """
    finder = _VariableFinder()
    for part in _answering_parts(operation):
        visit(part, finder)
    values = executor.variable_values.coerced
    return repr([(name, values.get(name)) for name in sorted(finder.names)])


def _answering_parts(operation: PreparedOperation) -> list[Node]:
    parts: list[Node] = list(operation.document.fragments.values())
    for selection in operation.node.selection_set.selections:
        if not isinstance(selection, FieldNode):
            parts.append(selection)
            continue
        parts += selection.directives or ()
        if selection.selection_set is not None:
            parts.append(selection.selection_set)
    return parts


class _VariableFinder(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.names.add(node.name.value)
