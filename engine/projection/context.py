"""One run of a prepared operation: its variables, its caller, and what is kept of its document."""

from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

from graphql import (
    GraphQLError,
    GraphQLObjectType,
)
from graphql.execution.collect_fields import (
    FieldDetailsList,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues, get_variable_values

from engine.arguments.calls import FieldCall, NotCallable
from engine.arguments.coercion import NotCoercible
from engine.documents.documents import MAX_ERRORS, PreparedOperation

__all__ = ["Info", "InvalidVariables", "NotProjectable", "OperationContext"]

T = TypeVar("T")

# Up to how many values it is looked for where they are wrong, which takes long.
MAX_TOLD_VALUES = 2_000
_TOO_MANY_TO_TELL = "The variables do not fit the operation, and are too many to say where."


class NotProjectable(Exception):
    """A selection that must be executed plainly."""


class InvalidVariables(Exception):
    """The variables do not fit the operation; nothing of it was executed."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


class Info:
    """What a resolver is told beside its arguments, whoever calls it: who asks."""

    __slots__ = ("context",)

    def __init__(self, context: Any) -> None:
        self.context = context


class OperationContext:
    """What is selected in an operation with these variables.

    Raises InvalidVariables and LimitExceeded.

    ``shapes`` keeps what was compiled of the document: it outlives the operation, and
    so do the nodes of the document that its keys name.
    """

    def __init__(
        self,
        operation: PreparedOperation,
        variables: Mapping[str, Any],
        context: Any,
    ) -> None:
        self.document = operation.document
        self.operation = operation
        self.info = Info(context)
        self._given = variables
        try:
            self.variables = operation.variables.coerce(variables)
        except NotCoercible:
            if _has_more_values(variables, MAX_TOLD_VALUES):
                raise InvalidVariables([GraphQLError(_TOO_MANY_TO_TELL)]) from None
            self.variables = self.sources().coerced
        self.shapes: dict[Hashable, Any] = operation.shapes_for(self.variables)

    def sources(self) -> VariableValues:
        """Return the variables as graphql-core has them; raises InvalidVariables."""
        values = get_variable_values(
            self.document.schema,
            self.operation.node.variable_definitions or (),
            dict(self._given),
            max_errors=MAX_ERRORS,
        )
        if isinstance(values, list):
            raise InvalidVariables(values)
        return values

    def root_fields(self, root_type: GraphQLObjectType) -> GroupedFieldSet:
        """Return the fields selected at the root, by response key."""
        try:
            return collect_fields(
                self.document.schema,
                self.document.fragment_details,
                VariableValues({}, self.variables),
                root_type,
                self.operation.node,
            ).grouped_field_set
        except GraphQLError as error:
            # @skip or @include with null; plain execution raises it in its place.
            raise NotProjectable from error

    def subfields(
        self, object_type: GraphQLObjectType, details: FieldDetailsList
    ) -> GroupedFieldSet:
        """Return the fields selected under a field, by response key."""
        try:
            return collect_subfields(
                self.document.schema,
                self.document.fragment_details,
                VariableValues({}, self.variables),
                self.operation.node,
                object_type,
                details,
            ).grouped_field_set
        except GraphQLError as error:
            raise NotProjectable from error

    def field_call(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> FieldCall:
        """Return a field ready to be called."""
        node = details[0].node
        key = ("call", parent_type.name, id(node))
        known: FieldCall | None = self.shapes.get(key)
        if known is None:
            try:
                known = FieldCall(parent_type.fields[node.name.value], details[0])
            except NotCallable as error:
                raise NotProjectable from error
            self.shapes[key] = known
        return known

    def call(self, field: FieldCall, parent: Any) -> Any:
        """Call a field of one parent; raises what it raises."""
        return field(parent, self.info, self.variables, self.sources)

    def resolve(
        self, parent_type: GraphQLObjectType, details: FieldDetailsList, parent: Any
    ) -> Any:
        """Call a nested field's resolver; whatever it raises is raised again by plain execution."""
        field = self.field_call(parent_type, details)
        try:
            return self.call(field, parent)
        except NotProjectable:
            raise
        except Exception as error:
            raise NotProjectable from error


def _has_more_values(value: Any, most: int) -> bool:
    """Tell whether a JSON value has more values in it than this, however they are nested."""
    pending = [value]
    while pending and most >= 0:
        one = pending.pop()
        if isinstance(one, (dict, list)):
            most -= len(one)
            if most >= 0:
                pending += one.values() if isinstance(one, dict) else one
    return most < 0
