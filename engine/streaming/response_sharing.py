"""Which subscriptions may share their responses to an event."""

from typing import Any

from graphql import (
    FieldNode,
    GraphQLObjectType,
    Node,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    is_abstract_type,
    visit,
)

from engine.arguments.fast_resolvers import fast_resolver_of
from engine.documents.prepared import PreparedOperation
from engine.projection.context import OperationContext

__all__ = ["is_shareable", "response_variables"]

_KEY = "is-shareable"
_BYTES = 100


def is_shareable(context: OperationContext) -> bool:
    """Return whether a response depends only on the event, the caller and `response_variables`.

    An attribute and a fast resolver receive no more than these. Every other resolver, and the
    permission classes of a field, can read all variables of the operation. So can middleware.
    """
    found: bool | None = context.compile_cache.get(_KEY)
    if found is None:
        found = context.document.middleware is None and _has_only_fast_fields(context.operation)
        context.compile_cache.add(_KEY, found, size=_BYTES)
    return found


def response_variables(context: OperationContext) -> str:
    """Return the variables that a response depends on, with their values.

    Variables that are used only in the arguments of the subscription field choose its events and
    do not change a response. If they were included, subscriptions that resume at different
    cursors could not share responses.
    """
    finder = _VariableFinder()
    for part in _response_parts(context.operation):
        visit(part, finder)
    # It has functions that refer to the visitor.
    finder.enter_leave_map.clear()
    values = context.variables
    # A JSON literal contains the value that was sent for a variable, other literals its coerced
    # value.
    return repr(
        [(name, values.get(name), values.json_value(name)) for name in sorted(finder.names)]
    )


def _response_parts(operation: PreparedOperation) -> list[Node]:
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


def _has_only_fast_fields(operation: PreparedOperation) -> bool:
    """Return whether the engine may resolve every field but the subscription field."""
    document = operation.document
    types = TypeInfo(document.schema)
    finder = _SlowFieldFinder(types, operation)
    visitor = TypeInfoVisitor(types, finder)
    for node in (operation.node, *document.fragments.values()):
        visit(node, visitor)
    for each in (visitor, finder):
        # It has functions that refer to the visitor.
        each.enter_leave_map.clear()
    return not finder.has_found


class _SlowFieldFinder(Visitor):
    """Finds a field that only graphql-core may resolve, below the subscription field."""

    def __init__(self, types: TypeInfo, operation: PreparedOperation) -> None:
        super().__init__()
        self._types = types
        self._schema = operation.document.schema
        self._root = operation.node.selection_set.selections
        self.has_found = False

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        name = node.name.value
        if name == "__typename" or any(node is root for root in self._root):
            return
        parent: Any = self._types.get_parent_type()
        possible: list[GraphQLObjectType] = (
            list(self._schema.get_possible_types(parent)) if is_abstract_type(parent) else [parent]
        )
        fields = [object_type.fields.get(name) for object_type in possible]
        if any(field is None or fast_resolver_of(field) is None for field in fields):
            self.has_found = True
