"""Subscriptions as in Strawberry's manual, and their events answered by the engine."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult
from strawberry.permission import BasePermission

from engine.streaming.subscription import NoSource, subscribe
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
