"""Declared costs of fields that do more work than their result shows.

The engine derives all other costs (see `engine.documents.cost`): a scalar is free, an
object costs 1, and a page costs its size times the cost of one row. The cost of a filter is that
of testing a row, in units of about 50 ns: a total costs 20, and to count a row takes 1 µs.
"""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema

from engine.errors import LimitExceeded
from resolvers.tables import TICKETS
from resolvers.tickets.filters import MAX_CONDITIONS

CALL_TO_OPS = 50
COUNT = 20
WRITE = 10

_TOTALS = frozenset({"totalCount", "totalCountIsEstimate"})
_FIELDS = {
    "Query.opsStatus": CALL_TO_OPS,
    "Query.opsHealth": COUNT,
    "Query.ticketGroups": COUNT,
    "Mutation.sendToOps": CALL_TO_OPS,
    "Mutation.retryDelivery": CALL_TO_OPS,
}


def declared_costs(schema: GraphQLSchema) -> dict[str, int]:
    """Return the declared costs by schema coordinate ("Type.field")."""
    defaults = {
        f"{name}.{field}": WRITE if name == "Mutation" else COUNT
        for name, graphql_type in schema.type_map.items()
        if isinstance(graphql_type, GraphQLObjectType)
        for field in graphql_type.fields
        if name == "Mutation" or field in _TOTALS
    }
    return defaults | _FIELDS


# Of one condition, by its operator as in GraphQL and in Python; any other costs 1.
_OPERATORS = {
    "contains": 5,
    "containsIgnoreCase": 10,
    "contains_ignore_case": 10,
    "startsWith": 5,
    "starts_with": 5,
    "hasKey": 5,
    "has_key": 5,
}
_JSON_FIELDS = frozenset(name for name, column in TICKETS.columns.items() if column.is_json)
_LISTS = frozenset({"and", "or"})
_JSON_CONTAINS = 10
_JSON_VALUE = 2
_SEARCH = 10
_CHARACTERS_PER_UNIT = 2
_ITEMS_PER_UNIT = 10


class FilterCost:
    """Cost of a filter for each time that its list is read.

    PostgreSQL cannot cancel one comparison of JSON arrays, which takes as long as the product of
    their lengths. So the values of all JSON conditions of a filter are limited together.
    """

    def __init__(self, *, max_values: int) -> None:
        self._max_values = max_values

    def __call__(self, filter: Mapping[str, Any] | None) -> int:
        """Return the cost; raises LimitExceeded if it has too many conditions or JSON values."""
        cost = values = conditions = 0
        pending = [filter] if filter else []
        # It grows meanwhile.
        for part in pending:
            # An empty filter counts as a condition.
            conditions += len(part) or 1
            for name, value in part.items():
                if name == "search":
                    cost += _SEARCH + len(value or "") // _CHARACTERS_PER_UNIT
                elif name in _LISTS:
                    conditions -= 1
                    pending += value or ()
                elif name == "not":
                    conditions -= 1
                    pending += () if value is None else (value,)
                elif not isinstance(value, dict):
                    cost += 1
                else:
                    cost += _conditions_cost(value)
                    if name in _JSON_FIELDS and value.get("contains") is not None:
                        values += self._count(value["contains"], values)
                        cost += _JSON_CONTAINS
        if conditions > MAX_CONDITIONS:
            raise LimitExceeded(
                f"The filter has {conditions:,} conditions; at most {MAX_CONDITIONS:,} are allowed,"
                " which is a fixed limit. Use fewer, or a list of values."
            )
        return cost + values * _JSON_VALUE

    def _count(self, json: Any, count: int) -> int:
        """Return the number of values in a JSON value; raises LimitExceeded."""
        found = 0
        pending = [json]
        while pending:
            value = pending.pop()
            found += 1
            if isinstance(value, (list, dict)):
                # Before the values of a long list are visited.
                if count + found + len(value) > self._max_values:
                    raise LimitExceeded(
                        f"The JSON in the filter has at least {count + found + len(value)} values;"
                        f" at most {self._max_values} are allowed (MAX_FILTER_VALUES)."
                        " Search for fewer values."
                    )
                pending += value.values() if isinstance(value, dict) else value
        return found


def _conditions_cost(operators: Mapping[str, Any]) -> int:
    cost = 0
    for operator, operand in operators.items():
        cost += _OPERATORS.get(operator, 1)
        if isinstance(operand, list):
            cost += len(operand) // _ITEMS_PER_UNIT
    return cost
