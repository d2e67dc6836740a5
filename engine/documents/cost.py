"""What an operation costs: how many objects it may make the server load.

A scalar is free, an object costs 1, and a page its size times what is selected of a
row, nested pages multiplied through. What has ``first`` is a page, and what has ``ids`` a
list as long as these. A field that costs more declares it. Page sizes may be variables,
so the cost is that of an operation with its variables. Of introspection each object
costs 1 too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)

from engine.documents.introspection import Introspection
from engine.documents.limits import INTROSPECTION_FIELDS
from engine.errors import LimitExceeded
from engine.sql.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

# The cost of a field, by "Type.field", where it is not what is derived.
CostTable = Mapping[str, int]

# The arguments that a cost depends on.
SIZE_ARGUMENTS = frozenset({"first", "last", "ids"})


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a part of an operation, and the path of what weighs most in it."""

    value: int = 0
    heaviest: tuple[str, ...] = ()


def check_cost(cost: Cost, limit: int) -> None:
    """Raise LimitExceeded where an operation costs too much."""
    if cost.value > limit:
        part = ".".join(cost.heaviest)
        raise LimitExceeded(
            f"The operation costs {cost.value}; at most {limit} is allowed. {part} weighs most:"
            " select less of it, or ask for smaller pages."
        )


def operation_cost(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
    declared: CostTable,
) -> Cost:
    """Return the cost of a valid operation; linear in the nodes of its document.

    Raises LimitExceeded where it introspects too much.
    """
    root_type = schema.get_root_type(operation.operation)
    weigher = _Weigher(schema, fragments, variables, declared)
    return weigher.selection_set(operation.selection_set, root_type)


class _Weigher:
    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
        declared: CostTable,
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables
        self._declared = declared
        self._introspection = Introspection(schema, fragments)
        # By fragment and the size of the page it is in.
        self._known: dict[tuple[str, int], Cost] = {}

    def selection_set(self, node: SelectionSetNode, parent: Any, *, page_size: int = 1) -> Cost:
        """Return the sum of the selections; ``page_size`` is that of the connection they are of."""
        total = 0
        heaviest = Cost()
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                cost = self._field(selection, parent, page_size)
            elif isinstance(selection, FragmentSpreadNode):
                cost = self._fragment(selection.name.value, page_size)
            else:
                cost = self._inline(selection, parent, page_size)
            total += cost.value
            if cost.value > heaviest.value:
                heaviest = cost
        return Cost(total, heaviest.heaviest)

    def _inline(self, node: Any, parent: Any, page_size: int) -> Cost:
        inline: InlineFragmentNode = node
        condition = inline.type_condition
        inner = self._schema.type_map[condition.name.value] if condition else parent
        return self.selection_set(inline.selection_set, inner, page_size=page_size)

    def _fragment(self, name: str, page_size: int) -> Cost:
        key = (name, page_size)
        cost = self._known.get(key)
        if cost is None:
            fragment = self._fragments[name]
            parent = self._schema.type_map[fragment.type_condition.name.value]
            cost = self.selection_set(fragment.selection_set, parent, page_size=page_size)
            self._known[key] = cost
        return cost

    def _field(self, node: FieldNode, parent: Any, page_size: int) -> Cost:
        name = node.name.value
        if name in INTROSPECTION_FIELDS:
            return Cost(self._introspection.count(node), (name,))
        if name == "__typename" or not isinstance(
            parent, (GraphQLObjectType, GraphQLInterfaceType)
        ):
            return Cost()
        field_type = get_named_type(parent.fields[name].type)
        declared = self._declared.get(f"{parent.name}.{name}")
        if is_leaf_type(field_type) or node.selection_set is None:
            return Cost(declared or 0, (name,))
        times = page_size if name in {"nodes", "edges"} else 1
        field = parent.fields[name]
        inner_size = 1
        if "first" in field.args:
            inner_size = self._page_size(node)
        elif "ids" in field.args:
            times = self._length(node, "ids")
        inner = self.selection_set(node.selection_set, field_type, page_size=inner_size)
        # An edge is no object of its own; its node is.
        own = declared if declared is not None else int(name != "edges")
        value = times * (own + inner.value)
        # The path goes on as long as one part makes most of the whole.
        deeper = inner.heaviest if inner.value * 2 > own + inner.value else ()
        return Cost(value, (name, *deeper))

    def _page_size(self, node: FieldNode) -> int:
        for name in ("first", "last"):
            size = self._value(node, name)
            if isinstance(size, int):
                return min(max(size, 0), MAX_PAGE_SIZE)
        return DEFAULT_PAGE_SIZE

    def _length(self, node: FieldNode, argument: str) -> int:
        items = self._value(node, argument)
        return len(items) if isinstance(items, (list, tuple)) else 1

    def _value(self, node: FieldNode, name: str) -> Any:
        """Return an argument's integer, or its list of whatever; None for all else."""
        value: ValueNode | None = next(
            (one.value for one in node.arguments or () if one.name.value == name), None
        )
        match value:
            case VariableNode():
                return self._variables.get(value.name.value)
            case IntValueNode():
                return int(value.value)
            case ListValueNode():
                return value.values
        return None
