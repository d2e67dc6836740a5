"""Directives and schema extensions: what Strawberry wraps around an operation."""

from typing import Any

import pytest
import strawberry
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.extensions import SchemaExtension
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.schema_directive import Location

from engine.exact_json import dumps
from engine.projection.fallbacks import FallbackReason
from schema.common.scalars import JSON, SCALARS
from schema.preparation.prepare import prepare
from tests.strawberry.running import Case, Registry, by_engine, by_strawberry, fallback_of

CASES = Registry()


@strawberry.directive(locations=[DirectiveLocation.FIELD], description="In capitals.")
def upper_case(value: DirectiveValue[str]) -> str:
    return value.upper()


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def replace(value: DirectiveValue[str], old: str, new: str) -> str:
    return value.replace(old, new)


@strawberry.directive(locations=[DirectiveLocation.FIELD])
async def tag(value: DirectiveValue[str], info: strawberry.Info) -> str:
    return f"{info.field_name}:{value}"


@strawberry.input
class Affixes:
    before: list[str]


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def affix(value: DirectiveValue[str], affixes: Affixes, after: list[str]) -> str:
    return "".join([*affixes.before, value, *after])


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def label_with(value: DirectiveValue[str], labels: JSON) -> str:
    return f"{value} {dumps(labels).decode()}"


@strawberry.schema_directive(locations=[Location.FIELD_DEFINITION, Location.OBJECT])
class Owner:
    team: str


class Shouting(SchemaExtension):
    def resolve(self, _next: Any, root: Any, info: Any, *args: str, **kwargs: Any) -> Any:
        value = _next(root, info, *args, **kwargs)
        query = self.execution_context.query or ""
        return value.upper() + str(len(query)) if isinstance(value, str) else value


@strawberry.type
class Item:
    name: str = "item"

    @strawberry.field
    def label(self) -> str:
        return "label"


@strawberry.type
class Items:
    @strawberry.field
    def item(self) -> Item:
        return Item()


def _directives() -> strawberry.Schema:
    return strawberry.Schema(Items, directives=[upper_case, replace, tag])


CASES.add(
    "operation directives, with arguments and the info",
    """
    query ($to: String!) {
      item { name @upperCase label @replace(old: "l", new: $to) both: name @tag @upperCase }
    }
    """,
    {"to": "L"},
)(_directives)
CASES.add(
    "lists and input objects in the variables of an operation directive",
    """
    query ($affixes: Affixes!, $after: [String!]!) {
      item { name @affix(affixes: $affixes, after: $after) }
    }
    """,
    {"affixes": {"before": ["a"]}, "after": ["b", "c"]},
)(lambda: strawberry.Schema(Items, directives=[affix]))
CASES.add("no directive in a document of such a schema", "{ item { name label } }")(_directives)
CASES.add("an unknown directive", "{ item { name @lowerCase } }")(_directives)
CASES.add(
    "skip and include",
    "query ($on: Boolean!) { item { name @skip(if: $on) label @include(if: $on) } }",
    {"on": True},
)(_directives)


@CASES.add("an extension that wraps resolvers", "{ item { name label } }")
def _extension() -> strawberry.Schema:
    return strawberry.Schema(Items, extensions=[Shouting])


@CASES.add("an extension with directives", '{ item { name @replace(old: "M", new: "m") } }')
def _extension_with_directives() -> strawberry.Schema:
    return strawberry.Schema(Items, extensions=[Shouting], directives=[replace])


@pytest.mark.parametrize("shortcuts", [True, False], ids=["with shortcuts", "without shortcuts"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_what_is_wrapped_works_as_in_strawberry(case: Case, shortcuts: bool) -> None:  # noqa: FBT001  # a parameter of the test
    assert await by_engine(case, shortcuts=shortcuts) == await by_strawberry(case)


@pytest.mark.parametrize(
    ("feature", "reason"),
    [
        ("operation directives, with arguments and the info", FallbackReason.DIRECTIVE),
        ("no directive in a document of such a schema", FallbackReason.RESOLVER),
        ("an extension that wraps resolvers", FallbackReason.EXTENSION),
    ],
)
async def test_only_documents_that_need_it_are_wrapped(
    feature: str, reason: FallbackReason
) -> None:
    assert await fallback_of(CASES[feature]) is reason


def test_schema_directives_are_printed() -> None:
    @strawberry.type(directives=[Owner(team="support")])
    class Query:
        name: str = strawberry.field(default="x", directives=[Owner(team="data")])

    schema = strawberry.Schema(Query)
    assert prepare(schema).schema is schema._schema
    printed = print_schema(schema)
    assert 'type Query @owner(team: "support")' in printed
    assert 'name: String! @owner(team: "data")' in printed


async def test_a_json_literal_of_a_directive_contains_variables_as_they_were_sent() -> None:
    case = Case(
        lambda: strawberry.Schema(
            Items, directives=[label_with], config=StrawberryConfig(scalar_map=SCALARS)
        ),
        """
        query ($none: String, $json: JSON, $list: [String!] = "x") {
          item { name @labelWith(labels: {none: $none, items: [$none, $json, $list]}) }
        }
        """,
        {"json": {"n": 1}},
    )
    answer = await by_engine(case)
    assert answer.errors == []
    assert answer.data == {"item": {"name": 'item {"items":[null,{"n":1},["x"]]}'}}
