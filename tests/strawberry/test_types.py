"""Types of every kind in Strawberry's manual."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, Generic, NewType, TypeVar, cast
from uuid import UUID

import pytest
import strawberry
from strawberry import relay
from strawberry.scalars import JSON, Base64
from strawberry.schema.config import StrawberryConfig

from schema.preparation.fast_resolver import fast_resolver
from tests.strawberry.running import Case, Registry, by_engine, by_strawberry

if TYPE_CHECKING:
    from tests.strawberry.lazy_types import Novel

CASES = Registry()
T = TypeVar("T")
Celsius = NewType("Celsius", float)


@strawberry.enum
class Flavour(Enum):
    VANILLA = "vanilla"
    LEMON = strawberry.enum_value("lemon", name="SOUR", description="Sour.")
    OLD = strawberry.enum_value("old", deprecation_reason="Nobody eats it.")


@strawberry.type
class Writer:
    name: str

    @strawberry.field
    def novel(self) -> Annotated["Novel", strawberry.lazy("tests.strawberry.lazy_types")]:
        from tests.strawberry.lazy_types import Novel  # noqa: PLC0415  # a circle

        return Novel(title=f"by {self.name}")


@strawberry.type
class Scalars:
    id: strawberry.ID = strawberry.ID("7")
    number: int = 7
    fraction: float = 7.5
    flag: bool = True
    day: dt.date = dt.date(2026, 1, 31)
    time: dt.time = dt.time(8, 15)
    at: dt.datetime = dt.datetime(2026, 1, 31, 8, 15, tzinfo=dt.UTC)
    amount: Decimal = Decimal("1.10")
    uuid: UUID = UUID(int=7)
    binary: Base64 = Base64(b"seven")
    json: JSON = strawberry.field(default_factory=lambda: {"a": [1, None]})

    @strawberry.field
    def nothing(self) -> None:
        return None


@strawberry.interface
class Shape:
    name: str

    @strawberry.field
    def loud(self) -> str:
        return self.name.upper()


@strawberry.type
class Circle(Shape):
    radius: int


@strawberry.type
class Square(Shape):
    side: int


Found = Annotated[Circle | Writer, strawberry.union("Found")]


@strawberry.type
class Fruit(relay.Node):
    code: relay.NodeID[int]
    name: str

    @classmethod
    def resolve_nodes(
        cls,
        *,
        info: strawberry.Info,  # noqa: ARG003  # the manual's signature
        node_ids: Iterable[str],
        required: bool = False,  # noqa: ARG003  # as above
    ) -> Any:
        return [FRUITS[int(one)] for one in node_ids]


FRUITS = {number: Fruit(code=number, name=name) for number, name in enumerate(["apple", "fig"])}


@CASES.add(
    "the scalars that Strawberry has",
    "{ scalars { id number fraction flag day time at amount uuid binary json nothing } }",
)
def _scalars() -> type:
    @strawberry.type
    class Query:
        scalars: Scalars = strawberry.field(resolver=Scalars)

    return Query


@CASES.add(
    "a custom scalar, out and in", "query ($t: Celsius!) { echo(t: $t) half(t: 8.5) }", {"t": 20}
)
def _custom_scalar() -> strawberry.Schema:
    @strawberry.type
    class Query:
        @strawberry.field
        def echo(self, t: Celsius) -> Celsius:
            return t

        @strawberry.field
        def half(self, t: Celsius) -> Celsius:
            return Celsius(t / 2)

    celsius = strawberry.scalar(
        name="Celsius",
        serialize=lambda value: f"{value:.1f} °C",
        parse_value=lambda value: Celsius(float(value)),
    )
    return strawberry.Schema(Query, config=StrawberryConfig(scalar_map={Celsius: celsius}))


@CASES.add("a custom scalar that refuses a value", "query ($e: Even!) { echo(e: $e) }", {"e": 3})
def _refusing_scalar() -> strawberry.Schema:
    even = NewType("even", int)

    def parse(value: Any) -> Any:
        if value % 2:
            message = "Even numbers only."
            raise ValueError(message)
        return value

    @strawberry.type
    class Query:
        @strawberry.field
        def echo(self, e: even) -> int:
            return e

    scalar = strawberry.scalar(name="Even", serialize=int, parse_value=parse)
    return strawberry.Schema(Query, config=StrawberryConfig(scalar_map={even: scalar}))


@CASES.add(
    "an enumeration with names of values, out and in",
    "query ($f: Flavour!) { a: echo(f: $f) b: echo(f: SOUR) all wrong }",
    {"f": "VANILLA"},
)
def _enum() -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        def echo(self, f: Flavour) -> Flavour:
            assert isinstance(f, Flavour)
            return f

        @strawberry.field
        def all(self) -> list[Flavour]:
            return list(Flavour)

        @strawberry.field
        def wrong(self) -> Flavour | None:
            return "bitter"  # type: ignore[return-value]  # that is the point

    return Query


@CASES.add("a generic type", "{ numbers { items total } words { items total } }")
def _generic() -> type:
    @strawberry.type
    class Page(Generic[T]):
        items: list[T]

        @strawberry.field
        def total(self) -> int:
            return len(self.items)

    @strawberry.type
    class Query:
        @strawberry.field
        def numbers(self) -> Page[int]:
            return Page(items=[1, 2])

        @strawberry.field
        def words(self) -> Page[str]:
            return Page(items=["a"])

    return Query


@CASES.add(
    "an interface",
    "{ shapes { __typename name loud ... on Circle { radius } ... on Square { side } } }",
)
def _interface() -> strawberry.Schema:
    @strawberry.type
    class Query:
        @strawberry.field
        def shapes(self) -> list[Shape]:
            return [Circle(name="c", radius=1), Square(name="s", side=2)]

    return strawberry.Schema(Query, types=[Circle, Square])


@CASES.add("an interface that finds the type itself", "{ pet { __typename name } }")
def _resolve_type() -> strawberry.Schema:
    @strawberry.interface
    class Pet:
        name: str

        @classmethod
        def resolve_type(cls, value: Any, *_: Any) -> str:
            return "Dog" if value.barks else "Cat"

    @strawberry.type
    class Dog(Pet):
        @classmethod
        def is_type_of(cls, _value: Any, _info: Any) -> bool:
            return True

    @strawberry.type
    class Cat(Pet): ...

    @strawberry.type
    class Query:
        @strawberry.field
        def pet(self) -> Pet:
            return SimpleNamespace(name="Rex", barks=True)  # type: ignore[return-value]  # of neither class

    return strawberry.Schema(Query, types=[Dog, Cat])


@CASES.add("a type that does not accept a value", "{ strict { name } }")
def _is_type_of() -> type:
    @strawberry.type
    class Strict:
        name: str

        @classmethod
        def is_type_of(cls, value: Any, info: Any) -> bool:
            return bool(value.name != info.field_name)

    @strawberry.type
    class Query:
        @strawberry.field
        def strict(self) -> Strict | None:
            return Strict(name="strict")

    return Query


@CASES.add(
    "a union",
    "{ found { __typename ... on Circle { radius } ... on Writer { name } } wrong { __typename } }",
)
def _union() -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        def found(self) -> list[Found]:
            return [Circle(name="c", radius=1), Writer(name="Ada")]

        @strawberry.field
        def wrong(self) -> Found | None:
            return Square(name="s", side=1)  # type: ignore[return-value]  # it is not in the union

    return Query


@CASES.add("lazy types in a circle", "{ writer { novel { title writer { name } } } }")
def _lazy() -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        def writer(self) -> Writer:
            return Writer(name="Ada")

    return Query


@CASES.add(
    "names: of a field, without camel case", "{ otherName my_name my_list(of_n: 2) { my_name } }"
)
def _names() -> strawberry.Schema:
    @strawberry.type
    class Item:
        my_name: str = "item"

    @strawberry.type
    class Query:
        @strawberry.field(name="otherName")
        def some_name(self) -> str:
            return "other"

        @strawberry.field
        def my_name(self) -> str:
            return "name"

        @strawberry.field
        def my_list(self, of_n: int) -> list[Item]:
            return [Item() for _ in range(of_n)]

    return strawberry.Schema(Query, config=StrawberryConfig(auto_camel_case=False))


@CASES.add("a field that is named otherwise than its attribute", "{ item { label } }")
def _renamed() -> type:
    @strawberry.type
    class Item:
        title: str = strawberry.field(default="t", name="label", deprecation_reason="Old.")

    @strawberry.type
    class Query:
        item: Item = strawberry.field(resolver=Item)

    return Query


@CASES.add("a type given with graphql_type", "{ number words }")
def _graphql_type() -> type:
    @strawberry.type
    class Query:
        @strawberry.field(graphql_type=str)
        def number(self) -> int:
            return 7

        @strawberry.field(graphql_type=list[str])
        def words(self) -> Any:
            return ("a", "b")

    return Query


@CASES.add("lists of lists, tuples, nulls", "{ table nested { name } }")
def _lists() -> type:
    @strawberry.type
    class Query:
        @strawberry.field
        def table(self) -> list[list[int | None] | None]:
            return [[1, None], None, []]

        @strawberry.field
        def nested(self) -> list[list[Writer]]:
            return [[Writer(name="a")], [Writer(name="b"), Writer(name="c")]]

    return Query


@CASES.add("values of dataclass fields: default and default_factory", "{ item { a b } }")
def _defaults() -> type:
    @strawberry.type
    class Item:
        a: str = "a"
        b: list[int] = strawberry.field(default_factory=lambda: [1])

    @strawberry.type
    class Query:
        item: Item = strawberry.field(resolver=Item)

    return Query


_GLOBAL_ID = relay.to_base64("Fruit", 1)


@CASES.add(
    "relay: node, nodes and a connection",
    """
    query ($id: ID!) {
      node(id: $id) { __typename id ... on Fruit { name } }
      fruits(first: 1) { edges { cursor node { id name } } pageInfo { hasNextPage endCursor } }
    }
    """,
    {"id": _GLOBAL_ID},
)
def _relay() -> type:
    @strawberry.type
    class Query:
        node: relay.Node = relay.node()

        @relay.connection(relay.ListConnection[Fruit])
        def fruits(self) -> Iterable[Fruit]:
            return list(FRUITS.values())

    return Query


@CASES.add(
    "introspection",
    '{ __schema { queryType { name } } __type(name: "Writer") { name fields { name } } }',
)
def _introspection() -> type | strawberry.Schema:
    return _lazy()


@CASES.add("an exception in an attribute", "{ item { json list } }")
def _exception() -> type:
    @strawberry.type
    class Item:
        json: JSON | None
        list: list[JSON | None]

    def find() -> Item:
        error: Any = ValueError("x")
        return Item(json=error, list=[None, error])

    @strawberry.type
    class Query:
        item: Item = strawberry.field(resolver=fast_resolver(find))

    return Query


@CASES.add("an awaitable in an attribute", "{ item { text } }")
def _awaitable() -> type:
    async def text() -> str:
        return "x"

    @strawberry.type
    class Item:
        text: str

    def find() -> Item:
        return Item(text=cast("str", text()))

    @strawberry.type
    class Query:
        item: Item = strawberry.field(resolver=fast_resolver(find))

    return Query


@CASES.add("federation", "{ _service { sdl } }")
def _federation() -> strawberry.Schema:
    @strawberry.federation.type(keys=["id"])
    class Product:
        id: strawberry.ID

        @classmethod
        def resolve_reference(cls, id: strawberry.ID) -> "Product":
            return Product(id=id)

    @strawberry.type
    class Query:
        product: Product = strawberry.field(resolver=lambda: Product(id=strawberry.ID("1")))

    return strawberry.federation.Schema(Query)


@pytest.mark.parametrize("shortcuts", [True, False], ids=["with shortcuts", "without shortcuts"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_type_works_as_in_strawberry(case: Case, shortcuts: bool) -> None:  # noqa: FBT001  # a parameter of the test
    assert await by_engine(case, shortcuts=shortcuts) == await by_strawberry(case)
