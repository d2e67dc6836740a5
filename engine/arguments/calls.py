"""Calls of fast resolvers, with their arguments prepared once for a document.

graphql-core coerces the arguments at each call in two cases: a literal of a custom scalar other
than JSON contains variables, or generated coercion is switched off.
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

from engine.arguments.coercion import NotCoercible, copied, is_container
from engine.arguments.fast_resolvers import by_python_names, fast_resolver_of, python_name_of
from engine.arguments.literals import Literal, literal_of

__all__ = ["FieldCall", "NoFastResolver", "NotCallable"]

# Measured: the memory of a call, and of one token of its arguments.
_CALL_BYTES = 2_000
_TOKEN_BYTES = 400

_Resolve: TypeAlias = Callable[..., Any]


class NotCallable(Exception):
    """The arguments of a field are not valid; graphql-core reports the error."""


class NoFastResolver(Exception):
    """Only graphql-core may resolve the field."""


class FieldCall:
    """A field of a document with prepared arguments; raises NoFastResolver."""

    def __init__(
        self, field: GraphQLField, details: FieldDetails, *, generated_coercion: bool
    ) -> None:
        resolver = fast_resolver_of(field)
        if resolver is None:
            raise NoFastResolver
        self._resolve: _Resolve = resolver.function
        self.reads_attribute = resolver.reads_attribute
        self._field = field
        self._details = details
        # Python name, literal, default, and whether null is rejected.
        self._arguments: list[tuple[str, Literal, Any, bool]] = []
        self._defaults: dict[str, Any] = {}
        self._copies_defaults = False
        self._is_left_to_graphql_core = not generated_coercion
        if generated_coercion:
            try:
                self._read_arguments()
            except NotCoercible:
                self._is_left_to_graphql_core = True

    @property
    def size(self) -> int:
        """The memory of the call in bytes."""
        tokens = 0
        for argument in self._details.node.arguments or ():
            token = argument.loc.start_token if argument.loc else None
            while token is not None and argument.loc and token.start < argument.loc.end:
                tokens += 1
                token = token.next
        return _CALL_BYTES + _TOKEN_BYTES * tokens

    def __call__(
        self,
        parent: Any,
        info: Any,
        variables: Mapping[str, Any],
        sources: Callable[[], VariableValues],
    ) -> Any:
        """Call the resolver and return its value; ``sources`` returns graphql-core's variables.

        Raises NotCallable. An exception of the resolver is raised unchanged.
        """
        if self._is_left_to_graphql_core:
            arguments = self._coerced_by_graphql_core(sources())
        else:
            # Resolvers may change their arguments, but not the defaults of other requests.
            arguments = copied(self._defaults) if self._copies_defaults else self._defaults
            if self._arguments:
                arguments = self._values(variables, arguments)
        return self._resolve(parent, info, **arguments)

    def _coerced_by_graphql_core(self, variables: VariableValues) -> dict[str, Any]:
        arguments = self._field.args
        node = self._details.node
        coerced = get_argument_values(self._field, node, variables)
        defaults = coerced.keys() - {argument.name.value for argument in node.arguments or ()}
        coerced |= {name: copied(coerced[name]) for name in defaults}
        return {
            python_name_of(arguments[name], name): by_python_names(value, arguments[name].type)
            for name, value in coerced.items()
        }

    def _values(self, variables: Mapping[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
        values = defaults.copy()
        for name, literal, default, is_non_null in self._arguments:
            try:
                value = literal(variables)
            except NotCoercible:
                raise NotCallable from None
            if value is Undefined:
                value = copied(default)
            if value is None and is_non_null:
                raise NotCallable
            if value is not Undefined:
                values[name] = value
        return values

    def _read_arguments(self) -> None:
        nodes = {node.name.value: node.value for node in self._details.node.arguments or ()}
        for name, argument in self._field.args.items():
            python_name = python_name_of(argument, name)
            default = (
                None
                if is_required_argument(argument)
                else by_python_names(coerce_default_value(argument), argument.type)
            )
            node = nodes.get(name)
            if node is None:
                if default is not Undefined:
                    self._defaults[python_name] = default
                    self._copies_defaults |= is_container(default)
                continue
            is_non_null = is_non_null_type(argument.type)
            nullable: Any = get_nullable_type(argument.type)
            literal = literal_of(node, nullable)
            self._arguments.append((python_name, literal, default, is_non_null))
