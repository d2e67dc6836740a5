"""Subscriptions as in Strawberry's manual, and their events answered by the engine."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.permission import BasePermission

from engine.streaming.subscriber import Event
from engine.streaming.subscription import NoSource, subscribe
from schema.preparation.fast_resolver import fast_resolver
from tests.strawberry.running import NO_LIMIT, Answer, Build, answer_of, prepared_operation


class Never(BasePermission):
    message = "Nobody may listen."

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return False


@strawberry.type
class Tick:
    number: int

    @strawberry.field
    async def path(self, info: strawberry.Info) -> list[str]:
        return [str(key) for key in info.path.as_list()]


@strawberry.type
class Query:
    name: str = "x"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int = 2) -> AsyncGenerator[int, None]:
        for number in range(to):
            yield number

    @strawberry.subscription
    async def ticks(self, info: strawberry.Info) -> AsyncGenerator[Tick, None]:
        for number, _ in enumerate(info.field_name):
            yield Tick(number=number)

    @strawberry.subscription(permission_classes=[Never])
    async def secret(self) -> AsyncGenerator[int, None]:
        yield 1

    @strawberry.subscription
    async def broken(self) -> AsyncGenerator[int, None]:
        yield "not a number"


def build() -> strawberry.Schema:
    return strawberry.Schema(Query, subscription=Subscription)


async def by_engine(build: Build, query: str) -> list[Answer]:
    """Return the results of a subscription as the server sends them."""
    try:
        results: AsyncIterator[ExecutionResult] = await subscribe(
            prepared_operation(build(), query),
            variables={},
            context=None,
            max_cost=NO_LIMIT,
            timeout_s=10,
            render=lambda result: result,
            shared_by=None,
        )
    except NoSource as error:
        return [answer_of(None, error.errors)]
    return [answer_of(result.data, result.errors) async for result in results]


async def by_strawberry(build: Build, query: str) -> list[Answer]:
    """Return the results of a subscription as Strawberry sends them."""
    results = await build().subscribe(query)
    return [answer_of(result.data, result.errors) async for result in results]


@pytest.mark.parametrize(
    "query",
    [
        "subscription { count }",
        "subscription { n: count(to: 3) }",
        "subscription { ticks { number path } }",
        "subscription { secret }",
        "subscription { broken }",
    ],
)
async def test_a_subscription_works_as_in_strawberry(query: str) -> None:
    assert await by_engine(build, query) == await by_strawberry(build, query)


class OnlyRoomA(BasePermission):
    message = "Only those who asked for room A may see this."

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return bool(info.variable_values["room"] == "A")


def _tagged(root: Any) -> str:
    root.reads += 1
    return f"tagged {root.name}"


@strawberry.type
class Room:
    name: str
    tagged: str = strawberry.field(resolver=fast_resolver(_tagged))

    @strawberry.field
    def asked_for(self, info: strawberry.Info) -> str:
        return str(info.variable_values["room"])

    @strawberry.field(permission_classes=[OnlyRoomA])
    def secret(self) -> str | None:
        return "secret"


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def asked(value: DirectiveValue[str], info: strawberry.Info) -> str:
    return f"{value} {info.variable_values['room']}"


@pytest.mark.parametrize(
    ("fields", "expected_in_a", "expected_in_b"),
    [
        ("askedFor", {"askedFor": "A"}, {"askedFor": "B"}),
        ("... on Room { secret }", {"secret": "secret"}, {"secret": None}),
        ("name @asked", {"name": "x A"}, {"name": "x B"}),
        ("...Fields", {"secret": "secret"}, {"secret": None}),
    ],
)
async def test_subscriptions_share_no_response_that_may_depend_on_other_variables(
    fields: str, expected_in_a: dict[str, Any], expected_in_b: dict[str, Any]
) -> None:
    if "Fields" in fields:
        fields += " } } fragment Fields on Room { secret ... on Room { __typename"
        expected_in_a = {**expected_in_a, "__typename": "Room"}
        expected_in_b = {**expected_in_b, "__typename": "Room"}
    found, _ = await _in_rooms_a_and_b(fields)
    assert found == [{"entered": expected_in_a}, {"entered": expected_in_b}]


async def test_subscriptions_share_a_response_of_attributes_and_fast_resolvers() -> None:
    found, reads = await _in_rooms_a_and_b("name tagged __typename")
    answer = {"name": "x", "tagged": "tagged x", "__typename": "Room"}
    assert found == [{"entered": answer}] * 2
    assert reads == 1


async def _in_rooms_a_and_b(fields: str) -> tuple[list[Any], int]:
    """Answer one event to two callers, who differ in a variable of the subscription field.

    Return the data that they receive, and how often the field ``tagged`` was read.
    """
    room = SimpleNamespace(name="x", reads=0)
    event = Event.__new__(Event)
    event.value, event.responses = room, {}
    both = asyncio.Barrier(2)

    @strawberry.type
    class Rooms:
        @strawberry.subscription
        async def entered(self, room: str) -> AsyncGenerator[Room, None]:
            await both.wait()
            yield event

    schema = strawberry.Schema(Query, subscription=Rooms, directives=[asked])
    query = f"subscription ($room: String!) {{ entered(room: $room) {{ {fields} }} }}"
    operation = prepared_operation(schema, query)

    async def first_response(room: str) -> Any:
        responses = await subscribe(
            operation,
            variables={"room": room},
            context=None,
            max_cost=NO_LIMIT,
            timeout_s=10,
            render=lambda result: result.data,
            shared_by="the same caller",
        )
        [response] = [response async for response in responses]
        return response

    found = await asyncio.gather(first_response("A"), first_response("B"))
    return list(found), room.reads
