"""Fields as they are called: each with its resolver, and with what makes its arguments.

Worked out once for a document. An argument is a constant, or a variable; only a
literal with variables within it is left to graphql-core each time.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from graphql import (
    GraphQLField,
    Undefined,
    ValueNode,
    VariableNode,
    Visitor,
    is_non_null_type,
    is_required_argument,
    visit,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.values import VariableValues, get_argument_values
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_literal

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
        self._constants: dict[str, Any] = {}
        # Name, variable, default, and whether null is refused.
        self._variables: list[tuple[str, str, Any, bool]] = []
        self._is_mixed = False
        self._read_arguments()

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
        if self._is_mixed:
            arguments = get_argument_values(self._field, self._details.node, sources())
            return self._resolve(parent, info, **arguments)
        if not self._variables:
            return self._resolve(parent, info, **self._constants)
        arguments = self._constants.copy()
        for name, variable, default, is_non_null in self._variables:
            value = variables.get(variable, default)
            if value is None and is_non_null:
                raise NotCallable
            if value is not Undefined:
                arguments[name] = value
        return self._resolve(parent, info, **arguments)

    def _read_arguments(self) -> None:
        given = {node.name.value: node.value for node in self._details.node.arguments or ()}
        for name, argument in self._field.args.items():
            node = given.get(name)
            out_name = argument.out_name or name
            default = None if is_required_argument(argument) else coerce_default_value(argument)
            if isinstance(node, VariableNode):
                is_non_null = is_non_null_type(argument.type)
                self._variables.append((out_name, node.name.value, default, is_non_null))
            elif node is None:
                if default is not Undefined:
                    self._constants[out_name] = default
            elif _has_variables(node):
                self._is_mixed = True
            else:
                value = coerce_input_literal(node, argument.type)
                if value is Undefined:
                    raise NotCallable
                self._constants[out_name] = value


def _has_variables(node: ValueNode) -> bool:
    finder = _VariableFinder()
    visit(node, finder)
    return finder.found


class _VariableFinder(Visitor):
    found = False

    def enter_variable(self, node: VariableNode, *_: Any) -> None:  # noqa: ARG002  # it is there
        self.found = True
