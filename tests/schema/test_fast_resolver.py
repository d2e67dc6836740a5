"""How the engine calls a marked resolver, whatever its parameters are named."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
import strawberry

from engine.arguments.fast_resolvers import FastResolver, fast_resolver_of
from schema.common.inputs import Data, as_data, input_object
from schema.common.node import Info
from schema.preparation.fast_resolver import fast_resolver
from schema.preparation.prepare import prepare

PARENT = SimpleNamespace(name="parent")
INFO = SimpleNamespace(context="context")


def parent_and_info(parent: strawberry.Parent[Any], info: Info, n: int) -> str:
    return f"{parent.name} {info.context} {n}"


def info_and_parent(n: int, told: Info, above: strawberry.Parent[Any]) -> str:
    return f"{above.name} {told.context} {n}"


def parent_alone(above: strawberry.Parent[Any], n: int) -> str:
    return f"{above.name} context {n}"


def info_alone(told: Info, n: int) -> str:
    return f"parent {told.context} {n}"


def arguments_alone(n: int) -> str:
    return f"parent context {n}"


def as_self(self: Any, n: int, info: Info) -> str:
    return f"{self.name} {info.context} {n}"


def as_root(info: Info, root: Any, n: int) -> str:
    return f"{root.name} {info.context} {n}"


RESOLVERS: list[Callable[..., str]] = [
    parent_and_info,
    info_and_parent,
    parent_alone,
    info_alone,
    arguments_alone,
    as_self,
    as_root,
]


@pytest.mark.parametrize("resolver", RESOLVERS, ids=lambda resolver: resolver.__name__)
def test_the_parent_and_the_info_are_passed_where_the_resolver_wants_them(
    resolver: Callable[..., str],
) -> None:
    assert _fast(resolver).function(PARENT, INFO, n=7) == "parent context 7"


def named_as_parameters(source: int, _info: int, info_value: int) -> str:
    return f"{source} {_info} {info_value}"


def parent_and_names(root: Any, source: int, _info: int, info_value: int) -> str:
    return f"{root.name} {source} {_info} {info_value}"


def info_and_names(told: Info, source: int, _info: int, info_value: int) -> str:
    return f"{told.context} {source} {_info} {info_value}"


def all_names(source: int, _info: int, info_value: int, told: Info, root: Any) -> str:
    return f"{root.name} {told.context} {source} {_info} {info_value}"


@pytest.mark.parametrize(
    "resolver",
    [named_as_parameters, parent_and_names, info_and_names, all_names],
    ids=lambda resolver: resolver.__name__,
)
def test_an_argument_may_have_any_name(resolver: Callable[..., str]) -> None:
    fast = _fast(resolver)
    assert fast.function(PARENT, INFO, source=1, _info=2, info_value=3).endswith("1 2 3")


def _fast(resolver: Callable[..., str]) -> FastResolver:
    @strawberry.type
    class Query:
        found: str = strawberry.field(resolver=fast_resolver(resolver))

    query_type = prepare(strawberry.Schema(Query)).schema.query_type
    assert query_type is not None
    fast = fast_resolver_of(query_type.fields["found"])
    assert fast is not None
    return fast


@strawberry.input
class Inner:
    in_: list[int] = strawberry.field(name="in", default_factory=list)
    given: strawberry.Maybe[int | None]
    absent: strawberry.Maybe[int]


@strawberry.input
class Outer:
    inner: list[Inner]
    some_name: str | None = strawberry.UNSET
    other_name: str = "o"


DATA = {"inner": [{"in": [1], "given": None}], "other_name": "o"}


async def test_strawberry_passes_the_same_dictionaries() -> None:
    received: list[Any] = []

    @fast_resolver
    async def find(outer: Annotated[Data, input_object(Outer)]) -> str:
        received.append(outer)
        return "found"

    @strawberry.type
    class Query:
        found: str = strawberry.field(resolver=find)

    result = await strawberry.Schema(Query).execute(
        "{ found(outer: {inner: {in: [1], given: null}}) }"
    )
    assert result.errors is None
    assert received == [DATA]


def test_only_input_objects_become_dictionaries() -> None:
    outer = Outer(inner=[Inner(in_=[1], given=strawberry.Some(None), absent=None)])
    assert as_data(outer) == DATA
    for value in (None, 7, "x", [1], {"a": outer}, PARENT):
        assert as_data(value) == value
