"""Decide for each field of a Strawberry schema who resolves it: the engine or graphql-core.

Strawberry wraps each resolver in a function that builds a `strawberry.Info`, copies input
objects into classes and runs permissions and extensions. For a small query this costs more
than everything else. The engine therefore resolves a field itself where the result is the
same, and leaves every other field to graphql-core with the resolver that Strawberry made.

=========================================================  ==========  ==================
Field                                                      Route       Projected to SQL
=========================================================  ==========  ==================
no resolver of its own                                     attribute   column of its name
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

"Attribute" and "fast" fields are resolved by the engine, "Strawberry" and "graphql" fields by
graphql-core. All of them may be selected in one operation. Where rows are needed for a field
that cannot be projected, they are loaded as model instances.

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
from schema.preparation.fast_resolver import DEFINITION, adapt, check_contract, mark_of

__all__ = ["Decision", "Route", "decide"]


class Route(StrEnum):
    """Who resolves a field."""

    ATTRIBUTE = "attribute"
    FAST = "fast"
    STRAWBERRY = "strawberry"
    GRAPHQL = "graphql"


@dataclass(frozen=True, slots=True)
class Decision:
    """Who resolves a field, and why."""

    route: Route
    reason: str


def decide(schema: GraphQLSchema, owner: strawberry.Schema) -> dict[str, Decision]:
    """Record in the schema how the engine resolves its fields; raises UnsupportedSchema.

    Return the decision for each field of an object type, by "Type.field".
    """
    decisions = {}
    for type_name, graphql_type in schema.type_map.items():
        if isinstance(graphql_type, GraphQLInputObjectType):
            _record_input_names(graphql_type)
        elif isinstance(graphql_type, GraphQLObjectType) and not type_name.startswith("__"):
            for name, field in graphql_type.fields.items():
                place = f"{type_name}.{name}"
                decisions[place] = _decide(place, field, owner)
    return decisions


def _record_input_names(input_type: GraphQLInputObjectType) -> None:
    for field in input_type.fields.values():
        definition = field.extensions.get(DEFINITION)
        if definition is not None:
            record_python_name(field, input_key(definition))


def _decide(place: str, field: GraphQLField, owner: strawberry.Schema) -> Decision:
    definition: StrawberryField | None = field.extensions.get(DEFINITION)
    if definition is None:
        return Decision(Route.GRAPHQL, "the field is not Strawberry's")
    if definition.is_subscription:
        return Decision(Route.STRAWBERRY, "it is a subscription")
    resolver = definition.base_resolver
    mark = mark_of(resolver) if resolver is not None else None
    if resolver is not None and mark is None:
        return Decision(Route.STRAWBERRY, "its resolver is not marked with @fast_resolver")
    wrapped = _wrapped_by(definition, field, owner)
    if mark is not None and resolver is not None:
        check_contract(place, field, resolver, mark.function)
        if wrapped is None and owner.config.info_class is not strawberry.Info:
            wrapped = "the schema has an info_class"
    if wrapped is not None:
        return Decision(Route.STRAWBERRY, wrapped)
    if mark is None or resolver is None:
        name = definition.python_name
        record_fast_resolver(field, FastResolver(_attribute(name), name))
        return Decision(Route.ATTRIBUTE, "it has no resolver of its own")
    for argument in field.args.values():
        record_python_name(argument, argument.extensions[DEFINITION].python_name)
    attribute = definition.python_name if mark.same_as_column else None
    record_fast_resolver(field, FastResolver(adapt(mark.function, resolver), attribute))
    return Decision(Route.FAST, "its resolver is marked with @fast_resolver")


def _wrapped_by(
    definition: StrawberryField, field: GraphQLField, owner: strawberry.Schema
) -> str | None:
    """Return what Strawberry does around the resolver; None where it is nothing."""
    if definition.permission_classes:
        return "it has permission classes"
    if definition.extensions:
        return "it has field extensions"
    if type(definition).get_result is not StrawberryField.get_result:
        return f"its field class is {type(definition).__name__}"
    if definition.base_resolver is None and owner.config.default_resolver is not getattr:
        return "the schema has a default_resolver"
    if owner.exception_handlers and is_union_type(get_named_type(field.type)):
        return "an exception handler may apply to it"
    return None


def _attribute(name: str) -> Callable[..., Any]:
    def resolve(source: Any, _info: Any) -> Any:
        return getattr(source, name)

    return resolve
