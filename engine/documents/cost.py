"""Cost of an operation: the number of objects that it can make the server load.

A scalar is free and an object costs 1. A page costs its size times the cost of a row, so nested
pages multiply. A field with the argument ``first`` is a page; a field with ``ids`` is a list with
as many items. A field that costs more declares its cost. Page sizes can be variables, so the
cost depends on the variables of the operation. Each object of introspection costs 1 too.
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

# Declared costs by "Type.field". A field without one has the derived cost.
CostTable = Mapping[str, int]

# The arguments that the cost depends on.
SIZE_ARGUMENTS = frozenset({"first", "last", "ids"})


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a part of an operation, and the path to its most expensive field."""

    value: int = 0
    most_expensive: tuple[str, ...] = ()


def check_cost(cost: Cost, limit: int) -> None:
    """Raise LimitExceeded if an operation costs too much."""
    if cost.value > limit:
        part = ".".join(cost.most_expensive)
        raise LimitExceeded(
            f"The operation costs {cost.value}; at most {limit} is allowed. {part} costs the most:"
            " select fewer fields in it, or request smaller pages."
        )


def operation_cost(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
    declared: CostTable,
) -> Cost:
    """Return the cost of a valid operation; linear in the nodes of its document.

    Raises LimitExceeded if it introspects too much.
    """
    root_type = schema.get_root_type(operation.operation)
    calculator = _CostCalculator(schema, fragments, variables, declared)
    return calculator.selection_set(operation.selection_set, root_type)


class _CostCalculator:
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
        # By fragment and the size of the page that it is spread in.
        self._fragment_costs: dict[tuple[str, int], Cost] = {}

    def selection_set(self, node: SelectionSetNode, parent: Any, *, page_size: int = 1) -> Cost:
        """Return the cost of an object's selections; ``page_size`` is 1 except in a connection."""
        total = 0
        most_expensive = Cost()
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                cost = self._field(selection, parent, page_size)
            elif isinstance(selection, FragmentSpreadNode):
                cost = self._fragment(selection.name.value, page_size)
            else:
                cost = self._inline(selection, parent, page_size)
            total += cost.value
            if cost.value > most_expensive.value:
                most_expensive = cost
        return Cost(total, most_expensive.most_expensive)

    def _inline(self, node: Any, parent: Any, page_size: int) -> Cost:
        inline: InlineFragmentNode = node
        condition = inline.type_condition
        inner = self._schema.type_map[condition.name.value] if condition else parent
        return self.selection_set(inline.selection_set, inner, page_size=page_size)

    def _fragment(self, name: str, page_size: int) -> Cost:
        key = (name, page_size)
        cost = self._fragment_costs.get(key)
        if cost is None:
            fragment = self._fragments[name]
            parent = self._schema.type_map[fragment.type_condition.name.value]
            cost = self.selection_set(fragment.selection_set, parent, page_size=page_size)
            self._fragment_costs[key] = cost
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
        count = page_size if name in {"nodes", "edges"} else 1
        field = parent.fields[name]
        inner_size = 1
        if "first" in field.args:
            inner_size = self._page_size(node)
        elif "ids" in field.args:
            count = self._length(node, "ids")
        inner = self.selection_set(node.selection_set, field_type, page_size=inner_size)
        # An edge is free, because its node is counted.
        own = declared if declared is not None else int(name != "edges")
        each = own + inner.value
        # The path ends where no single part makes up most of the cost.
        deeper = inner.most_expensive if inner.value * 2 > each else ()
        return Cost(count * each, (name, *deeper))

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
        """Return the value of an argument if it is an integer, a list or a variable; else None."""
        value: ValueNode | None = next(
            (argument.value for argument in node.arguments or () if argument.name.value == name),
            None,
        )
        match value:
            case VariableNode():
                return self._variables.get(value.name.value)
            case IntValueNode():
                return int(value.value)
            case ListValueNode():
                return value.values
        return None
