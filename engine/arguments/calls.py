"""Fields as they are called: each with its resolver, and with what makes its arguments.

Worked out once for a document. Only a scalar with variables within its literal is
left to graphql-core each time.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from graphql import (
    GraphQLField,
    Undefined,
    get_nullable_type,
    is_non_null_type,
    is_required_argument,
)
from graphql.execution import VariableValues, get_argument_values
from graphql.execution.collect_fields import FieldDetails
from graphql.utilities.coerce_input_value import coerce_default_value

from engine.arguments.coercion import NotCoercible
from engine.arguments.literals import Literal, literal_of

__all__ = ["FieldCall", "NotCallable"]

_Resolve: TypeAlias = Callable[..., Any]


class NotCallable(Exception):
    """A field whose arguments do not fit; graphql-core says why."""


class FieldCall:
    """A field of a document, ready to be called."""

    def __init__(self, field: GraphQLField, details: FieldDetails) -> None:
        if field.resolve is None:
            raise NotCallable
        self._resolve: _Resolve = field.resolve
        self._field = field
        self._details = details
        # Each with its default, and whether null is refused.
        self._arguments: list[tuple[str, Literal, Any, bool]] = []
        self._defaults: dict[str, Any] = {}
        self._is_left_to_graphql_core = False
        try:
            self._read_arguments()
        except NotCoercible:
            self._is_left_to_graphql_core = True

    def __call__(
        self,
        parent: Any,
        info: Any,
        variables: Mapping[str, Any],
        sources: Callable[[], VariableValues],
    ) -> Any:
        """Call the resolver and return what it does; ``sources`` gives the variables in full.

        Raises NotCallable, or whatever the resolver raises.
        """
        if self._is_left_to_graphql_core:
            arguments = get_argument_values(self._field, self._details.node, sources())
        else:
            arguments = self._values(variables) if self._arguments else self._defaults
        return self._resolve(parent, info, **arguments)

    def _values(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        values = self._defaults.copy()
        for name, literal, default, is_non_null in self._arguments:
            try:
                value = literal(variables)
            except NotCoercible:
                raise NotCallable from None
            if value is Undefined:
                value = default
            if value is None and is_non_null:
                raise NotCallable
            if value is not Undefined:
                values[name] = value
        return values

    def _read_arguments(self) -> None:
        given = {node.name.value: node.value for node in self._details.node.arguments or ()}
        for name, argument in self._field.args.items():
            out_name = argument.out_name or name
            default = None if is_required_argument(argument) else coerce_default_value(argument)
            node = given.get(name)
            if node is None:
                if default is not Undefined:
                    self._defaults[out_name] = default
                continue
            is_non_null = is_non_null_type(argument.type)
            nullable: Any = get_nullable_type(argument.type)
            literal = literal_of(node, nullable)
            self._arguments.append((out_name, literal, default, is_non_null))
