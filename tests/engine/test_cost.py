"""Tests of the cost of operations: objects are counted, pages multiply, introspection counts."""

from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, get_introspection_query

from engine.documents.cost import Cost, check_cost
from engine.documents.documents import Documents
from engine.documents.limits import Limits
from engine.documents.prepared import SchemaRules
from engine.errors import LimitExceeded
from engine.sql.paging import DEFAULT_PAGE_SIZE
from schema.access import required_scopes
from schema.build import graphql_schema
from schema.costs import CALL_TO_OPS, COUNT, FilterCost, declared_costs

SCHEMA = graphql_schema()
RULES = SchemaRules(costs=declared_costs(SCHEMA), scopes=required_scopes(SCHEMA))


def cost_of(text: str, **variables: Any) -> Cost:
    document = Documents(SCHEMA, Limits(), rules=RULES).prepare(text)
    return document.operations[0].cost(variables)


COSTS_OF = {
    "only scalars": ("{ __typename }", 0),
    "an object": ("{ ticket(id: 1) { id subject } }", 1),
    "a page of the default size": ("{ tickets { nodes { id } } }", 1 + DEFAULT_PAGE_SIZE),
    "a page of another size": ("{ tickets(first: 3) { nodes { id } } }", 1 + 3),
    "the last of a list": ("{ tickets(last: 4) { nodes { id } } }", 1 + 4),
    "edges, which are free": (
        "{ tickets(first: 3) { edges { cursor node { id } } } }",
        1 + 3,
    ),
    "an empty page": ("{ tickets(first: 0) { nodes { id } } }", 1),
    "a page above the maximum size": ("{ tickets(first: 1000) { nodes { id } } }", 1 + 100),
    "nested pages": (
        "{ tickets(first: 3) { nodes { logEntries(first: 5) { nodes { ticket { id } } } } } }",
        1 + 3 * (1 + 1 + 5 * (1 + 1)),
    ),
    "a list of ids": ("{ nodes(ids: [1, 2, 3]) { id } }", 3),
    "the same field twice": ("{ a: ticket(id: 1) { id } b: ticket(id: 1) { id } }", 2),
    "fragments": (
        "{ tickets(first: 2) { ...F ... { ...F } } } fragment F on TicketConnection { nodes {id} }",
        1 + 2 + 2,
    ),
    "a count": ("{ tickets { totalCount } }", 1 + COUNT),
    "a call to OPS": ('{ opsStatus(ticketId: "1") { status } }', CALL_TO_OPS),
    "a type by name": ('{ __type(name: "Ticket") { name } }', 1),
    "an unknown type": ('{ __type(name: "Nothing") { fields { name } } }', 0),
    "all types": ("{ __schema { types { name } } }", 1 + len(SCHEMA.type_map)),
    "the fields of a type": (
        '{ __type(name: "PageInfo") { fields { name type { ofType { name } } } } }',
        # Two of its four fields have a non-null type.
        1 + 4 * 2 + 2,
    ),
}


@pytest.mark.parametrize(("text", "cost"), COSTS_OF.values(), ids=COSTS_OF)
def test_an_operation_costs_the_objects_that_it_can_load(text: str, cost: int) -> None:
    assert cost_of(text).value == cost


def test_variables_determine_the_size_of_a_page() -> None:
    text = """
        query ($n: Int, $ids: [ID!]!) {
          tickets(first: $n) { nodes { id } }
          nodes(ids: $ids) { id }
        }
    """
    assert cost_of(text, n=7, ids=["a", "b"]).value == 1 + 7 + 2
    assert cost_of(text, ids=[]).value == 1 + DEFAULT_PAGE_SIZE


def test_a_type_whose_name_is_a_variable_costs_as_much_as_all_types() -> None:
    text = "query ($name: String!) { __type(name: $name) { fields { name } } }"
    fields = sum(
        len(object_type.fields)
        for object_type in SCHEMA.type_map.values()
        if isinstance(object_type, (GraphQLObjectType, GraphQLInterfaceType))
    )
    assert cost_of(text, name="Int").value == len(SCHEMA.type_map) + fields


def test_the_error_names_the_most_expensive_field() -> None:
    cost = cost_of(
        "{ viewer { name } tickets(first: 9) { nodes { logEntries(first: 99) { nodes { id } } } } }"
    )
    check_cost(cost, cost.value)
    with pytest.raises(LimitExceeded) as rejection:
        check_cost(cost, cost.value - 1)
    message = f"The operation costs {cost.value}; at most {cost.value - 1} is allowed (MAX_COST)."
    assert str(rejection.value).startswith(
        f"{message} tickets.nodes.logEntries.nodes costs the most"
    )


def test_the_introspection_of_tools_costs_far_less_than_the_limit() -> None:
    text = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        one_of=True,
        type_depth=20,
    )
    assert cost_of(text).value < Limits().cost / 5


_FIELDS = "fields { type { fields { type { name kind description } } } }"
_THIRTY = range(30)
INTROSPECTED = {
    "all fields of all types, many times": (
        f"{{ __schema {{ {' '.join(f'a{n}: types {{ ...F }}' for n in _THIRTY)} }} }}"
        f" fragment F on __Type {{ {_FIELDS} }}"
    ),
    "any type, many times": (
        "query ($n: String!) {"
        + " ".join(f"a{n}: __type(name: $n) {{ {_FIELDS} }}" for n in _THIRTY)
        + " }"
    ),
}


@pytest.mark.parametrize("text", INTROSPECTED.values(), ids=INTROSPECTED)
def test_nobody_can_ask_for_the_schema_over_and_over(text: str) -> None:
    with pytest.raises(LimitExceeded, match=r"introspects more than \d+ types"):
        cost_of(text, n="Ticket")


def test_aliases_within_introspection_count() -> None:
    text = f"{{ __schema {{ {' '.join(f'a{n}: types {{ name }}' for n in range(31))} }} }}"
    with pytest.raises(LimitExceeded, match="31 aliases"):
        cost_of(text)


FILTERED = SchemaRules(
    costs=declared_costs(SCHEMA),
    scopes=required_scopes(SCHEMA),
    filter_cost=FilterCost(max_values=100),
)
# One condition on the text of a row, as filters with Python names have it, and its cost.
CONDITION, CONDITION_COST = {"subject": {"contains_ignore_case": "a"}}, 10


def filtered_cost(text: str, **variables: Any) -> int:
    operation = Documents(SCHEMA, Limits(), rules=FILTERED).prepare(text).operations[0]
    return operation.cost(variables).value


LISTS = {
    "the rows of a list": ("tickets(first: 0, filter: $f) { nodes { id } }", 1, 1),
    "a total": ("tickets(first: 0, filter: $f) { totalCount }", 1 + COUNT, 2),
    "two totals": ("tickets(first: 0, filter: $f) { totalCount a: totalCount }", 1 + 2 * COUNT, 3),
    "groups": ("ticketGroups(by: STATUS, filter: $f) { count }", COUNT, 1),
    "aliases": (
        "a: tickets(first: 0, filter: $f) { ...T } b: tickets(first: 0, filter: $f) { ...T }",
        2 * (1 + COUNT),
        4,
    ),
    "a literal": (
        '... { tickets(first: 0, filter: {or: [$f, {not: {subject: {contains: "a"}}}]}) { ...T } }',
        1 + COUNT + 2 * 5,
        2,
    ),
}


@pytest.mark.parametrize(("text", "others", "reads"), LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("conditions", [0, 1, 450])
def test_conditions_cost_something_for_each_list_that_they_filter(
    text: str, others: int, reads: int, conditions: int
) -> None:
    document = f"query($f: TicketFilter!) {{ {text} }}"
    if "...T" in text:
        document += " fragment T on TicketConnection { totalCount }"
    value = {"or": [CONDITION] * conditions}
    assert filtered_cost(document, f=value) == others + reads * conditions * CONDITION_COST


def test_filters_of_nested_lists_cost_something_for_each_parent() -> None:
    text = """
        query($f: LogEntryFilter) {
            tickets(first: 3) { nodes { logEntries(first: 0, filter: $f) { nodes { id } } } }
        }
    """
    assert filtered_cost(text, f={"ticket_id": {"eq": "1"}}) == 1 + 3 * (1 + 1) + 3


CONDITIONS = {
    "none": ({}, 0),
    "null": ({"subject": None, "or": None, "not": None, "and": []}, 3 * 0 + 1),
    "an enumeration": ({"status": {"eq": "open"}}, 1),
    "two operators": ({"subject": {"eq": "a", "starts_with": "b"}}, 1 + 5),
    "a long list": ({"id": {"in": ["a"] * 1_000}}, 1 + 100),
    "a search": ({"search": "a b c d e f"}, 10 + 5),
    "JSON": ({"metadata": {"contains": {"a": [1, 2]}}}, 5 + 10 + 4 * 2),
    "a key of JSON": ({"metadata": {"has_key": "a"}}, 5),
    "junctions": ({"and": [{"not": {"or": [CONDITION]}}], **CONDITION}, 2 * CONDITION_COST),
    "a value of a literal": ({"or": [{"subject": {"containsIgnoreCase": "a"}}]}, CONDITION_COST),
}


@pytest.mark.parametrize(("value", "cost"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_costs_what_it_takes_to_test_a_row(value: Any, cost: int) -> None:
    assert FilterCost(max_values=100)(value) == cost


def test_the_values_of_json_are_limited_together() -> None:
    conditions = [{"metadata": {"contains": [1] * 40}}, {"metadata": {"contains": {"a": "b"}}}]
    accepted = {"or": [*conditions, {"not": {"metadata": {"contains": [1] * 55}}}]}
    FilterCost(max_values=99)(accepted)
    with pytest.raises(LimitExceeded, match=r"JSON in the filter has .* 98 .*MAX_FILTER_VALUES"):
        FilterCost(max_values=98)(accepted)


def test_the_conditions_of_a_filter_are_limited() -> None:
    cost = FilterCost(max_values=100)
    inner = {"or": [{"subject": {"eq": "x"}}] * 998}
    cost({"and": [inner, {"id": {"eq": "a"}}, {}]})
    with pytest.raises(LimitExceeded, match="has 1,001 conditions; at most 1,000 are allowed"):
        cost({"and": [inner, {"id": {"eq": "a"}}, {"not": {}}, {}]})


def test_json_with_variables_inside_a_literal_is_limited_too() -> None:
    text = "query($j: JSON) { tickets(filter: {metadata: {contains: {a: [$j]}}}) { totalCount } }"
    assert filtered_cost(text, j=1) == 1 + COUNT + 2 * (5 + 10 + 3 * 2)
    with pytest.raises(LimitExceeded, match="at most 100 are allowed"):
        filtered_cost(text, j=[1] * 450_000)


def test_the_error_names_the_filters_if_they_cost_the_most() -> None:
    lists = " ".join(f"a{number}: tickets(filter: $f) {{ totalCount }}" for number in range(30))
    document = Documents(SCHEMA, Limits(), rules=FILTERED).prepare(
        f"query($f: TicketFilter) {{ {lists} }}"
    )
    cost = document.operations[0].cost({"f": {"or": [CONDITION] * 450}})
    message = r"at most 10000 is allowed \(MAX_COST\). Its filters cost 270000"
    with pytest.raises(LimitExceeded, match=message):
        check_cost(cost, Limits().cost)
