"""Unsupported features: preparing the schema fails, and the message names the field."""

from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Annotated, Any

import pytest
import strawberry
from strawberry.extensions import MaskErrors, QueryDepthLimiter, SchemaExtension
from strawberry.file_uploads import Upload
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.common.inputs import Data, input_object
from schema.common.node import Info
from schema.preparation.fast_resolver import UnsupportedSchema, fast_resolver
from schema.preparation.prepare import prepare


@strawberry.type
class Query:
    name: str = "x"


@strawberry.input
class Point:
    x: int
    label: str | None


class OwnSchema(strawberry.Schema):
    def process_errors(self, errors: Any, execution_context: Any = None) -> None:
        """Errors of the schema's own."""


class OwnExecutor(StrawberryGraphQLCoreExecutionContext): ...


def _with_resolver(resolver: Callable[..., Any]) -> strawberry.Schema:
    @strawberry.type
    class Query:
        find: str = strawberry.field(resolver=resolver)

    return strawberry.Schema(Query)


def _whole_info(info: strawberry.Info) -> str:
    return str(info.path)


def _input_class(point: Point) -> str:
    return repr(point)


def _maybe(name: strawberry.Maybe[str]) -> str:
    return repr(name)


def _dictionary(info: Info, point: Annotated[Data, input_object(Point)]) -> str:  # noqa: ARG001  # a parameter is what the test is about
    return repr(point)


async def _asynchronous() -> str:
    return "x"


def _below_the_root(resolver: Callable[..., Any]) -> strawberry.Schema:
    @strawberry.type
    class Item:
        name: str = strawberry.field(resolver=resolver)

    @strawberry.type
    class Query:
        item: Item

    return strawberry.Schema(Query)


@strawberry.input
class SameKeys:
    a: int = 1
    a_: int = strawberry.field(default=2, name="other")


def _same_keys(same: SameKeys) -> str:
    return repr(same)


def _alone() -> str:
    return "x"


def _decorated(function: Callable[..., str]) -> Callable[..., str]:
    @wraps(function)
    def upper(*args: Any, **kwargs: Any) -> str:
        return function(*args, **kwargs).upper()

    return upper


class _Callable:
    __module__ = __name__
    __name__ = "found"

    def __call__(self) -> str:
        return "x"


def _upload() -> strawberry.Schema:
    @strawberry.type
    class Query:
        @strawberry.field
        def size(self, file: Upload) -> int:
            return len(file)

    return strawberry.Schema(Query)


def _extended(*extensions: Any) -> strawberry.Schema:
    return strawberry.Schema(Query, extensions=extensions)


def _configured(**options: Any) -> strawberry.Schema:
    return strawberry.Schema(Query, config=StrawberryConfig(**options))


class Lifecycle(SchemaExtension):
    def on_operation(self) -> Any:
        yield


REFUSED: Mapping[str, tuple[Callable[[], strawberry.Schema], str]] = {
    "the whole info in a marked resolver": (
        lambda: _with_resolver(fast_resolver(_whole_info)),
        r"^Query\.find: .* Annotate `info` with schema\.common\.node\.Info",
    ),
    "an input class in a marked resolver": (
        lambda: _with_resolver(fast_resolver(_input_class)),
        r"^Query\.find: .* Annotate `point` with schema\.common\.inputs\.Data",
    ),
    "a Maybe in a marked resolver": (
        lambda: _with_resolver(fast_resolver(_maybe)),
        r"^Query\.find: Strawberry converts the values of the argument name",
    ),
    "a dictionary that cannot tell absent from null": (
        lambda: _with_resolver(fast_resolver(_dictionary)),
        r"^Query\.find: .* absent Point\.label from null",
    ),
    "input fields with the same key": (
        lambda: _with_resolver(_same_keys),
        r"^SameKeys: the fields a and a_ have the same key in a dictionary, 'a'\. Rename",
    ),
    "a coroutine function with a mark below the root": (
        lambda: _below_the_root(fast_resolver(_asynchronous)),
        r"^Item\.name: @fast_resolver marks a coroutine function",
    ),
    "a mark on something that is not a function": (
        lambda: _with_resolver(fast_resolver(_Callable())),
        r"^Query\.find: .* is not a plain function",
    ),
    "a decorator on top of the mark": (
        lambda: _with_resolver(_decorated(fast_resolver(_alone))),
        r"^Query\.find: a decorator is applied on top of @fast_resolver",
    ),
    "an extension with a lifecycle hook": (
        lambda: _extended(Lifecycle),
        r"^extensions: Lifecycle\.on_operation would not be called",
    ),
    "an extension of Strawberry's that masks errors": (
        lambda: _extended(MaskErrors),
        r"^extensions: MaskErrors\.on_operation",
    ),
    "an extension that is made by a function": (
        lambda: _extended(partial(QueryDepthLimiter, max_depth=3)),
        r"^extensions: .* is not a class",
    ),
    "a process_errors of the schema's own": (
        lambda: OwnSchema(Query),
        r"^OwnSchema: .* process_errors",
    ),
    "an execution context class": (
        lambda: strawberry.Schema(Query, execution_context_class=OwnExecutor),
        r"^execution_context_class: ",
    ),
    "no suggestions": (
        lambda: _configured(disable_field_suggestions=True),
        r"^disable_field_suggestions: ",
    ),
    "batches": (
        lambda: _configured(batching_config={"max_operations": 2}),
        r"^batching_config: ",
    ),
    "incremental execution": (
        lambda: _configured(enable_experimental_incremental_execution=True),
        r"^enable_experimental_incremental_execution: ",
    ),
    "uploads": (_upload, r"^Query\.size\(file:\): file uploads are not supported"),
}


@pytest.mark.parametrize(("build", "message"), REFUSED.values(), ids=REFUSED)
def test_the_schema_does_not_build_and_says_why(
    build: Callable[[], strawberry.Schema], message: str
) -> None:
    schema = build()
    with pytest.raises(UnsupportedSchema, match=message):
        prepare(schema)
