"""Execute a prepared operation with its plan, then with graphql-core's executor if necessary."""

import time
from collections.abc import Mapping
from typing import Any, cast

from graphql import (
    ExecutionResult,
    default_field_resolver,
    default_type_resolver,
)

from engine.arguments.coercion import NotCoercible
from engine.arguments.json_literals import CoercedVariables
from engine.database.memory_grants import OperationMemory, counting_memory
from engine.documents.cost import check_cost
from engine.documents.prepared import PreparedOperation
from engine.errors import delete_tracebacks
from engine.execution.executor import ProjectingExecutor
from engine.execution.plan import PartialResult, Plan, get_plan
from engine.long_work import must_pause, next_turn
from engine.projection.context import InvalidVariables, OperationContext
from engine.projection.response_size import NO_LIMIT, max_read_bytes

__all__ = ["InvalidVariables", "build_executor", "build_operation_context", "execute"]


async def execute(
    operation: PreparedOperation,
    *,
    variables: Mapping[str, Any],
    context: Any,
    max_cost: int,
    max_response_bytes: int = NO_LIMIT,
) -> tuple[ExecutionResult, int]:
    """Execute a query or mutation and return its result and cost.

    An error of a field is part of the result. Raises InvalidVariables and LimitExceeded before
    anything is executed, and ResponseTooLarge before a response is built that is much larger
    than ``max_response_bytes``, or while its rows are read. The data is ready for orjson:
    timestamps are datetimes or strings, JSON values are `orjson.Fragment`.
    """
    operation_context, cost = await build_operation_context(
        operation,
        variables=variables,
        context=context,
        max_cost=max_cost,
        max_response_bytes=max_response_bytes,
    )
    with counting_memory(max_read_bytes(max_response_bytes)) as memory:
        partial_result = None
        plan = get_plan(operation_context)
        if isinstance(plan, Plan):
            partial_result = await plan.run(operation_context)
            if partial_result.is_finished:
                return ExecutionResult(partial_result.data, None), cost
            fallback = partial_result.fallback
        else:
            fallback = plan
        if fallback is not None:
            operation_context.record_fallback(fallback)
        return await _run_executor(operation_context, partial_result, memory), cost


async def _run_executor(
    operation_context: OperationContext,
    partial_result: PartialResult | None,
    memory: OperationMemory | None,
) -> ExecutionResult:
    executor = build_executor(operation_context, partial_result)
    try:
        result: Any = executor.execute_operation()
        if executor.is_awaitable(result):
            result = await result
    finally:
        executor.close()
        if partial_result is not None:
            # Those of root fields that were not executed after an error.
            partial_result.unfinished.clear()
    operation_context.response_size.check(memory)
    operation_context.response_size.check_built(result.data)
    return cast("ExecutionResult", result)


async def build_operation_context(
    operation: PreparedOperation,
    *,
    variables: Mapping[str, Any],
    context: Any,
    max_cost: int,
    max_response_bytes: int = NO_LIMIT,
) -> tuple[OperationContext, int]:
    """Coerce the variables, check the cost, and return the operation's context and its cost.

    Raises InvalidVariables and LimitExceeded.
    """
    coerced: CoercedVariables | NotCoercible | None = None
    if len(variables) > 1 and operation.document.shortcuts:
        started_s = time.perf_counter()
        try:
            coerced = await operation.variables.coerce_in_turns(variables, started_s=started_s)
        except NotCoercible as error:
            delete_tracebacks(error)
            coerced = error
    operation_context = OperationContext(
        operation, variables, context, max_response_bytes=max_response_bytes, coerced=coerced
    )
    if must_pause(operation_context.started_s):
        await next_turn()
    cost = operation.cost(operation_context.variables)
    check_cost(cost, max_cost)
    if must_pause(operation_context.started_s):
        await next_turn()
    return operation_context, cost.value


def build_executor(
    operation_context: OperationContext, partial_result: PartialResult | None = None
) -> ProjectingExecutor:
    """Return graphql-core's executor for an operation, to continue from a partial result."""
    # `Executor.build` does the same but walks through the whole document again.
    document = operation_context.document
    return ProjectingExecutor(
        document.schema,
        document.fragments,
        document.fragment_details,
        None,
        operation_context.info.context,
        operation_context.operation.node,
        operation_context.variable_values(),
        default_field_resolver,
        default_type_resolver,
        default_field_resolver,
        middleware_manager=operation_context.middleware_manager(),
        operation_context=operation_context,
        partial_result=partial_result,
    )
