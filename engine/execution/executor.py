"""graphql-core's executor, extended to complete the queries that resolvers return.

Arguments, nulls, errors, fragments, directives and the order of mutations are graphql-core's own.
The executor continues from the partial result of a plan.
"""

from asyncio import iscoroutine
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    is_list_type,
    is_non_null_type,
    is_object_type,
    located_error,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path

from engine.execution import fallback
from engine.execution.plan import PartialResult
from engine.long_work import must_pause, next_turn
from engine.projection.context import NotProjectable, OperationContext
from engine.projection.loading import load
from engine.sql.queries import QUERIES, Query

# Lists of introspection, which graphql-core completes without a pause: all of them can take 0.1 s.
_LONG_LISTS = frozenset({("__Schema", "types"), ("__Type", "fields")})


class _ResolveInfo(GraphQLResolveInfo[Any]):
    """Info of a field, with the attribute that Strawberry's executor adds."""

    @property
    def operation_extensions(self) -> dict[str, Any]:
        raise NotImplementedError(
            "info.input_extensions is not supported: the server reads the extensions of a"
            " request itself. Pass the value as a variable or in a header."
        )


async def _resolved(value: Any) -> Any:
    """Return the value of a resolver, or raise its error."""
    if not isinstance(value, Exception):
        return value
    try:
        raise value
    finally:
        # The traceback refers to this frame.
        del value


class ProjectingExecutor(Executor[Any]):
    """Executor of one operation, parts of which a plan may have executed already."""

    def __init__(
        self,
        *args: Any,
        operation_context: OperationContext,
        partial_result: PartialResult | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._operation_context = operation_context
        self._partial_result = partial_result

    def close(self) -> None:
        """End the reference cycle of an executor that has ended, so that it is freed at once."""
        del self.async_helpers

    def execute_field(  # noqa: D102  # as in the base class
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: Any,
    ) -> Any:
        partial = self._partial_result
        if partial is not None and path.prev is None:
            if path.key in partial.data:
                return partial.data[path.key]
            if path.key in partial.unfinished:
                # The traceback of an error refers to the partial result, which must not keep it.
                value = partial.unfinished.pop(path.key)
                return self._complete_unfinished(parent_type, field_details_list, path, value)
        return super().execute_field(
            parent_type, source, field_details_list, path, position_context
        )

    def _complete_unfinished(
        self, parent_type: GraphQLObjectType, details: FieldDetailsList, path: Path, value: Any
    ) -> Any:
        """Complete a root field with the value or the error of its resolver."""
        nodes = [detail.node for detail in details]
        field = parent_type.fields[nodes[0].name.value]
        info = self.build_resolve_info(field, nodes, parent_type, path)
        return self.complete_awaitable_value(
            field.type, details, info, path, _resolved(value), None
        )

    def handle_field_error(
        self,
        raw_error: Exception,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        path: Path,
    ) -> None:
        """Collect the error of a field, or raise it for the field above; as in the base class.

        The base class leaves the error in its frame, to which the traceback of the error refers.
        """
        nodes = [detail.node for detail in field_details_list]
        error = located_error(raw_error, nodes, path.as_list())
        try:
            if self.error_propagation and is_non_null_type(return_type):
                raise error
            self.collected_errors.add(error, path)
        finally:
            del error, raw_error

    async def complete_awaitable_value(  # noqa: PLR0917  # as in the base class
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete an awaitable value, in a later turn if thousands of them would fill this one."""
        if must_pause(self._operation_context.started_s):
            try:
                await next_turn()
            except BaseException:
                if iscoroutine(result):
                    result.close()
                raise
        return await super().complete_awaitable_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def build_per_event_executor(self, payload: Any) -> "ProjectingExecutor":
        """Return an executor for an event, with a cache of its own."""
        executor = cast("ProjectingExecutor", super().build_per_event_executor(payload))
        # The keys contain ids of objects of this event. graphql-core has one cache for all events,
        # which grows until the subscription ends.
        executor._relevant_sub_fields = {}  # noqa: SLF001  # its base class is this one's too
        return executor

    def build_resolve_info(  # noqa: D102  # as in the base class
        self,
        field_def: GraphQLField,
        field_nodes: list[FieldNode],
        parent_type: GraphQLObjectType,
        path: Path,
    ) -> GraphQLResolveInfo[Any]:
        info = super().build_resolve_info(field_def, field_nodes, parent_type, path)
        return _ResolveInfo(*info)

    def complete_value(  # noqa: D102, PLR0917  # as in the base class
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        if isinstance(result, QUERIES):
            return self._complete_query(
                return_type, field_details_list, info, path, result, position_context
            )
        if (
            isinstance(path.key, int)
            and is_object_type(return_type)
            and must_pause(self._operation_context.started_s)
        ):
            return self._complete_later(
                return_type, field_details_list, info, path, result, position_context
            )
        is_long = (info.parent_type.name, info.field_name) in _LONG_LISTS
        if is_long and is_list_type(return_type) and isinstance(result, Iterable):
            result = self._in_turns(result)
        return super().complete_value(
            return_type, field_details_list, info, path, result, position_context
        )

    async def _complete_later(self, *args: Any) -> Any:
        """Complete an object of a list in a later turn."""
        await next_turn()
        completed: Any = super().complete_value(*args)
        return await completed if self.is_awaitable(completed) else completed

    async def _in_turns(self, items: Iterable[Any]) -> AsyncIterator[Any]:
        """Yield the items of a list that takes long to complete."""
        context = self._operation_context
        for item in items:
            if must_pause(context.started_s):
                await next_turn()
            yield item

    async def _complete_query(  # noqa: PLR0917  # as complete_value
        self,
        return_type: GraphQLOutputType,
        details: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        query: Query,
        position_context: Any,
    ) -> Any:
        """Load a query by projection, or by the fallback if the selection is not projectable."""
        context = self._operation_context
        try:
            value = await load(context, return_type, details, query)
        except NotProjectable as fallback_cause:
            context.record_fallback(fallback_cause)
            completed = super().complete_value(
                return_type, details, info, path, await fallback.load(query), position_context
            )
            return await completed if self.is_awaitable(completed) else completed
        if value is None and is_non_null_type(return_type):
            # The same class and text as in graphql-core, which does not export them.
            message = (
                f"Cannot return null for non-nullable field {info.parent_type}.{info.field_name}."
            )
            raise TypeError(message)
        return value
