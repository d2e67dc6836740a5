"""Cost of an operation: the number of objects that it can make the server load.

A scalar is free and an object costs 1. A page costs its size times the cost of a row, so nested
pages multiply. A field with the argument ``first`` is a page; a field with ``ids`` is a list with
as many items. A field that costs more declares its cost. Page sizes can be variables, so the
cost is that of an operation with its variables. Each object of introspection costs 1 too.

PostgreSQL tests the conditions of a filter for each row that it reads, so they cost something for
each time that the operation reads the filtered list: once for its rows, and once for each total.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInputType,
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
    get_nullable_type,
    is_leaf_type,
)
from graphql.execution import VariableValues
from graphql.utilities import coerce_input_literal

from engine.arguments.coercion import NotCoercible
from engine.arguments.literals import literal_of
from engine.documents.introspection import Introspection
from engine.documents.limits import INTROSPECTION_FIELDS
from engine.errors import LimitExceeded
from engine.sql.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

# Declared costs by "Type.field". A field without one has the derived cost.
CostTable = Mapping[str, int]

# Returns the cost of a filter for each time that its list is read. Raises LimitExceeded for a
# filter that PostgreSQL must not run.
FilterCost: TypeAlias = Callable[[Any], int]

# The arguments that the cost depends on.
SIZE_ARGUMENTS = frozenset({"first", "last", "ids"})
FILTER_ARGUMENT = "filter"
# Fields for which the rows of a list are counted.
TOTALS = frozenset({"totalCount", "totalCountIsEstimate"})


class _Filter:
    """The argument ``filter`` of a field."""

    def __init__(self, node: ValueNode, input_type: GraphQLInputType) -> None:
        self._node = node
        self._type = input_type

    def value(self, variables: Mapping[str, Any]) -> Any:
        """Return the filter with these variables; None if it is invalid or absent.

        The names of its fields are those of Python, or of GraphQL where graphql-core coerces it.
        """
        try:
            return self._literal(variables) or None
        except NotCoercible:
            return (
                coerce_input_literal(
                    self._node, self._type, VariableValues({}, cast("dict[str, Any]", variables))
                )
                or None
            )

    @cached_property
    def _literal(self) -> Callable[[Mapping[str, Any]], Any]:
        nullable: Any = get_nullable_type(self._type)
        return literal_of(self._node, nullable)


class Cost(NamedTuple):
    """The cost of a part of an operation, and the path to its most expensive field.

    ``filters`` are the filters of its lists, with the number of times that each list is read. Their
    cost depends on the variables of an execution; `with_filters` adds it.
    """

    value: int = 0
    most_expensive: tuple[str, ...] = ()
    filters: Mapping[_Filter, int] = MappingProxyType({})
    # The part of the value that the filters cost.
    of_filters: int = 0
    # How many totals the fields of a connection count.
    totals: int = 0


def with_filters(cost: Cost, variables: Mapping[str, Any], filter_cost: FilterCost) -> Cost:
    """Return a cost with that of its filters; raises LimitExceeded."""
    added = 0
    for argument, reads in cost.filters.items():
        value = argument.value(variables)
        if value:
            added += reads * filter_cost(value)
    return Cost(cost.value + added, cost.most_expensive, cost.filters, added) if added else cost


def check_cost(cost: Cost, limit: int) -> None:
    """Raise LimitExceeded if an operation costs too much."""
    if cost.value > limit:
        if cost.of_filters * 2 > cost.value:
            raise LimitExceeded(
                f"The operation costs {cost.value}; at most {limit} is allowed (MAX_COST). Its"
                f" filters cost {cost.of_filters}: each condition counts for each list, and again"
                " for each totalCount, that it filters. Use fewer conditions or fewer lists."
            )
        part = ".".join(cost.most_expensive)
        raise LimitExceeded(
            f"The operation costs {cost.value}; at most {limit} is allowed (MAX_COST). {part} costs"
            " the most: select fewer fields in it, or request smaller pages."
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
        # By variable, or by the id of the literal's node.
        self._filters: dict[str | int, _Filter] = {}

    def selection_set(self, node: SelectionSetNode, parent: Any, *, page_size: int = 1) -> Cost:
        """Return the sum of the selections of an object; ``page_size`` is that of a connection."""
        total = totals = 0
        most_expensive = Cost()
        filters: dict[_Filter, int] = {}
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                cost = self._field(selection, parent, page_size)
            elif isinstance(selection, FragmentSpreadNode):
                cost = self._fragment(selection.name.value, page_size)
            else:
                cost = self._inline(selection, parent, page_size)
            total += cost.value
            totals += cost.totals
            _add(filters, cost.filters)
            if cost.value > most_expensive.value:
                most_expensive = cost
        return Cost(total, most_expensive.most_expensive, filters, totals=totals)

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
            return Cost(declared or 0, (name,), totals=int(name in TOTALS))
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
        filters = dict(inner.filters)
        filter_argument = self._filter(node, field)
        if filter_argument is not None:
            _add(filters, {filter_argument: 1 + inner.totals})
        return Cost(
            count * each,
            (name, *deeper),
            {argument: count * reads for argument, reads in filters.items()},
        )

    def _filter(self, node: FieldNode, field: GraphQLField) -> _Filter | None:
        """Return the filter of a field. Fields with the same variable have the same filter."""
        declared = field.args.get(FILTER_ARGUMENT)
        value = _argument(node, FILTER_ARGUMENT) if declared else None
        if declared is None or value is None:
            return None
        key = value.name.value if isinstance(value, VariableNode) else id(value)
        if key not in self._filters:
            self._filters[key] = _Filter(value, declared.type)
        return self._filters[key]

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
        value = _argument(node, name)
        match value:
            case VariableNode():
                return self._variables.get(value.name.value)
            case IntValueNode():
                return int(value.value)
            case ListValueNode():
                return value.values
        return None


def _argument(node: FieldNode, name: str) -> ValueNode | None:
    for argument in node.arguments or ():
        if argument.name.value == name:
            return argument.value
    return None


def _add(filters: dict[_Filter, int], others: Mapping[_Filter, int]) -> None:
    for filter_argument, reads in others.items():
        filters[filter_argument] = filters.get(filter_argument, 0) + reads
