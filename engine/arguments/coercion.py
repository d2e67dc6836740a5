"""Coercion of input values by functions that are made once for each type.

graphql-core inspects a type for each value. Here each type becomes a function, which returns
the same result as graphql-core for a valid value, and raises NotCoercible for any other. The
caller then lets graphql-core coerce the value again, to report the error.
"""

from collections.abc import Callable, Mapping
from functools import cache, cached_property, partial
from math import inf
from typing import Any, TypeAlias

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNamedInputType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    assert_leaf_type,
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.utilities.coerce_input_value import coerce_default_value

from engine.arguments.fast_resolvers import by_python_names, python_name_of
from engine.arguments.json_literals import CoercedVariables, json_of_literal, json_of_value
from engine.errors import LimitExceeded

__all__ = ["REQUIRED", "NotCoercible", "Variables", "coercion_to", "copied", "is_container"]

Coerce: TypeAlias = Callable[[Any], Any]

# Items in all lists of one operation's variables, nested lists included. Lists in the value of a
# scalar do not count.
MAX_ITEMS = 10_000


class NotCoercible(Exception):
    """A value is invalid for its type."""


def coercion_to(input_type: GraphQLInputType) -> Coerce:
    """Return the function that coerces values to a type."""
    if is_non_null_type(input_type):
        return _non_null(coercion_to(input_type.of_type))
    if is_list_type(input_type):
        return _list(coercion_to(input_type.of_type))
    return _coercion_to_named(get_named_type(input_type))


# Used in place of a default to mark a required input.
REQUIRED = object()


def is_container(value: Any) -> bool:
    """Return whether a value is a list or a dictionary, which `copied` copies."""
    return isinstance(value, (list, dict))


def copied(value: Any) -> Any:
    """Return a copy of the lists and dictionaries in a value, and any other value unchanged.

    Requests share defaults and literals, and a resolver may change its arguments.
    """
    if isinstance(value, list):
        return [copied(item) for item in value]
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return value


class Variables:
    """The declared variables of an operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._declared: list[tuple[str, Coerce, Any]] = []
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
        _ItemBudget.left = MAX_ITEMS
        try:
            return self.with_json_values(self._coerce(values), values)
        except (NotCoercible, LimitExceeded):
            raise
        except Exception as error:
            # A scalar can raise any exception.
            raise NotCoercible from error
        finally:
            _ItemBudget.left = inf

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
        return CoercedVariables(coerced, partial(self._json_value, values))

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
            raise _too_many_items()

    def _coerce(self, values: Mapping[str, Any]) -> dict[str, Any]:
        coerced = {}
        for name, coerce, default in self._declared:
            if name in values:
                coerced[name] = coerce(values[name])
            elif default is REQUIRED:
                raise NotCoercible
            elif default is not Undefined:
                coerced[name] = copied(default)
        return coerced


def _non_null(coerce: Coerce) -> Coerce:
    def coerced(value: Any) -> Any:
        if value is None:
            raise NotCoercible
        return coerce(value)

    return coerced


class _ItemBudget:
    """Number of list items still allowed in the variables that are being coerced.

    It can be global, because coercion never awaits. `Variables.coerce` sets it; it is infinite
    for everything else.
    """

    left: float = inf


def _list(coerce_item: Coerce) -> Coerce:
    """Return the coercion to a list.

    Null is null, and any other value that is not a list is a list of one item (GraphQL, section
    3.11). The items of a list are subtracted from the budget before any is coerced.
    """

    def coerced(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, list):
            return [coerce_item(value)]
        _ItemBudget.left -= len(value)
        if _ItemBudget.left < 0:
            raise _too_many_items()
        return [coerce_item(item) for item in value]

    return coerced


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


def _too_many_items() -> LimitExceeded:
    return LimitExceeded(
        f"The lists in the variables have more than {MAX_ITEMS} items in all, which is a fixed"
        " limit. Send them in several operations."
    )


@cache
def _coercion_to_named(input_type: GraphQLNamedInputType) -> Coerce:
    if is_input_object_type(input_type):
        return _InputObject(input_type)
    parse: Coerce = assert_leaf_type(input_type).coerce_input_value
    if is_enum_type(input_type):
        return _enum({name: parse(name) for name in input_type.values})

    def coerced(value: Any) -> Any:
        if value is None:
            return None
        result = parse(value)
        if result is Undefined:
            raise NotCoercible
        return result

    return coerced


def _enum(members: Mapping[str, Any]) -> Coerce:
    def coerced(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, str) or value not in members:
            raise NotCoercible
        return members[value]

    return coerced


class _InputObject:
    """Coercion to an input object. Its fields are prepared at the first use."""

    def __init__(self, input_type: GraphQLInputObjectType) -> None:
        self._type = input_type

    @cached_property
    def _fields(self) -> list[tuple[str, str, Coerce, Any, bool]]:
        # Not in `__init__`, because an input type can refer to itself.
        fields = []
        for name, field in self._type.fields.items():
            default = (
                REQUIRED
                if is_required_input_field(field)
                else by_python_names(coerce_default_value(field), field.type)
            )
            coerce = coercion_to(field.type)
            python_name = python_name_of(field, name)
            fields.append((name, python_name, coerce, default, is_container(default)))
        return fields

    @cached_property
    def _single(self) -> dict[str, tuple[str, Coerce]]:
        """The fields by name if an object may have none or just one of them; else empty.

        Most filters have one field of many, and a request can have thousands of filters.
        """
        if any(default is not Undefined for *_, default, _ in self._fields):
            return {}
        return {name: (python_name, coerce) for name, python_name, coerce, *_ in self._fields}

    def _coerce_single(self, value: dict[str, Any]) -> dict[str, Any]:
        for name, item in value.items():
            if name not in self._single:
                raise NotCoercible
            out_name, coerce = self._single[name]
            return {out_name: coerce(item)}
        return {}

    def __call__(self, value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict) or self._type.is_one_of:
            raise NotCoercible
        if len(value) <= 1 and self._single:
            return self._type.out_type(self._coerce_single(value))
        coerced = {}
        unknown_count = len(value)
        for name, out_name, coerce, default, is_copied in self._fields:
            if name in value:
                unknown_count -= 1
                coerced[out_name] = coerce(value[name])
            elif default is REQUIRED:
                raise NotCoercible
            elif default is not Undefined:
                coerced[out_name] = copied(default) if is_copied else default
        if unknown_count:
            raise NotCoercible
        return self._type.out_type(coerced)
