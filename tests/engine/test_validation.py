"""Tests of validation: our walk reports the same errors as graphql-core."""

import pytest
from graphql import GraphQLError, parse
from graphql import validate as validate_by_graphql_core

from engine.documents.validation import fragment_cycles, validate
from schema.build import graphql_schema

SCHEMA = graphql_schema()

# One for each rule, and for each difference between the walks.
INVALID = {
    "a definition of a type": "type A { b: Int } { __typename }",
    "two operations of one name": "query A { __typename } query A { __typename }",
    "an anonymous operation and another": "{ __typename } query A { __typename }",
    "two roots of a subscription": "subscription { ticketEvents { id } b: ticketEvents { id } }",
    "an unknown type": "{ ... on Tickt { id } }",
    "a fragment on a scalar": "{ ...F } fragment F on Int { a }",
    "a variable of an output type": "query ($v: Ticket) { tickets(first: $v) { totalCount } }",
    "a leaf with fields": "{ tickets { totalCount { a } } }",
    "an object without fields": "{ tickets }",
    "an unknown field": "{ tickts { totalCount } }",
    "two fragments of one name": "{ ...F } fragment F on Query { __typename }"
    " fragment F on Query { __typename }",
    "an unknown fragment": "{ tickets { nodes { ...F } } }",
    "an unused fragment": "{ __typename } fragment F on Query { __typename }",
    "a fragment on an impossible type": "{ tickets { nodes { ... on LogEntry { id } } } }",
    "fragments that contain themselves": "{ ...F } fragment F on Query { ...G }"
    " fragment G on Query { ...F }",
    "one variable twice": "query ($v: Int, $v: Int) { tickets(first: $v) { totalCount } }",
    "an unknown variable": "{ tickets(first: $v) { totalCount } }",
    "an unknown variable of a fragment": "query A { ...F }"
    " fragment F on Query { tickets(first: $v) { totalCount } }",
    "an unused variable": "query ($v: Int = 1) { __typename }",
    "a variable used in one operation of two": "query A($v: Int) { ...F } query B($v: Int)"
    " { __typename } fragment F on Query { tickets(first: $v) { totalCount } }",
    "an unknown directive": "{ __typename @other }",
    "a directive in the wrong place": "query @skip(if: true) { __typename }",
    "a directive of a variable": "query ($v: Int @skip(if: true)) { tickets(first: $v)"
    " { totalCount } }",
    "one directive twice": "{ a: __typename @skip(if: true) @skip(if: true) }",
    "an unknown argument": "{ tickets(firs: 1) { totalCount } }",
    "an unknown argument of a directive": "{ __typename @skip(of: true, if: true) }",
    "one argument twice": "{ tickets(first: 1, first: 1) { totalCount } }",
    "a value of another type": '{ tickets(first: "1") { totalCount } }',
    "a default of another type": 'query ($v: Int = "1") { tickets(first: $v) { totalCount } }',
    "an unknown enum value": "{ tickets(filter: {status: {eq: OPN}}) { totalCount } }",
    "an unknown input field": "{ tickets(filter: {statu: 1}) { totalCount } }",
    "one input field twice": "{ tickets(filter: {and: [], and: []}) { totalCount } }",
    "a missing argument": "{ nodes { id } }",
    "a missing argument of a directive": "{ __typename @skip }",
    "a variable of another type": "query ($v: String) { tickets(first: $v) { totalCount } }",
    "a variable of two types": "query ($v: Int) { tickets(first: $v, after: $v) { totalCount } }",
    "a variable that may be null": "query ($v: ID) { nodes(ids: [$v]) { id } }",
    "fields that conflict": "{ tickets(first: 1) { totalCount } tickets(first: 2) { totalCount } }",
    "recursive introspection": "{ __schema { types { fields { type { fields { type { fields"
    " { type { name } } } } } } } } }",
    "fragments too deep": "{ ...F } fragment F on Query { "
    + "... { " * 150
    + "...G"
    + " }" * 150
    + " } fragment G on Query { "
    + "... { " * 150
    + "__typename"
    + " }" * 150
    + " }",
}

VALID = {
    "variables in fragments, twice": "query A($v: Int) { ...F a: tickets(first: $v) { ...G } }"
    " fragment F on Query { tickets(first: $v, last: $v) { ...G } }"
    " fragment G on TicketConnection { totalCount @skip(if: false) }",
    "a variable in an input object": "query ($v: String!) { tickets(filter: {customerEmail:"
    " {eq: $v}}) { nodes { id ... on Node { id } } } }",
    "a skipped field in a skipped field": "{ a: __typename ... @include(if: true) { ... { b:"
    " __typename } } }",
}


def reported(errors: list[GraphQLError]) -> set[tuple[str, str]]:
    return {(error.message, str(error.locations)) for error in errors}


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID)
def test_the_errors_are_those_of_graphql_core(text: str) -> None:
    document = parse(text)
    errors = validate(SCHEMA, document, max_errors=100)
    assert errors
    assert reported(errors) == reported(validate_by_graphql_core(SCHEMA, document))


@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_a_valid_document_has_no_errors(text: str) -> None:
    assert validate(SCHEMA, parse(text), max_errors=1) == []


def test_only_the_first_error_suggests_names() -> None:
    errors = validate(SCHEMA, parse("{ tickts { a } tickt { a } }"), max_errors=3)
    assert [error.message for error in errors] == [
        "Cannot query field 'tickts' on type 'Query'. Did you mean 'tickets' or 'ticket'?",
        "Cannot query field 'tickt' on type 'Query'.",
    ]


def test_an_error_that_repeats_much_of_a_document_is_the_last() -> None:
    filters = "{} " * 500
    document = parse(f"{{ tickets(filter: {{and: [{filters}], a: 1, b: 1}}) {{ totalCount }} }}")
    *_, last = errors = validate(SCHEMA, document, max_errors=3)
    assert len(errors) == 2
    assert "error limit reached" in last.message


def test_only_fragment_cycles_are_reported() -> None:
    (error,) = fragment_cycles(SCHEMA, parse("{ a ...F } fragment F on Query { b ...F }"))
    assert error.message == "Cannot spread fragment 'F' within itself."
    assert fragment_cycles(SCHEMA, parse("{ a ...F } fragment F on Query { b }")) == []
