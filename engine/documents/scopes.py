"""Scopes that an operation requires of its caller. The engine does not interpret their names."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)

# The scope of each "Type.field"; None if the field requires no scope.
ScopeTable = Mapping[str, str | None]


def operation_scopes(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    declared: ScopeTable,
) -> frozenset[str]:
    """Return the scopes that a valid operation requires, fields under @skip and @include included.

    ``declared`` also has the fields of interfaces.
    """
    collector = _Collector(schema, fragments, declared)
    collector.selection_set(operation.selection_set, schema.get_root_type(operation.operation))
    return frozenset(collector.required)


class _Collector:
    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        declared: ScopeTable,
    ) -> None:
        self.required: set[str] = set()
        self._schema = schema
        self._fragments = fragments
        self._declared = declared
        self._seen: set[str] = set()

    def selection_set(self, node: SelectionSetNode | None, parent: Any) -> None:
        for selection in node.selections if node else ():
            if isinstance(selection, FieldNode):
                self._field(selection, parent)
            elif isinstance(selection, FragmentSpreadNode):
                self._fragment(selection.name.value)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = self._schema.type_map[condition.name.value] if condition else parent
                self.selection_set(selection.selection_set, inner)

    def _fragment(self, name: str) -> None:
        if name not in self._seen:
            self._seen.add(name)
            fragment = self._fragments[name]
            self.selection_set(
                fragment.selection_set, self._schema.type_map[fragment.type_condition.name.value]
            )

    def _field(self, node: FieldNode, parent: Any) -> None:
        name = node.name.value
        if name.startswith("__"):
            return
        required = self._declared[f"{parent.name}.{name}"]
        if required is not None:
            self.required.add(required)
        self.selection_set(node.selection_set, get_named_type(parent.fields[name].type))
