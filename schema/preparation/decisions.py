"""Decide for each field of a Strawberry schema whether the engine or graphql-core resolves it.

Strawberry wraps each resolver in a function that builds a `strawberry.Info`, converts input
objects to classes and runs permissions and extensions. In a small query this costs more than
everything else. The engine therefore resolves a field itself if the result is the same, and
leaves every other field to graphql-core with Strawberry's resolver.

=========================================================  ==========  ==================
Field                                                      Route       Projected to SQL
=========================================================  ==========  ==================
no resolver                                                attribute   column of its name
resolver marked ``@fast_resolver``                         fast        nested query
resolver marked ``@fast_resolver(same_as_column=True)``    fast        column of its name
either of these, with permission classes or extensions     Strawberry  never
no resolver, with a ``default_resolver`` in the config     Strawberry  never
marked resolver, with an ``info_class`` in the config      Strawberry  never
union that an exception handler of the schema can return   Strawberry  never
subscription                                               Strawberry  its events
every other resolver                                       Strawberry  never
field that is not Strawberry's (federation)                graphql     never
=========================================================  ==========  ==================

The engine resolves the fields of the routes "attribute" and "fast", graphql-core the others. An
operation may select fields of all routes. If a field below a row cannot be projected, the rows
are loaded as model instances.

`schema.preparation.fast_resolver` describes the contract of a marked resolver, and
`schema.preparation.features` lists the features for which the schema does not build.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import strawberry
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_union_type,
)
from strawberry.types.field import StrawberryField

from engine.arguments.fast_resolvers import (
    FastResolver,
    record_fast_resolver,
    record_python_name,
)
from schema.common.inputs import input_key
from schema.preparation.fast_resolver import (
    DEFINITION,
    UnsupportedSchema,
    adapt,
    check_contract,
    mark_of,
)

__all__ = ["Decision", "Route", "decide"]


class Route(StrEnum):
    """How a field is resolved."""

    # The engine reads an attribute of the parent.
    ATTRIBUTE = "attribute"
    # The engine calls the resolver.
    FAST = "fast"
    # graphql-core calls Strawberry's resolver.
    STRAWBERRY = "strawberry"
    # graphql-core calls a resolver that is not Strawberry's.
    GRAPHQL = "graphql"


@dataclass(frozen=True, slots=True)
class Decision:
    """Route of a field, and the reason for it."""

    route: Route
    reason: str


def decide(schema: GraphQLSchema, strawberry_schema: strawberry.Schema) -> dict[str, Decision]:
    """Return the decision for each field of an object type, by schema coordinate ("Type.field").

    Records in the extensions of the schema how the engine resolves its fields. Raises
    UnsupportedSchema.
    """
    decisions = {}
    roots = (schema.query_type, schema.mutation_type)
    for type_name, graphql_type in schema.type_map.items():
        if isinstance(graphql_type, GraphQLInputObjectType):
            _record_input_names(graphql_type)
        elif isinstance(graphql_type, GraphQLObjectType) and not type_name.startswith("__"):
            for name, field in graphql_type.fields.items():
                coordinate = f"{type_name}.{name}"
                decisions[coordinate] = _decide(
                    coordinate, field, strawberry_schema, is_root=graphql_type in roots
                )
    return decisions


def _record_input_names(input_type: GraphQLInputObjectType) -> None:
    """Set the keys of the fields in dictionaries; raises UnsupportedSchema if two are equal."""
    name_of_key: dict[str, str] = {}
    for field in input_type.fields.values():
        definition: StrawberryField | None = field.extensions.get(DEFINITION)
        if definition is None:
            continue
        key = input_key(definition)
        other = name_of_key.setdefault(key, definition.python_name)
        if other != definition.python_name:
            raise UnsupportedSchema(
                f"{input_type.name}: the fields {other} and {definition.python_name} have the same"
                f" key in a dictionary, {key!r}. Rename one of them."
            )
        record_python_name(field, key)


def _decide(
    coordinate: str, field: GraphQLField, strawberry_schema: strawberry.Schema, *, is_root: bool
) -> Decision:
    definition: StrawberryField | None = field.extensions.get(DEFINITION)
    if definition is None:
        return Decision(Route.GRAPHQL, "the field is not Strawberry's")
    if definition.is_subscription:
        return Decision(Route.STRAWBERRY, "it is a subscription")
    resolver = definition.base_resolver
    mark = mark_of(coordinate, resolver) if resolver is not None else None
    if resolver is not None and mark is None:
        return Decision(Route.STRAWBERRY, "its resolver is not marked with @fast_resolver")
    wrapped = _wrapped_by(definition, field, strawberry_schema)
    if mark is not None and resolver is not None:
        check_contract(coordinate, field, resolver, mark.function, is_root=is_root)
        if wrapped is None and strawberry_schema.config.info_class is not strawberry.Info:
            wrapped = "the schema has an info_class"
    if wrapped is not None:
        return Decision(Route.STRAWBERRY, wrapped)
    if mark is None or resolver is None:
        name = definition.python_name
        record_fast_resolver(field, FastResolver(_attribute(name), name, reads_attribute=True))
        return Decision(Route.ATTRIBUTE, "it is read from an attribute")
    for argument in field.args.values():
        record_python_name(argument, argument.extensions[DEFINITION].python_name)
    attribute = definition.python_name if mark.same_as_column else None
    record_fast_resolver(field, FastResolver(adapt(mark.function, resolver), attribute))
    return Decision(Route.FAST, "its resolver is marked with @fast_resolver")


def _wrapped_by(
    definition: StrawberryField, field: GraphQLField, strawberry_schema: strawberry.Schema
) -> str | None:
    """Return the reason why only Strawberry can resolve a field; None if there is none."""
    if definition.permission_classes:
        return "it has permission classes"
    if definition.extensions:
        return "it has field extensions"
    if type(definition).get_result is not StrawberryField.get_result:
        return f"its field class is {type(definition).__name__}"
    if (
        definition.base_resolver is None
        and strawberry_schema.config.default_resolver is not getattr
    ):
        return "the schema has a default_resolver"
    if strawberry_schema.exception_handlers and is_union_type(get_named_type(field.type)):
        return "an exception handler may apply to it"
    return None


def _attribute(name: str) -> Callable[..., Any]:
    def resolve(source: Any, _info: Any) -> Any:
        return getattr(source, name)

    return resolve
