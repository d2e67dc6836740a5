"""JSON values of literals and variables, as clients sent them.

The value of a JSON scalar can be a literal that contains variables of any type: a `DateTime`, an
enumeration, an input object. Such a variable has the JSON value that a client would send for it,
and not the value of Python that it is coerced to.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    FloatValueNode,
    GraphQLInputType,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
)

from engine.exact_json import float_of, integer_of

__all__ = ["CoercedVariables", "json_of_literal", "json_of_value"]


_NUMBERS: Mapping[str, Callable[[str], float]] = {
    IntValueNode.kind: integer_of,
    FloatValueNode.kind: float_of,
}
# Built-in scalars that accept more than one form of a value.
_WITH_SEVERAL_FORMS = frozenset({"ID", "Int"})


class CoercedVariables(dict[str, Any]):
    """The coerced values of variables by name; they are added after the construction."""

    def __init__(
        self, sent: Mapping[str, Any], json_value: Callable[[Mapping[str, Any], str], Any]
    ) -> None:
        """Keep what the client sent; ``json_value`` returns the JSON value of a variable in it."""
        self._sent = sent
        self._json_value = json_value

    def json_value(self, name: str) -> Any:
        """Return the JSON value of a variable."""
        return self._json_value(self._sent, name)


def json_of_literal(node: ValueNode, variables: Mapping[str, Any] | None = None) -> Any:
    """Return the JSON value of a literal; Undefined for a variable without a value.

    An object omits a member with a variable without a value. In a list such a variable is null.
    """
    if isinstance(node, VariableNode):
        if isinstance(variables, CoercedVariables):
            return variables.json_value(node.name.value)
        return (variables or {}).get(node.name.value, Undefined)
    if isinstance(node, ListValueNode):
        items = [json_of_literal(item, variables) for item in node.values]
        return [None if item is Undefined else item for item in items]
    if isinstance(node, ObjectValueNode):
        members = {
            field.name.value: json_of_literal(field.value, variables) for field in node.fields
        }
        return {name: value for name, value in members.items() if value is not Undefined}
    if isinstance(node, NullValueNode):
        return None
    # Every other literal has a value; that of an enumeration is a name.
    value: Any = node.value  # type: ignore[attr-defined]
    parse_number = _NUMBERS.get(node.kind)
    return parse_number(value) if parse_number else value


def json_of_value(value: Any, input_type: GraphQLInputType) -> Any:
    """Return the JSON value of a valid value of a variable.

    It differs from the value where GraphQL accepts several forms: the integer 5 is the ID "5", the
    number 1.0 is the integer 1, and a single item is a list.
    """
    if value is None:
        return None
    nullable: Any = get_nullable_type(input_type)
    if is_list_type(nullable):
        items = value if isinstance(value, list) else [value]
        return [json_of_value(item, nullable.of_type) for item in items]
    if is_input_object_type(nullable):
        fields = nullable.fields
        return {name: json_of_value(item, fields[name].type) for name, item in value.items()}
    if nullable.name in _WITH_SEVERAL_FORMS:
        return nullable.coerce_input_value(value)
    return value
