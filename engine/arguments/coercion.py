"""Coercion of input values by functions that are made once for each type.

graphql-core inspects a type for each value. Here each type becomes a function, which returns
the same result as graphql-core for a valid value, and raises NotCoercible for any other. The
caller then lets graphql-core coerce the value again, to report the error.
"""

from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any, TypeAlias

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNamedInputType,
    Undefined,
    assert_leaf_type,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.utilities.coerce_input_value import coerce_default_value

from engine.arguments.fast_resolvers import by_python_names, python_name_of
from engine.arguments.item_budget import ItemBudget, too_many_items

__all__ = ["REQUIRED", "Coerce", "NotCoercible", "coercion_to", "copied", "is_container"]

Coerce: TypeAlias = Callable[[Any], Any]


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


def _non_null(coerce: Coerce) -> Coerce:
    def coerced(value: Any) -> Any:
        if value is None:
            raise NotCoercible
        return coerce(value)

    return coerced


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
        ItemBudget.left -= len(value)
        if ItemBudget.left < 0:
            raise too_many_items()
        return [coerce_item(item) for item in value]

    return coerced


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
