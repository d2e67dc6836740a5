"""Number of objects that the introspection of an operation creates.

A few lines can request all types of the schema for each of its fields. Therefore
this module walks the selections in the way they will be executed, without scalars, up to a limit.
"""

import math
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SchemaMetaFieldDef,
    SelectionSetNode,
    StringValueNode,
    get_introspection_query,
    get_named_type,
    introspection_types,
    is_leaf_type,
    parse,
)

from engine.documents.limits import fragments_of
from engine.errors import LimitExceeded

__all__ = ["Introspection"]

# The limit, as a multiple of the standard introspection query, which requests all of the schema.
FULL_INTROSPECTIONS = 4


class Introspection:
    """Counter of the objects that the fields of one operation introspect."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        *,
        limit: float | None = None,
    ) -> None:
        # This object is the `info` of the introspection resolvers, which use only its schema.
        self.schema = schema
        self._fragments = fragments
        self._limit = limit
        self._count = 0

    def count(self, node: FieldNode) -> int:
        """Return the number of objects that a root field creates; raises LimitExceeded.

        Selections with ``@skip`` or ``@include`` are counted. If the name of a type is a
        variable, the selection is counted for all types.
        """
        if node.name.value == "__schema":
            return self._field(SchemaMetaFieldDef, node, [None])
        types = self.schema.type_map
        name = next(argument.value for argument in node.arguments or ())
        found: list[Any] = list(types.values())
        if isinstance(name, StringValueNode):
            found = [types[name.value]] if name.value in types else []
        return self._values(node, introspection_types["__Type"], found)

    def _field(self, field: GraphQLField, node: FieldNode, parents: Iterable[Any]) -> int:
        resolve: Any = field.resolve
        arguments = {"includeDeprecated": True} if "includeDeprecated" in field.args else {}
        values: list[Any] = []
        for parent in parents:
            value = resolve(parent, self, **arguments)
            if isinstance(value, Iterable):
                values += value
            elif value is not None:
                values.append(value)
        return self._values(node, get_named_type(field.type), values)

    def _values(self, node: FieldNode, object_type: Any, values: list[Any]) -> int:
        self._add(1 + len(values))
        if not values or node.selection_set is None:
            return 0
        return len(values) + self._selection_set(node.selection_set, object_type, values)

    def _selection_set(
        self, node: SelectionSetNode, object_type: GraphQLObjectType, values: list[Any]
    ) -> int:
        total = 0
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                field = object_type.fields.get(selection.name.value)
                if field is not None and not is_leaf_type(get_named_type(field.type)):
                    total += self._field(field, selection, values)
                continue
            self._add(1)
            inner: Any = selection
            if isinstance(selection, FragmentSpreadNode):
                inner = self._fragments[selection.name.value]
            total += self._selection_set(inner.selection_set, object_type, values)
        return total

    def _add(self, number: int) -> None:
        """Count objects or selections; counting selections bounds the walk itself."""
        if self._limit is None:
            self._limit = FULL_INTROSPECTIONS * _full_count(self.schema)
        self._count += number
        if self._count > self._limit:
            raise LimitExceeded(
                f"The operation introspects more than {self._limit} types, fields and values of"
                " the schema, which is a fixed limit. Split it into several operations."
            )


@cache
def _full_count(schema: GraphQLSchema) -> int:
    """Return the number of objects that the standard introspection query creates."""
    document = parse(get_introspection_query())
    operation = cast("OperationDefinitionNode", document.definitions[0])
    [field] = operation.selection_set.selections
    introspection = Introspection(schema, fragments_of(document), limit=math.inf)
    return introspection.count(cast("FieldNode", field))
