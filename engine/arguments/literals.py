"""Literals of a document as functions from the variables to the value of the literal."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    ListValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
    is_scalar_type,
)
from graphql.utilities import coerce_input_literal
from graphql.utilities.coerce_input_value import coerce_default_value

from engine.arguments.coercion import REQUIRED, NotCoercible, copied, is_container
from engine.arguments.fast_resolvers import by_python_names, column_kind_of, python_name_of
from engine.arguments.json_literals import json_of_literal

__all__ = ["Literal", "literal_of"]

# Takes the coerced variables. Returns Undefined for a variable without a value.
Literal: TypeAlias = Callable[[Mapping[str, Any]], Any]


def literal_of(node: ValueNode, input_type: GraphQLInputType) -> Literal:
    """Return the function from the variables to the value of a literal.

    Raises NotCoercible if the literal is invalid, or if it is of a scalar other than JSON and
    contains variables.
    """
    varying: set[int] = set()
    _find_variables(node, varying)
    return _literal_of(node, input_type, varying)


def _literal_of(node: ValueNode, input_type: GraphQLInputType, varying: set[int]) -> Literal:
    """Return the function of a literal; ``varying`` are the ids of nodes that contain variables."""
    if isinstance(node, VariableNode):
        return _variable(node.name.value, is_non_null=is_non_null_type(input_type))
    if id(node) not in varying:
        value = coerce_input_literal(node, input_type)
        if value is Undefined:
            raise NotCoercible
        value = by_python_names(value, input_type)
        if is_container(value):
            return lambda _variables: copied(value)
        return lambda _variables: value
    nullable: Any = get_nullable_type(input_type)
    if is_list_type(nullable):
        return _list_literal(node, nullable.of_type, varying)
    if is_input_object_type(nullable) and isinstance(node, ObjectValueNode):
        return _object_literal(node, nullable, varying)
    if is_scalar_type(nullable) and column_kind_of(nullable) == "json":
        return partial(json_of_literal, node)
    raise NotCoercible


def _variable(name: str, *, is_non_null: bool) -> Literal:
    def value(variables: Mapping[str, Any]) -> Any:
        variable = variables.get(name, Undefined)
        if is_non_null and (variable is None or variable is Undefined):
            raise NotCoercible
        return variable

    return value


def _list_literal(node: ValueNode, item_type: GraphQLInputType, varying: set[int]) -> Literal:
    nodes = node.values if isinstance(node, ListValueNode) else (node,)
    items = [_literal_of(item, item_type, varying) for item in nodes]

    def value(variables: Mapping[str, Any]) -> list[Any]:
        values = [item(variables) for item in items]
        # In a list, a variable without a value is null.
        return [None if item is Undefined else item for item in values]

    return value


def _object_literal(
    node: ObjectValueNode, input_type: GraphQLInputObjectType, varying: set[int]
) -> Literal:
    nodes = {field.name.value: field.value for field in node.fields}
    if input_type.is_one_of or not nodes.keys() <= input_type.fields.keys():
        raise NotCoercible
    members: list[tuple[str, Literal, Any]] = []
    for name, field in input_type.fields.items():
        default = (
            REQUIRED
            if is_required_input_field(field)
            else by_python_names(coerce_default_value(field), field.type)
        )
        member_node = nodes.get(name)
        if member_node is None and default is Undefined:
            continue
        # The default replaces a variable without a value, so null is only rejected after that.
        literal = (
            _absent
            if member_node is None
            else _literal_of(member_node, get_nullable_type(field.type), varying)
        )
        members.append((python_name_of(field, name), literal, default))
    non_null = frozenset(
        python_name_of(field, name)
        for name, field in input_type.fields.items()
        if is_non_null_type(field.type)
    )

    def value(variables: Mapping[str, Any]) -> Any:
        coerced = {}
        for name, literal, default in members:
            member = literal(variables)
            if member is Undefined:
                member = copied(default)
            if member is REQUIRED or (member is None and name in non_null):
                raise NotCoercible
            if member is not Undefined:
                coerced[name] = member
        return input_type.out_type(coerced)

    return value


def _absent(_variables: Mapping[str, Any]) -> Any:
    return Undefined


def _find_variables(node: ValueNode, varying: set[int]) -> bool:
    """Return whether a literal contains variables; collect the ids of all its nodes that do."""
    children: Iterable[ValueNode] = ()
    if isinstance(node, ListValueNode):
        children = node.values
    elif isinstance(node, ObjectValueNode):
        children = [field.value for field in node.fields]
    has_variables = isinstance(node, VariableNode)
    for child in children:
        # The call precedes `or`, so that every child is searched.
        has_variables = _find_variables(child, varying) or has_variables
    if has_variables:
        varying.add(id(node))
    return has_variables
