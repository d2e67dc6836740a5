"""The examples of the page are operations of this API."""

import json
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate
from graphql.execution.values import get_variable_values
from graphql.language import OperationDefinitionNode

from app.graphiql.page import examples

EXAMPLES = {example["title"]: example for example in examples()}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(Path("schema/schema.graphql").read_text())


@pytest.mark.parametrize("title", EXAMPLES)
def test_an_example_is_valid_with_its_variables(schema: GraphQLSchema, title: str) -> None:
    document = parse(EXAMPLES[title]["query"])
    assert validate(schema, document) == []
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    values = json.loads(EXAMPLES[title]["variables"])
    variables = get_variable_values(schema, operation.variable_definitions or (), values)
    assert not isinstance(variables, list)


@pytest.mark.parametrize("title", EXAMPLES)
def test_an_example_says_what_it_shows_in_its_second_line(title: str) -> None:
    first, second, third = EXAMPLES[title]["query"].splitlines()[:3]
    assert first == f"# {title}"
    assert second.startswith("# ")
    assert not third.startswith("#")


def test_the_first_four_take_a_ticket_to_ops() -> None:
    operations = [parse(example["query"]).definitions[0] for example in examples()[:4]]
    names = [
        op.name.value for op in operations if isinstance(op, OperationDefinitionNode) and op.name
    ]
    assert names == ["CreateTicket", "SendToOps", "ReadLog", "AskStatus"]
