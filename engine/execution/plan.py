"""An operation's plan: what of it is answered without walking through it again.

graphql-core finds out anew each time which fields there are, which resolvers they
have and how their values are completed. A plan knows. It goes as far as all goes
well; what does not (an error, an abstract type, a null where none may be) it leaves
as it is to graphql-core, which never resolves a root field a second time.
"""

import asyncio
from collections.abc import Awaitable, Sequence
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
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import is_awaitable

from engine.arguments.calls import FieldCall, NotCallable
from engine.projection.context import NotProjectable, OperationContext
from engine.projection.loading import load
from engine.sql.queries import QUERIES

__all__ = ["PartialResult", "Plan", "plan_of"]


@dataclass(slots=True)
class PartialResult:
    """How far the root fields of an operation have come, by their response keys.

    Of the ``unfinished`` there is what their resolvers returned or raised. One that is
    in neither has not been resolved.
    """

    data: dict[str, Any] = field(default_factory=dict)
    unfinished: dict[str, Any] = field(default_factory=dict)
    is_finished: bool = False


class _Unplanned(Exception):
    """A value that graphql-core must complete."""


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of an object type; without a call it is ``__typename``."""

    key: str
    call: FieldCall | None
    type: GraphQLOutputType
    details: FieldDetailsList


_Fields: TypeAlias = Sequence[_Field]


class Plan:
    """The root fields of an operation, in their order."""

    def __init__(self, fields: _Fields, *, serially: bool) -> None:
        self._fields = fields
        self._serially = serially

    async def run(self, selection: OperationContext) -> PartialResult:
        """Resolve the fields and complete those that can be."""
        begun = PartialResult()
        if self._serially or len(self._fields) == 1:
            for one in self._fields:
                await _answer(selection, one, begun)
                if one.key not in begun.data:
                    # An error may keep the next one from being begun.
                    break
        else:
            await asyncio.gather(*(_answer(selection, one, begun) for one in self._fields))
        begun.is_finished = len(begun.data) == len(self._fields)
        if begun.is_finished and len(self._fields) > 1:
            # They may have come in any order.
            begun.data = {one.key: begun.data[one.key] for one in self._fields}
        return begun


def plan_of(selection: OperationContext) -> Plan | None:
    """Return the plan of an operation, made once; None where it has none."""
    if "plan" not in selection.shapes:
        selection.shapes["plan"] = _plan(selection)
    plan: Plan | None = selection.shapes["plan"]
    return plan


def _plan(selection: OperationContext) -> Plan | None:
    kind = selection.operation.kind
    root_type = selection.document.schema.get_root_type(kind)
    if root_type is None or kind is OperationType.SUBSCRIPTION:
        return None
    try:
        found = selection.root_fields(root_type)
        # Introspection is the schema's own.
        if any(details[0].node.name.value in {"__schema", "__type"} for details in found.values()):
            return None
        fields = [_field(selection, root_type, key, details) for key, details in found.items()]
    except NotProjectable:
        return None
    return Plan(fields, serially=kind is OperationType.MUTATION)


def _field(
    selection: OperationContext, parent_type: GraphQLObjectType, key: str, details: FieldDetailsList
) -> _Field:
    name = details[0].node.name.value
    if name == "__typename":
        return _Field(key, None, parent_type, details)
    call = selection.field_call(parent_type, details)
    return _Field(key, call, parent_type.fields[name].type, details)


async def _answer(selection: OperationContext, one: _Field, begun: PartialResult) -> None:
    if one.call is None:
        begun.data[one.key] = str(one.type)
        return
    try:
        value = selection.call(one.call, None)
        if not isinstance(value, QUERIES) and is_awaitable(value):
            value = await value
    except NotCallable:
        return
    except Exception as error:  # noqa: BLE001  # graphql-core says where it happened
        begun.unfinished[one.key] = error
        return
    try:
        begun.data[one.key] = await _complete(selection, one.type, one.details, value)
    except Exception as error:  # noqa: BLE001  # as above; what failed deeper down is done again
        is_here = isinstance(value, QUERIES) and not isinstance(error, (_Unplanned, NotProjectable))
        begun.unfinished[one.key] = error if is_here else value


async def _complete(
    selection: OperationContext,
    return_type: GraphQLOutputType,
    details: FieldDetailsList,
    value: Any,
) -> Any:
    """Return the answer of a field with this value (GraphQL, section 6.4.3)."""
    if isinstance(value, QUERIES):
        value = await load(selection, return_type, details, value)
        if value is None and is_non_null_type(return_type):
            raise _Unplanned
        return value
    if is_non_null_type(return_type):
        if value is None:
            raise _Unplanned
        return_type = return_type.of_type
    elif value is None:
        return None
    if is_leaf_type(return_type):
        return Executor.complete_leaf_value(return_type, value)
    if is_list_type(return_type) and isinstance(value, list):
        return [await _complete(selection, return_type.of_type, details, item) for item in value]
    if is_object_type(return_type):
        return await _complete_object(selection, return_type, details, value)
    raise _Unplanned


async def _complete_object(
    selection: OperationContext,
    object_type: GraphQLObjectType,
    details: FieldDetailsList,
    value: Any,
) -> dict[str, Any]:
    info: Any = selection.info
    if object_type.is_type_of and not object_type.is_type_of(value, info):
        raise _Unplanned
    answer = {}
    for one in _fields_of(selection, object_type, details):
        if one.call is None:
            answer[one.key] = object_type.name
            continue
        inner = selection.call(one.call, value)
        if is_awaitable(inner):
            _forget(inner)
            raise _Unplanned
        answer[one.key] = await _complete(selection, one.type, one.details, inner)
    return answer


def _fields_of(
    selection: OperationContext, object_type: GraphQLObjectType, details: FieldDetailsList
) -> _Fields:
    key = ("fields", object_type.name, *[id(detail.node) for detail in details])
    fields: _Fields | None = selection.shapes.get(key)
    if fields is None:
        found = selection.subfields(object_type, details)
        fields = selection.shapes[key] = [
            _field(selection, object_type, name, inner) for name, inner in found.items()
        ]
    return fields


def _forget(awaitable: Awaitable[Any]) -> None:
    close = getattr(awaitable, "close", None)
    if close is not None:
        close()
