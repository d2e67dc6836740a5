"""Tests of coercion: the same values as graphql-core, and the same rejections."""

from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInputType,
    OperationDefinitionNode,
    Undefined,
    get_nullable_type,
    is_input_object_type,
    is_input_type,
    is_list_type,
    is_non_null_type,
    parse,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.values import VariableValues, get_variable_values
from graphql.utilities.coerce_input_value import coerce_input_value
from hypothesis import given
from hypothesis import strategies as st

from engine.arguments.calls import FieldCall, NotCallable
from engine.arguments.coercion import NotCoercible, coercion_to
from engine.arguments.fast_resolvers import (
    FastResolver,
    by_python_names,
    record_fast_resolver,
)
from engine.arguments.variables import Variables
from schema.build import graphql_schema

SCHEMA = graphql_schema()
INPUT_TYPES = [
    one for name, one in SCHEMA.type_map.items() if is_input_type(one) and not name.startswith("__")
]
ANY_VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
TIMESTAMPS = st.sampled_from(["2026-01-31T08:15:00Z", "2026-01-31T08:15:00+02:00", "2026-01-31"])


@st.composite
def values(draw: st.DrawFn, input_type: GraphQLInputType, depth: int = 3) -> Any:
    """Draw a value that is valid for the type in most cases."""
    if draw(st.integers(0, 30)) == 0:
        return draw(ANY_VALUE)
    if not is_non_null_type(input_type) and draw(st.integers(0, 5)) == 0:
        return None
    inner: Any = get_nullable_type(input_type)
    if is_list_type(inner):
        items = values(inner.of_type, depth - 1)
        return draw(items | st.lists(items, max_size=2 if depth > 0 else 0))
    if is_input_object_type(inner):
        fields = {}
        for name, field in inner.fields.items():
            is_left_out = draw(st.integers(0, 3 if depth > 0 else 0)) != 1
            if is_non_null_type(field.type) or not is_left_out:
                fields[name] = draw(values(field.type, depth - 1))
        if draw(st.integers(0, 30)) == 0:
            fields[draw(st.text(max_size=3))] = 1
        return fields
    if isinstance(inner, GraphQLEnumType):
        return draw(st.sampled_from([*inner.values, "NONE"]))
    return draw(ANY_VALUE | TIMESTAMPS)


@pytest.mark.parametrize("input_type", INPUT_TYPES, ids=str)
@given(data=st.data())
def test_a_value_is_coerced_as_by_graphql_core(input_type: Any, data: st.DataObject) -> None:
    value = data.draw(values(input_type))
    expected = by_python_names(coerce_input_value(value, input_type), input_type)
    if expected is Undefined:
        with pytest.raises(NotCoercible):
            _coerced(input_type, value)
    else:
        assert repr(_coerced(input_type, value)) == repr(expected)


def _coerced(input_type: GraphQLInputType, value: object) -> object:
    try:
        return coercion_to(input_type)(value)
    except NotCoercible:
        raise
    except Exception as error:
        raise NotCoercible from error


@pytest.mark.parametrize(
    "declared",
    [
        "$a: Int",
        "$a: Int!",
        "$a: Int = 5",
        "$a: Int! = 5",
        "$a: [ID!]",
        "$a: TicketOrder = {field: STATUS}",
    ],
)
@pytest.mark.parametrize(
    "given_values",
    [{}, {"a": None}, {"a": 3}, {"a": "x"}, {"a": ["x"]}, {"a": {"field": "SUBJECT"}}, {"b": 1}],
    ids=repr,
)
def test_variables_are_coerced_as_by_graphql_core(
    declared: str, given_values: dict[str, Any]
) -> None:
    document = parse(f"query ({declared}) {{ viewer {{ name }} }}")
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    expected = get_variable_values(SCHEMA, operation.variable_definitions or (), given_values)
    variables = Variables(SCHEMA, operation)
    if isinstance(expected, VariableValues):
        assert variables.coerce(given_values) == expected.coerced
    else:
        with pytest.raises(NotCoercible):
            variables.coerce(given_values)


LITERALS = [
    "ticket(id: $id)",
    "tickets(filter: {search: $words, status: {eq: OPEN}})",
    "tickets(filter: {status: {eq: $status, in: [$status, CLOSED]}})",
    "tickets(filter: {and: {id: {in: [$id]}}}, orderBy: {field: SUBJECT, direction: $direction})",
    "tickets(filter: {metadata: {contains: {a: $words}}})",
    "tickets(first: 3, filter: null)",
    "nodes(ids: [$id])",
    "nodes(ids: $id)",
]


@pytest.mark.parametrize("field", LITERALS)
@pytest.mark.parametrize(
    "variables",
    [{}, {"id": "a"}, {"words": "x", "status": "OPEN"}, {"status": None, "direction": "DESC"}],
    ids=repr,
)
def test_arguments_are_coerced_as_by_graphql_core(field: str, variables: dict[str, Any]) -> None:
    declared = (
        '$id: ID = "d", $words: String, $status: TicketStatus, $direction: OrderDirection = ASC'
    )
    document = parse(f"query ({declared}) {{ {field} {{ __typename }} }}")
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    values = get_variable_values(SCHEMA, operation.variable_definitions or (), variables)
    assert isinstance(values, VariableValues)
    node = operation.selection_set.selections[0]
    assert isinstance(node, FieldNode)
    assert SCHEMA.query_type is not None
    definition = SCHEMA.query_type.fields[node.name.value]
    called = GraphQLField(definition.type, args=definition.args)
    record_fast_resolver(called, FastResolver(lambda _source, _info, **given: given))
    details = FieldDetails(node, None, None)
    call = FieldCall(called, details, generated_coercion=True)
    coerced = Variables(SCHEMA, operation).by_python_names(values.coerced, variables)
    without_generated_code = FieldCall(called, details, generated_coercion=False)
    try:
        expected = without_generated_code(None, None, coerced, lambda: values)
    except GraphQLError:
        with pytest.raises(NotCallable):
            call(None, None, coerced, lambda: values)
    else:
        assert call(None, None, coerced, lambda: values) == expected
