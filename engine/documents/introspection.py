"""How much of the schema an operation asks for: the objects that introspection makes.

The schema is at hand, and a few lines can ask for all of its types in each of its fields.
So what is selected is walked as it will be executed, but for the scalars, and no
further than a bound.
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

# An operation may make so many times the objects that tools ask for, who want it all.
TIMES_THE_WHOLE = 4


class Introspection:
    """Counts what the fields of one operation introspect."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        *,
        most: float | None = None,
    ) -> None:
        # All that the resolvers of introspection ask of their `info`.
        self.schema = schema
        self._fragments = fragments
        self._most = most
        self._made = 0

    def count(self, node: FieldNode) -> int:
        """Return how many objects a field of the root makes; raises LimitExceeded.

        What ``@skip`` and ``@include`` may leave out is counted, and of a type whose name is
        a variable, whatever any type has.
        """
        if node.name.value == "__schema":
            return self._field(SchemaMetaFieldDef, node, [None])
        types = self.schema.type_map
        name = next(one.value for one in node.arguments or ())
        chosen = [types.get(name.value)] if isinstance(name, StringValueNode) else types.values()
        return self._values(node, introspection_types["__Type"], [one for one in chosen if one])

    def _field(self, field: GraphQLField, node: FieldNode, parents: Iterable[Any]) -> int:
        resolve: Any = field.resolve
        given = {"includeDeprecated": True} if "includeDeprecated" in field.args else {}
        values: list[Any] = []
        for parent in parents:
            value = resolve(parent, self, **given)
            if isinstance(value, Iterable):
                values += value
            elif value is not None:
                values.append(value)
        return self._values(node, get_named_type(field.type), values)

    def _values(self, node: FieldNode, object_type: Any, values: list[Any]) -> int:
        self._make(1 + len(values))
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
            self._make(1)
            inner: Any = selection
            if isinstance(selection, FragmentSpreadNode):
                inner = self._fragments[selection.name.value]
            total += self._selection_set(inner.selection_set, object_type, values)
        return total

    def _make(self, number: int) -> None:
        """Count objects, and selections, so that none is looked at for nothing."""
        if self._most is None:
            self._most = TIMES_THE_WHOLE * _whole(self.schema)
        self._made += number
        if self._made > self._most:
            raise LimitExceeded(
                f"The operation introspects more than {self._most} types, fields and values of"
                " the schema: select less of it at once."
            )


@cache
def _whole(schema: GraphQLSchema) -> int:
    """Return how many objects the introspection makes that tools ask for."""
    document = parse(get_introspection_query())
    operation = cast("OperationDefinitionNode", document.definitions[0])
    [field] = operation.selection_set.selections
    introspection = Introspection(schema, fragments_of(document), most=math.inf)
    return introspection.count(cast("FieldNode", field))
