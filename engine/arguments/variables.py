"""The variables of an operation, and their coercion."""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any, TypeAlias

from graphql import (
    GraphQLInputType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.utilities.coerce_input_value import coerce_default_value

from engine.arguments.coercion import REQUIRED, Coerce, NotCoercible, coercion_to, copied
from engine.arguments.fast_resolvers import by_python_names
from engine.arguments.item_budget import MAX_ITEMS, ItemBudget, too_many_items
from engine.arguments.json_literals import CoercedVariables, json_of_literal, json_of_value
from engine.errors import LimitExceeded
from engine.long_work import must_pause, next_turn

__all__ = ["Variables"]

# The name of a variable, its coercion, and its default.
_Declared: TypeAlias = tuple[str, Coerce, Any]


class Variables:
    """The declared variables of an operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._declared: list[_Declared] = []
        self._types: dict[str, GraphQLInputType] = {}
        self._default_literals: dict[str, ValueNode] = {}
        for node in operation.variable_definitions or ():
            signature = get_variable_signature(schema, node)
            if not isinstance(signature, GraphQLVariableSignature):
                raise NotCoercible
            default = by_python_names(coerce_default_value(signature), signature.type)
            if default is Undefined and is_non_null_type(signature.type):
                default = REQUIRED
            self._types[signature.name] = signature.type
            if node.default_value is not None:
                self._default_literals[signature.name] = node.default_value
            self._declared.append((signature.name, coercion_to(signature.type), default))

    def coerce(self, values: Mapping[str, Any]) -> CoercedVariables:
        """Return the coerced values of the variables that have a value or a default.

        Raises NotCoercible, and LimitExceeded if the lists have too many items.
        """
        coerced = CoercedVariables(values, self._json_value)
        self._coerce_some(self._declared, values, coerced, max_items=MAX_ITEMS)
        return coerced

    async def coerce_in_turns(
        self, values: Mapping[str, Any], *, started_s: float
    ) -> CoercedVariables:
        """As `coerce`, in several turns of the event loop if it takes long.

        The operation started at this time of `time.perf_counter`.
        """
        coerced = CoercedVariables(values, self._json_value)
        left: float = MAX_ITEMS
        for declared in self._declared:
            if must_pause(started_s):
                await next_turn()
            left = self._coerce_some((declared,), values, coerced, max_items=left)
        return coerced

    def _coerce_some(
        self,
        declared: Iterable[_Declared],
        values: Mapping[str, Any],
        coerced: CoercedVariables,
        *,
        max_items: float,
    ) -> float:
        """Coerce some of the variables; return how many items the others may have."""
        ItemBudget.left = max_items
        try:
            for name, coerce, default in declared:
                if name in values:
                    coerced[name] = coerce(values[name])
                elif default is REQUIRED:
                    raise NotCoercible  # noqa: TRY301  # as `coerce` does
                elif default is not Undefined:
                    coerced[name] = copied(default)
            left = ItemBudget.left
        except (NotCoercible, LimitExceeded):
            raise
        except Exception as error:
            # A scalar can raise any exception.
            raise NotCoercible from error
        finally:
            ItemBudget.left = inf
        return left

    def by_python_names(
        self, coerced: Mapping[str, Any], values: Mapping[str, Any]
    ) -> CoercedVariables:
        """Return variables that graphql-core has coerced in the form that `coerce` returns."""
        renamed = {
            name: by_python_names(value, self._types[name]) for name, value in coerced.items()
        }
        return self.with_json_values(renamed, values)

    def with_json_values(
        self, coerced: Mapping[str, Any], values: Mapping[str, Any]
    ) -> CoercedVariables:
        """Return coerced variables together with the JSON values that the client sent."""
        variables = CoercedVariables(values, self._json_value)
        variables.update(coerced)
        return variables

    def _json_value(self, values: Mapping[str, Any], name: str) -> Any:
        if name not in self._types:
            return Undefined
        if name in values:
            return json_of_value(values[name], self._types[name])
        literal = self._default_literals.get(name)
        if literal is None:
            return Undefined
        return json_of_value(json_of_literal(literal), self._types[name])

    def check_items(self, values: Mapping[str, Any]) -> None:
        """Raise LimitExceeded if the lists of the variables have too many items."""
        found = [_items(values[name], kind) for name, kind in self._types.items() if name in values]
        if sum(found) > MAX_ITEMS:
            raise too_many_items()


def _items(value: Any, input_type: GraphQLInputType) -> int:
    """Return the number of items in all lists of a value, nested lists included."""
    nullable: Any = get_nullable_type(input_type)
    if is_list_type(nullable):
        if not isinstance(value, list):
            return _items(value, nullable.of_type)
        return len(value) + sum(_items(item, nullable.of_type) for item in value)
    if is_input_object_type(nullable) and isinstance(value, dict):
        fields = nullable.fields.items()
        return sum(_items(value[name], field.type) for name, field in fields if name in value)
    return 0
