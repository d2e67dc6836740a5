"""Plan of an operation: its root fields with their resolvers, compiled once.

graphql-core collects the fields, finds their resolvers and chooses how to complete each value
again for every execution. A plan stores the result of these steps. It covers the successful case.
Everything else (an error, an abstract type, a null in a non-null position) is left to
graphql-core's executor, which continues from the plan's `PartialResult` and never calls a root
field's resolver again.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    OperationType,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import is_awaitable

from engine.arguments.calls import FieldCall, NotCallable
from engine.errors import delete_tracebacks
from engine.long_work import must_pause, next_turn
from engine.projection.context import NotProjectable, OperationContext
from engine.projection.fallbacks import Fallback, FallbackReason, middleware_reason
from engine.projection.loading import load
from engine.projection.response_size import ResponseTooLarge
from engine.sql.queries import QUERIES

__all__ = ["PartialResult", "Plan", "get_plan"]

# Measured: the memory of a plan or of the fields of one selection set, and of one field.
_PLAN_BYTES = 1_000
_FIELD_BYTES = 300


@dataclass(slots=True)
class PartialResult:
    """Progress of the root fields of an operation, by response key.

    ``data`` has the completed values. ``unfinished`` has the values that resolvers returned, or
    the errors that they raised, for the executor to complete. The resolver of a field whose key
    is in neither has not been called. ``fallback`` is the reason why a field is unfinished.
    """

    data: dict[str, Any] = field(default_factory=dict)
    unfinished: dict[str, Any] = field(default_factory=dict)
    is_finished: bool = False
    fallback: Fallback | None = None


class _Unplanned(Fallback):
    """A value that graphql-core must complete."""


@dataclass(frozen=True, slots=True)
class _PlannedField:
    """A field of an object type; ``call`` is None for ``__typename``."""

    key: str
    call: FieldCall | None
    type: GraphQLOutputType
    details: FieldDetailsList


_PlannedFields: TypeAlias = Sequence[_PlannedField]


class Plan:
    """The root fields of an operation, in response order."""

    def __init__(self, fields: _PlannedFields, *, serially: bool) -> None:
        self._fields = fields
        self._serially = serially

    async def run(self, context: OperationContext) -> PartialResult:
        """Execute the root fields as far as the plan covers them."""
        result = PartialResult()
        fields = self._fields
        if self._serially or len(fields) == 1:
            for number, planned in enumerate(fields):
                if number and must_pause(context.started_s):
                    await next_turn()
                await _execute_root_field(context, planned, result)
                if planned.key not in result.data:
                    # The error of this field may prevent the next one from being executed.
                    break
        else:
            await _gather([_execute_in_turn(context, planned, result) for planned in fields])
        result.is_finished = len(result.data) == len(fields)
        if result.is_finished and len(fields) > 1:
            # Fields executed in parallel complete in any order.
            result.data = {planned.key: result.data[planned.key] for planned in fields}
        return result


def get_plan(context: OperationContext) -> Plan | Fallback:
    """Return the plan of an operation, or the reason why it has none; computed once."""
    plan: Plan | Fallback | None = context.compile_cache.get("plan")
    if plan is None:
        try:
            plan = _make_plan(context)
        except NotProjectable as fallback:
            # A copy without the traceback, whose frames would stay in memory with the document.
            plan = Fallback(fallback.reason, fallback.detail)
        context.compile_cache.add("plan", plan, size=_PLAN_BYTES)
    return plan


def _make_plan(context: OperationContext) -> Plan:
    document = context.document
    kind = context.operation.kind
    root_type = document.schema.get_root_type(kind)
    if root_type is None or kind is OperationType.SUBSCRIPTION:
        raise NotProjectable(FallbackReason.ERROR, kind.value)
    if not document.shortcuts:
        raise NotProjectable(FallbackReason.DISABLED)
    if document.middleware is not None:
        raise NotProjectable(middleware_reason(document.middleware))
    root_fields = context.root_fields(root_type)
    for details in root_fields.values():
        name = details[0].node.name.value
        if name in {"__schema", "__type"}:
            # Introspection fields are not fields of the root type.
            raise NotProjectable(FallbackReason.INTROSPECTION, name)
    fields = _plan_fields(context, root_type, root_fields)
    return Plan(fields, serially=kind is OperationType.MUTATION)


def _plan_fields(
    context: OperationContext, parent_type: GraphQLObjectType, fields: GroupedFieldSet
) -> _PlannedFields:
    planned = []
    for key, details in fields.items():
        name = details[0].node.name.value
        if name == "__typename":
            planned.append(_PlannedField(key, None, parent_type, details))
        else:
            call = context.field_call(parent_type, details)
            planned.append(_PlannedField(key, call, parent_type.fields[name].type, details))
    return planned


async def _gather(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Wait for all work; if one part fails, cancel the others."""
    tasks = [asyncio.ensure_future(part) for part in work]
    try:
        await asyncio.gather(*tasks)
    except ResponseTooLarge:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    finally:
        # The error refers to this frame. In a cycle with its task, the records would stay in
        # memory.
        tasks.clear()


async def _execute_in_turn(
    context: OperationContext, planned: _PlannedField, result: PartialResult
) -> None:
    if must_pause(context.started_s):
        await next_turn()
    await _execute_root_field(context, planned, result)


async def _execute_root_field(
    context: OperationContext, planned: _PlannedField, result: PartialResult
) -> None:
    """Resolve and complete a root field, and record its progress in the result.

    Afterwards exactly one of these is true: the field is complete and in ``result.data``; its
    resolver was called and its value or error is in ``result.unfinished``; or its arguments are
    invalid, its resolver was not called, and its key is in neither.
    """
    if planned.call is None:
        result.data[planned.key] = str(planned.type)
        return
    try:
        value = context.call(planned.call, None)
        if not isinstance(value, QUERIES) and is_awaitable(value):
            value = await value
    except NotCallable:
        result.fallback = Fallback(FallbackReason.ERROR, planned.key)
        return
    except Exception as error:  # noqa: BLE001  # the executor reports it with its path
        result.unfinished[planned.key] = error
        result.fallback = Fallback(FallbackReason.ERROR, planned.key)
        return
    try:
        completed = await _complete(context, planned.type, planned.details, value)
    except ResponseTooLarge:
        raise
    except Exception as error:  # noqa: BLE001  # as above
        result.unfinished[planned.key] = _value_to_complete(value, error)
        if isinstance(error, Fallback):
            # Its traceback and those of its causes refer to this frame, the latter through the
            # callers of their frames, and so to the result: they would be a cycle.
            delete_tracebacks(error)
            result.fallback = error
        else:
            result.fallback = Fallback(FallbackReason.ERROR, planned.key)
    else:
        result.data[planned.key] = completed


def _value_to_complete(value: Any, error: Exception) -> Any:
    """Return the value or error with which the executor completes an unfinished root field.

    A query that failed, for example in the database, is not run again: the executor reports its
    error. Otherwise the error occurred in a field below this one. The executor completes the value
    again and reports the error at the path of that field.
    """
    is_query_error = isinstance(value, QUERIES) and not isinstance(error, Fallback)
    return error if is_query_error else value


async def _complete(
    context: OperationContext,
    return_type: GraphQLOutputType,
    details: FieldDetailsList,
    value: Any,
) -> Any:
    """Return the completed value of a field (GraphQL specification, section 6.4.3)."""
    if isinstance(value, QUERIES):
        value = await load(context, return_type, details, value)
        if value is None and is_non_null_type(return_type):
            raise _unplanned(FallbackReason.ERROR, details)
        return value
    if is_non_null_type(return_type):
        if value is None:
            raise _unplanned(FallbackReason.ERROR, details)
        return_type = return_type.of_type
    elif value is None:
        return None
    if isinstance(value, Exception):
        # The executor reports it; a scalar that serializes any value would return it.
        raise _unplanned(FallbackReason.ERROR, details)
    if is_leaf_type(return_type):
        return Executor.complete_leaf_value(return_type, value)
    if is_list_type(return_type) and isinstance(value, list):
        return [await _complete(context, return_type.of_type, details, item) for item in value]
    if is_object_type(return_type):
        return await _complete_object(context, return_type, details, value)
    raise _unplanned(FallbackReason.TYPE, details)


def _unplanned(reason: FallbackReason, details: FieldDetailsList) -> _Unplanned:
    return _Unplanned(reason, details[0].node.name.value)


async def _complete_object(
    context: OperationContext,
    object_type: GraphQLObjectType,
    details: FieldDetailsList,
    value: Any,
) -> dict[str, Any]:
    info: Any = context.info
    if object_type.is_type_of and not object_type.is_type_of(value, info):
        raise _unplanned(FallbackReason.TYPE, details)
    completed = {}
    for planned in _subfields(context, object_type, details):
        if planned.call is None:
            completed[planned.key] = object_type.name
            continue
        resolved = context.call(planned.call, value)
        if is_awaitable(resolved):
            # The executor resolves the field again: it calls the resolver for a new awaitable, but
            # reads the same one from the attribute.
            if not planned.call.reads_attribute:
                _close(resolved)
            raise _unplanned(FallbackReason.RESOLVER, planned.details)
        completed[planned.key] = await _complete(context, planned.type, planned.details, resolved)
    return completed


def _subfields(
    context: OperationContext, object_type: GraphQLObjectType, details: FieldDetailsList
) -> _PlannedFields:
    """Return the planned fields of an object, computed once for each operation."""
    key = ("fields", object_type.name, *[id(detail.node) for detail in details])
    fields: _PlannedFields | None = context.compile_cache.get(key)
    if fields is None:
        subfields = context.subfields(object_type, details)
        fields = _plan_fields(context, object_type, subfields)
        context.compile_cache.add(key, fields, size=_PLAN_BYTES + _FIELD_BYTES * len(fields))
    return fields


def _close(awaitable: Awaitable[Any]) -> None:
    """Close a coroutine that is not awaited, so that Python does not warn about it."""
    close = getattr(awaitable, "close", None)
    if close is not None:
        close()
