"""Context of one execution of a prepared operation: variables, caller and compile cache."""

import time
from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLObjectType,
    MiddlewareManager,
)
from graphql.execution import VariableValues, get_variable_values
from graphql.execution.collect_fields import (
    FieldDetailsList,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)

from engine.arguments.calls import FieldCall, NoFastResolver
from engine.arguments.coercion import NotCoercible
from engine.arguments.json_literals import CoercedVariables
from engine.documents.documents import MAX_ERRORS
from engine.documents.prepared import CompileCache, PreparedOperation
from engine.errors import delete_tracebacks
from engine.projection.fallbacks import Fallback, FallbackReason, record_fallback
from engine.projection.response_size import NO_LIMIT, ResponseSize

__all__ = ["Info", "InvalidVariables", "NotProjectable", "OperationContext"]

# graphql-core locates each invalid value, which takes long for large variables. Variables with
# more values than this are rejected without details.
MAX_VALUES_EXPLAINED = 2_000
CHARACTERS_PER_VALUE = 50
_TOO_MANY_VALUES = (
    "The variables do not match the operation and are too large for a detailed error. "
    "Compare them with the variable definitions of the operation."
)


class NotProjectable(Fallback):
    """A selection that cannot be compiled to SQL; the fallback executes it."""


class InvalidVariables(Exception):
    """The variables do not match the operation; nothing was executed."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


class Info:
    """The ``info`` argument of a fast resolver: the request's context."""

    __slots__ = ("context",)

    def __init__(self, context: Any) -> None:
        self.context = context


class OperationContext:
    """State of one execution of a prepared operation.

    The constructor raises InvalidVariables and LimitExceeded.

    ``compile_cache`` belongs to the prepared operation and outlives this execution. Its keys
    contain ids of AST nodes, which stay valid because the prepared operation keeps the nodes.
    """

    def __init__(
        self,
        operation: PreparedOperation,
        variables: Mapping[str, Any],
        context: Any,
        *,
        max_response_bytes: int = NO_LIMIT,
        coerced: CoercedVariables | NotCoercible | None = None,
    ) -> None:
        """Coerce the variables, unless ``coerced`` has them, or the reason why they cannot be."""
        # For `must_pause`: the execution waits for the next turn of the event loop if it is long.
        self.started_s = time.perf_counter()
        self.response_size = ResponseSize(max_response_bytes)
        self.document = operation.document
        self.operation = operation
        self.info = Info(context)
        self._raw_variables = variables
        self._has_fallen_back = False
        # In the form that fast resolvers receive: fields of input objects by their Python names.
        self.variables = self._coerce(coerced)
        self.compile_cache: CompileCache = operation.compile_cache(self.variables)

    def _coerce(self, coerced: CoercedVariables | NotCoercible | None) -> CoercedVariables:
        variables = self._raw_variables
        if isinstance(coerced, CoercedVariables):
            return coerced
        if self.document.shortcuts:
            if coerced is None:
                try:
                    return self.operation.variables.coerce(variables)
                except NotCoercible:
                    pass
            if _has_more_values(variables, MAX_VALUES_EXPLAINED):
                raise InvalidVariables([GraphQLError(_TOO_MANY_VALUES)])
        else:
            self.operation.variables.check_items(variables)
        values = self.variable_values().coerced
        return self.operation.variables.by_python_names(values, variables)

    def record_fallback(self, fallback: Fallback) -> None:
        """Count and log the first fallback of this execution."""
        if not self._has_fallen_back:
            self._has_fallen_back = True
            record_fallback(self.operation, fallback)

    def middleware_manager(self) -> MiddlewareManager | None:
        """Return new functions that wrap the resolvers; None if the document needs none."""
        middleware = self.document.middleware
        if middleware is None:
            return None
        return middleware.create(self.operation, self._raw_variables, self.info.context)

    def variable_values(self) -> VariableValues:
        """Return the variables as graphql-core represents them; raises InvalidVariables."""
        values = get_variable_values(
            self.document.schema,
            self.operation.node.variable_definitions or (),
            dict(self._raw_variables),
            max_errors=MAX_ERRORS,
        )
        if isinstance(values, list):
            for error in values:
                delete_tracebacks(error)
            raise InvalidVariables(values)
        variables = self.operation.variables
        coerced = variables.with_json_values(values.coerced, self._raw_variables)
        return VariableValues(values.sources, coerced)

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
            # @skip or @include is null. The fallback raises the error at the right path.
            raise NotProjectable(FallbackReason.DIRECTIVE, root_type.name) from error

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
            raise NotProjectable(FallbackReason.DIRECTIVE, object_type.name) from error

    def field_call(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> FieldCall:
        """Return the compiled call of a field's resolver; compiled once for each operation."""
        node = details[0].node
        key = ("call", parent_type.name, id(node))
        call: FieldCall | None = self.compile_cache.get(key)
        if call is None:
            try:
                call = FieldCall(
                    parent_type.fields[node.name.value],
                    details[0],
                    generated_coercion=self.document.shortcuts,
                )
            except NoFastResolver:
                place = f"{parent_type.name}.{node.name.value}"
                raise NotProjectable(FallbackReason.RESOLVER, place) from None
            self.compile_cache.add(key, call, size=call.size)
        return call

    def call(self, field: FieldCall, parent: Any) -> Any:
        """Call the resolver of a field with a parent. An exception of the resolver is raised."""
        return field(parent, self.info, self.variables, self.variable_values)

    def resolve(
        self, parent_type: GraphQLObjectType, details: FieldDetailsList, parent: Any
    ) -> Any:
        """Call the resolver of a nested field.

        Raises NotProjectable for any error of the resolver: the fallback calls it again and
        reports the error at the right path.
        """
        field = self.field_call(parent_type, details)
        try:
            return self.call(field, parent)
        except NotProjectable:
            raise
        except Exception as error:
            coordinate = f"{parent_type.name}.{details[0].node.name.value}"
            raise NotProjectable(FallbackReason.ERROR, coordinate) from error


def _has_more_values(value: Any, limit: int) -> bool:
    """Return whether a JSON value contains more values than the limit, at any depth.

    A text counts as one value for each `CHARACTERS_PER_VALUE`, names of members included.
    """
    pending = [value]
    while pending and limit >= 0:
        item = pending.pop()
        if isinstance(item, str):
            limit -= len(item) // CHARACTERS_PER_VALUE
        elif isinstance(item, (dict, list)):
            limit -= len(item)
            if limit >= 0:
                pending += item
                pending += item.values() if isinstance(item, dict) else ()
    return limit < 0
