"""Metadata that the engine needs to resolve fields without graphql-core.

The layer that builds the schema records it in the ``extensions`` of types, fields and
arguments. A field without metadata is resolved by graphql-core, with the resolver of the schema.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, cast

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputType,
    GraphQLNamedType,
    GraphQLScalarType,
    Undefined,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
)

__all__ = [
    "ColumnKind",
    "FastResolver",
    "by_python_names",
    "column_kind_of",
    "fast_resolver_of",
    "has_input_objects",
    "python_name_of",
    "record_column_kind",
    "record_fast_resolver",
    "record_python_name",
    "record_row_model",
    "row_model_of",
]

_RESOLVER = "engine-fast-resolver"
_PYTHON_NAME = "engine-python-name"
_ROW_MODEL = "engine-row-model"
_COLUMN_KIND = "engine-column-kind"

# Kinds of columns whose values a custom scalar may serialize unchanged.
ColumnKind: TypeAlias = Literal["time", "json"]


@dataclass(frozen=True, slots=True)
class FastResolver:
    """Resolver of a field, as the engine calls it.

    ``function`` takes the parent, an info that provides only the context, and the arguments by
    their Python names, input objects as dictionaries. The engine may call it more than once for
    a field, and may pass a placeholder that represents many parents.

    ``attribute`` names the attribute of the parent that holds the value, if there is one. The
    engine may read the column with that name instead. ``reads_attribute`` means that ``function``
    does no more than read it.
    """

    function: Callable[..., Any]
    attribute: str | None = None
    reads_attribute: bool = False


class _Element(Protocol):
    extensions: dict[str, Any]


def record_fast_resolver(field: GraphQLField, resolver: FastResolver) -> None:
    """Set the resolver that the engine may call for a field."""
    _record(field, _RESOLVER, resolver)


def fast_resolver_of(field: GraphQLField) -> FastResolver | None:
    """Return the resolver that the engine may call; None if only graphql-core may."""
    return cast("FastResolver | None", field.extensions.get(_RESOLVER))


def record_python_name(element: GraphQLArgument | GraphQLInputField, name: str) -> None:
    """Set the name under which fast resolvers receive an argument or an input field."""
    _record(element, _PYTHON_NAME, name)


def python_name_of(element: GraphQLArgument | GraphQLInputField, graphql_name: str) -> str:
    """Return the name under which fast resolvers receive an argument or an input field."""
    name: str = element.extensions.get(_PYTHON_NAME, graphql_name)
    return name


def record_row_model(object_type: GraphQLNamedType, model: object) -> None:
    """Declare that the objects of a type are the rows of a model; ``object`` means any model."""
    _record(object_type, _ROW_MODEL, model)


def row_model_of(object_type: GraphQLNamedType) -> object | None:
    """Return the model whose rows are objects of a type; None if unknown."""
    return object_type.extensions.get(_ROW_MODEL)


def record_column_kind(scalar: GraphQLScalarType, kind: ColumnKind) -> None:
    """Declare that a scalar serializes the values of these columns unchanged."""
    _record(scalar, _COLUMN_KIND, kind)


def column_kind_of(scalar: GraphQLScalarType) -> ColumnKind | None:
    """Return the kind of columns that a custom scalar serializes unchanged, if any."""
    return cast("ColumnKind | None", scalar.extensions.get(_COLUMN_KIND))


def _record(element: _Element, key: str, value: object) -> None:
    # Assign a new dictionary, because graphql-core may share the old one between elements.
    element.extensions = {**element.extensions, key: value}


def has_input_objects(input_type: GraphQLInputType) -> bool:
    """Return whether values of a type contain input objects."""
    nullable: Any = get_nullable_type(input_type)
    if is_list_type(nullable):
        return has_input_objects(nullable.of_type)
    return is_input_object_type(nullable)


def by_python_names(value: Any, input_type: GraphQLInputType) -> Any:
    """Convert a value that graphql-core has coerced to the form that fast resolvers receive.

    The fields of its input objects get their Python names.
    """
    if value is None or value is Undefined or not has_input_objects(input_type):
        return value
    nullable: Any = get_nullable_type(input_type)
    if is_list_type(nullable):
        return [by_python_names(item, nullable.of_type) for item in value]
    if not isinstance(value, Mapping):
        return value
    fields = nullable.fields
    return {
        python_name_of(fields[name], name): by_python_names(item, fields[name].type)
        for name, item in value.items()
    }
