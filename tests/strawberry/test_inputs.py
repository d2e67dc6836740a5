"""Arguments and input types as in Strawberry's manual."""

import datetime as dt
from enum import Enum
from typing import Annotated, Any

import pytest
import strawberry
from strawberry.relay import GlobalID, to_base64

from schema.common.inputs import Data, input_object
from schema.preparation.fast_resolver import fast_resolver
from tests.strawberry.running import Answer, Case, Registry, by_engine, by_strawberry

CASES = Registry()


@strawberry.enum
class Size(Enum):
    SMALL = "s"
    LARGE = "l"


@strawberry.input
class Point:
    x: int
    y: int = 5
    label: str | None = strawberry.UNSET
    note: str | None = None


@strawberry.input
class Line:
    from_: Point = strawberry.field(name="from")
    points: list[Point] = strawberry.field(default_factory=list)
    at: dt.date | None = None
    size: Size = Size.SMALL
    next: "Line | None" = None


@strawberry.input
class Patch:
    id: strawberry.ID
    name: strawberry.Maybe[str]
    phone: strawberry.Maybe[str | None]


@strawberry.input(one_of=True)
class By:
    id: strawberry.ID | None = strawberry.UNSET
    name: str | None = strawberry.UNSET


@strawberry.input(name="Renamed", description="Named otherwise.")
class Named:
    some_value: int
    other: int = strawberry.field(default=3, name="another")


LINE = {"from": {"x": 1, "label": None}, "points": [{"x": 2}], "size": "LARGE", "at": "2026-01-31"}


def _lines() -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        def show(self, line: Line) -> str:
            assert isinstance(line.from_, Point)
            assert isinstance(line.size, Size)
            return repr(line)

        @strawberry.field
        def count(self, lines: list[Line] | None = None) -> int:
            return len(lines or [])

    return Query


CASES.add("an input class in variables", "query ($l: Line!) { show(line: $l) }", {"l": LINE})(
    _lines
)
CASES.add(
    "an input class in literals, with variables within",
    "query ($x: Int!) { show(line: {from: {x: $x}, points: {x: 2, y: 3}, next: {from: {x: 1}}}) }",
    {"x": 9},
)(_lines)
CASES.add(
    "a list of inputs, and one in place of a list",
    "query ($l: Line!) { a: count(lines: [$l, $l]) b: count(lines: $l) c: count }",
    {"l": {"from": {"x": 1}}},
)(_lines)
CASES.add("a missing field of an input", "query ($l: Line!) { show(line: $l) }", {"l": {}})(_lines)
CASES.add("a wrong literal", "{ show(line: {from: {x: 1.5}}) }")(_lines)


def _patches() -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        def patch(self, patch: Patch) -> str:
            return repr((patch.name, patch.phone))

        @strawberry.field
        def argument(self, name: strawberry.Maybe[int | None] = None) -> str:
            return repr(name)

    return Query


CASES.add(
    "Maybe: absent, null and given",
    """
    query ($p: Patch!) {
      a: patch(patch: {id: 1}) b: patch(patch: {id: 1, phone: null}) c: patch(patch: $p)
      d: argument e: argument(name: null) f: argument(name: 1)
    }
    """,
    {"p": {"id": "1", "name": "Ada", "phone": "1"}},
)(_patches)
CASES.add("null for a Maybe that refuses it", "{ patch(patch: {id: 1, name: null}) }")(_patches)
CASES.add(
    "null for a Maybe in a variable",
    "query ($p: Patch!) { patch(patch: $p) }",
    {"p": {"id": "1", "name": None}},
)(_patches)


def _one_of() -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        def find(self, by: By) -> str:
            return repr(by)

    return Query


CASES.add("one of several fields", '{ a: find(by: {id: 1}) b: find(by: {name: "Ada"}) }')(_one_of)
CASES.add("one of: two are given", '{ find(by: {id: 1, name: "Ada"}) }')(_one_of)
CASES.add(
    "one of: two are given in a variable",
    "query ($b: By!) { find(by: $b) }",
    {"b": {"id": "1", "name": "Ada"}},
)(_one_of)
CASES.add("one of, in a variable", "query ($b: By!) { find(by: $b) }", {"b": {"id": "1"}})(_one_of)


@CASES.add(
    "arguments: renamed, described, deprecated, with defaults",
    "{ a: show b: show(theName: 1, list: [2], point: {x: 3}, size: LARGE) c: show(theName: null) }",
)
def _arguments() -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        def show(
            self,
            own: Annotated[
                int | None,
                strawberry.argument(
                    name="theName", description="A name.", deprecation_reason="Old."
                ),
            ] = 7,
            list: list[int] = [1],  # noqa: B006  # Strawberry copies it
            point: Point = Point(x=1, label="l"),  # noqa: B008  # as above
            size: Size = Size.SMALL,
            absent: int | None = strawberry.UNSET,
        ) -> str:
            return repr((own, list, point, size, absent))

    return Query


@CASES.add(
    "arguments named as page sizes, with input objects in variables",
    "query ($p: Point!, $l: [Point!]) { count(first: $p, last: $l, ids: $p) { name } }",
    {"p": {"x": 1}, "l": [{"x": 2}]},
)
def _named_as_page_sizes() -> type:
    @strawberry.type
    class Counted:
        name: str

    @strawberry.type
    class Query:
        @strawberry.field
        def count(self, first: Point, ids: Point, last: list[Point]) -> Counted:
            return Counted(name=repr((first, last, ids)))

    return Query


@strawberry.input
class Basket:
    items: list[int] = strawberry.field(default_factory=lambda: [1])
    other: int = 0


def _changes_arguments(basket: Annotated[Data, input_object(Basket)], extra: list[int]) -> str:
    basket["items"].append(2)
    basket["other"] += 1
    extra.append(3)
    return repr((basket, extra))


CHANGED = "({'items': [1, 2], 'other': 1}, [1, 3])"


@pytest.mark.parametrize("shortcuts", [True, False], ids=["with shortcuts", "without shortcuts"])
@pytest.mark.parametrize(
    ("declared", "arguments", "variables"),
    [
        ("", "", {}),
        ("", "(basket: {})", {}),
        ("", "(basket: {items: [1], other: 0}, extra: [1])", {}),
        ("($b: Basket! = {})", "(basket: $b)", {}),
        ("($b: Basket! = {items: [1]}, $e: [Int!]! = [1])", "(basket: $b, extra: $e)", {}),
        ("($b: Basket!)", "(basket: $b)", {"b": {}}),
        ("($n: Int, $e: [Int!])", "(basket: {other: $n}, extra: $e)", {}),
        ("($i: [Int!])", "(basket: {items: $i})", {}),
    ],
)
async def test_a_resolver_that_changes_its_arguments_does_not_change_those_of_the_next_request(
    declared: str,
    arguments: str,
    variables: dict[str, Any],
    shortcuts: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    def build() -> strawberry.Schema:
        def change(
            basket: Annotated[Data, input_object(Basket)] = {"items": [1], "other": 0},  # noqa: B006  # what it tests
            extra: list[int] = [1],  # noqa: B006  # as above
        ) -> str:
            return _changes_arguments(basket, extra)

        @strawberry.type
        class Query:
            change_all: str = strawberry.field(resolver=fast_resolver(change))

        return strawberry.Schema(Query)

    case = Case(build, f"query {declared} {{ changeAll{arguments} }}", variables)
    assert await by_engine(case, shortcuts=shortcuts, times=3) == Answer({"changeAll": CHANGED}, [])


@CASES.add(
    "an argument that is given as another type",
    "query ($n: Renamed!) { show(named: $n) }",
    {"n": {"someValue": 1}},
)
def _graphql_type() -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        def show(self, named: Annotated[Any, strawberry.argument(graphql_type=Named)]) -> str:
            assert isinstance(named, Named)
            return repr((named.some_value, named.other))

    return Query


@CASES.add(
    "a global id as an argument",
    'query ($id: ID!) { show(id: $id) wrong: show(id: "x") }',
    {"id": to_base64("Fruit", 1)},
)
def _global_id() -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        def show(self, id: GlobalID) -> str | None:
            return f"{id.type_name} {id.node_id}"

    return Query


@pytest.mark.parametrize("shortcuts", [True, False], ids=["with shortcuts", "without shortcuts"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_an_input_works_as_in_strawberry(case: Case, shortcuts: bool) -> None:  # noqa: FBT001  # a parameter of the test
    assert await by_engine(case, shortcuts=shortcuts) == await by_strawberry(case)
