"""graphql-core's executor, which completes a query value by projecting the selection under it.

Everything else - arguments, nulls, errors, fragments, directives, mutations in
their order - is graphql-core's own.
"""

from typing import Any, cast

from graphql import (
    GraphQLError,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    get_named_type,
    is_non_null_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import (
    FieldDetailsList,
    GroupedFieldSet,
    collect_subfields,
)
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path

from engine import plain
from engine.documents import Document
from engine.loading import load_by_keys, load_pages, load_rows
from engine.projection import NotProjectable, Row
from engine.queries import Nodes, One, Page, Query


class ProjectingExecutor(Executor[Any]):
    """An executor of one operation, and the `Selector` of what is projected in it."""

    def __init__(self, *args: Any, prepared: Document, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shapes = prepared.shapes_for(self.variable_values.coerced)

    def complete_value(  # noqa: D102, PLR0917  # as in the base class
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        if isinstance(result, (One, Page, Nodes)):
            return self._complete_query(
                return_type, field_details_list, info, path, result, position_context
            )
        return super().complete_value(
            return_type, field_details_list, info, path, result, position_context
        )

    async def _complete_query(  # noqa: PLR0917  # as complete_value
        self,
        return_type: GraphQLOutputType,
        details: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        query: Query,
        position_context: Any,
    ) -> Any:
        try:
            value = await self._project(return_type, details, query)
        except NotProjectable:
            completed = super().complete_value(
                return_type, details, info, path, await plain.load(query), position_context
            )
            return await completed if self.is_awaitable(completed) else completed
        if value is None and is_non_null_type(return_type):
            # The words of graphql-core, which has no name for this failure.
            message = (
                f"Cannot return null for non-nullable field {info.parent_type}.{info.field_name}."
            )
            raise TypeError(message)
        return value

    async def _project(
        self, return_type: GraphQLOutputType, details: FieldDetailsList, query: Query
    ) -> Any:
        if isinstance(query, Nodes):
            return await self._project_nodes(query, details)
        object_type = cast("GraphQLObjectType", get_named_type(return_type))
        if isinstance(query, Page):
            return (await load_pages(self, query, object_type, details))[0]
        if object_type.name != query.table.type_name:
            raise NotProjectable
        return (await load_rows(self, query, object_type, details))[0]

    async def _project_nodes(self, query: Nodes, details: FieldDetailsList) -> Any:
        kinds = await plain.find_kinds(query)
        rows: dict[str, Row] = {}
        for table in dict.fromkeys(kinds.values()):
            object_type = cast("GraphQLObjectType", self.schema.type_map[table.type_name])
            keys = [key for key, kind in kinds.items() if kind is table]
            rows |= await load_by_keys(self, table, keys, object_type, details)
        found = [rows.get(key) for key in query.keys]
        return found[0] if query.single else found

    def subfields(
        self, object_type: GraphQLObjectType, details: FieldDetailsList
    ) -> GroupedFieldSet:
        """Return the fields selected under a field, by response key."""
        try:
            return collect_subfields(
                self.schema,
                self.fragments,
                self.variable_values,
                self.operation,
                object_type,
                details,
                self.hide_suggestions,
            ).grouped_field_set
        except GraphQLError as error:
            # @skip or @include with null; plain execution raises it in its place.
            raise NotProjectable from error

    def resolve(
        self, parent_type: GraphQLObjectType, details: FieldDetailsList, parent: Any
    ) -> Any:
        """Call a nested field's resolver; whatever it raises is raised again by plain execution."""
        node = details[0].node
        field = parent_type.fields[node.name.value]
        if field.resolve is None:
            raise NotProjectable
        # The path of a field that stands for many is none of theirs; no resolver asks for it.
        path = Path(None, node.name.value, parent_type.name)
        info = self.build_resolve_info(
            field, [detail.node for detail in details], parent_type, path
        )
        try:
            arguments = get_argument_values(
                field,
                node,
                self.variable_values,
                details[0].fragment_variable_values,
                self.hide_suggestions,
            )
            return field.resolve(parent, info, **arguments)
        except NotProjectable:
            raise
        except Exception as error:
            raise NotProjectable from error
