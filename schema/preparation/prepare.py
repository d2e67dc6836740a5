"""Prepare a Strawberry schema for the engine, or reject it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import (
    ASTValidationRule,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.base import StrawberryMaybe

from engine.arguments.fast_resolvers import ColumnKind, record_column_kind
from engine.documents.prepared import Middleware
from schema.preparation.decisions import Decision, decide
from schema.preparation.fast_resolver import DEFINITION
from schema.preparation.features import check_features
from schema.preparation.middleware import middleware_of
from schema.preparation.row_types import record_row_types

__all__ = ["PreparedSchema", "prepare"]


@dataclass(frozen=True, slots=True)
class PreparedSchema:
    """A schema with the metadata that the engine needs."""

    schema: GraphQLSchema
    # For each field of an object type, by schema coordinate ("Type.field").
    decisions: Mapping[str, Decision]
    validation: tuple[type[ASTValidationRule], ...]
    middleware: Middleware | None


def prepare(
    strawberry_schema: strawberry.Schema, *, column_kinds: Mapping[str, ColumnKind] | None = None
) -> PreparedSchema:
    """Return the schema as the engine executes it; raises UnsupportedSchema.

    ``column_kinds`` maps scalars to the kind of columns whose values they serialize unchanged.
    """
    schema: GraphQLSchema = strawberry_schema._schema  # noqa: SLF001  # not available in public
    check_features(schema, strawberry_schema)
    for name, kind in (column_kinds or {}).items():
        scalar = schema.type_map.get(name)
        if isinstance(scalar, GraphQLScalarType):
            record_column_kind(scalar, kind)
    record_row_types(schema)
    return PreparedSchema(
        schema,
        decide(schema, strawberry_schema),
        _validation_rules(schema),
        middleware_of(schema, strawberry_schema),
    )


def _validation_rules(schema: GraphQLSchema) -> tuple[type[ASTValidationRule], ...]:
    """Return Strawberry's validation rules, if the schema has inputs that they check."""
    rules: list[type[ASTValidationRule]] = []
    if any(isinstance(getattr(item, "type", None), StrawberryMaybe) for item in _inputs(schema)):
        rules.append(MaybeNullValidationRule)
    if any(getattr(item, "is_one_of", False) for item in _input_types(schema)):
        rules.append(OneOfInputValidationRule)
    return tuple(rules)


def _input_types(schema: GraphQLSchema) -> list[Any]:
    return [
        graphql_type.extensions.get(DEFINITION)
        for graphql_type in schema.type_map.values()
        if isinstance(graphql_type, GraphQLInputObjectType)
    ]


def _inputs(schema: GraphQLSchema) -> list[Any]:
    """Return the definitions of all input fields and arguments."""
    found = []
    for graphql_type in schema.type_map.values():
        if isinstance(graphql_type, GraphQLInputObjectType):
            found += [field.extensions.get(DEFINITION) for field in graphql_type.fields.values()]
        elif isinstance(graphql_type, GraphQLObjectType):
            for field in graphql_type.fields.values():
                found += [argument.extensions.get(DEFINITION) for argument in field.args.values()]
    return found
